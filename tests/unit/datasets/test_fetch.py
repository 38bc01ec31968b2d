"""Fetching: the same voxels, wherever it was interrupted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import zarr

from asem_core.blocks.verify import status, verify
from asem_core.datasets import fetch as module
from asem_core.datasets.fetch import fetch
from asem_core.datasets.source import block_named, open_dataset, source_sha256
from asem_core.errors import AsemError, BlockError, GeometryError, OutputError, ResumeError, VolumeError
from asem_core.geometry import Box
from asem_core.specs import DatasetSpec
from asem_core.volume import open_labels, open_volume

ROI = Box((25, 15, 10), (95, 85, 80))
BLOCK = (64, 64, 64)


def stored(cell: Path, name: str) -> Any:
    return zarr.open_array(cell / "volumes" / name, mode="r")[:]


def test_a_part_with_labels_keeps_its_voxels_and_its_place(cell: Path, spec: DatasetSpec, tmp_path: Path) -> None:
    found = fetch(open_dataset(spec, ["er"]), tmp_path / "out.zarr", roi=ROI, block=BLOCK)
    image, er = open_volume(tmp_path / "out.zarr"), open_labels(tmp_path / "out.zarr", "er")
    np.testing.assert_array_equal(image.read(image.box), stored(cell, "raw")[ROI.slices])
    np.testing.assert_array_equal(er.read(er.box), stored(cell, "labels/er")[ROI.shift((-20, -10, 0)).slices])
    assert image.lower_edge_nm == er.lower_edge_nm == (125, 75, 50)
    assert er.dtype == np.uint32
    assert verify(tmp_path / "out.zarr").sound
    assert found.notes == ("labels of er cover 20:110,10:90,0:140, more than the image, 0:100,0:90,0:130: clipped",)
    provenance = json.loads((tmp_path / "out.zarr/.zattrs").read_text())["asem"]
    assert provenance["roi"] == str(ROI)
    assert provenance["source_sha256"] == source_sha256(open_volume(cell))


def test_labels_that_cover_a_part_only_are_said(cell: Path, spec: DatasetSpec, tmp_path: Path) -> None:
    found = fetch(open_dataset(spec, ["er"]), tmp_path / "out.zarr", roi=Box((0, 0, 0), (30, 30, 30)))
    assert "labels of er cover 20:30,10:30,0:30 only: 0 elsewhere does not mean background" in found.notes
    er = open_labels(tmp_path / "out.zarr", "er")
    values = er.read(er.box)
    assert not values[:20].any()
    np.testing.assert_array_equal(values[20:, 10:], stored(cell, "labels/er")[:10, :20, :30])
    with pytest.raises(GeometryError, match=r"no labels of er in ROI 0:9,0:9,0:9: they cover 20:110"):
        fetch(open_dataset(spec, ["er"]), tmp_path / "none.zarr", roi=Box((0, 0, 0), (9, 9, 9)))


def test_labels_of_other_voxels_are_refused(cell: Path, spec: DatasetSpec) -> None:
    zarr.open_array(cell / "volumes/labels/er").attrs["resolution"] = [10, 10, 10]
    with pytest.raises(GeometryError, match=r"labels/er has voxels of 10 x 10 x 10 nm but .*raw has 5 x 5 x 5 nm"):
        open_dataset(spec, ["er"])


def test_a_stopped_fetch_goes_on_where_it_was(
    spec: DatasetSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first run loses its source after three of eight blocks; the second reads the other five alone."""
    opened, read = open_dataset(spec), []

    class Counted:
        shape, dtype = opened.image.array.shape, opened.image.array.dtype
        fails = True

        def __getitem__(self, key: Any) -> Any:
            if self.fails and len(read) >= 3:
                raise OSError("connection reset")
            read.append(key)
            return opened.image.array[key]

    counted = Counted()
    flaky = attrs.evolve(opened, image=attrs.evolve(opened.image, array=counted))
    with pytest.raises(BlockError, match=r"5 of 8 blocks failed in sweep 'fetching'.*connection reset.*run the same"):
        fetch(flaky, tmp_path / "out.zarr", roi=ROI, block=BLOCK)
    assert status(tmp_path / "out.zarr").sweeps["fetching"] == (3, 8)
    with pytest.raises(ResumeError, match="roi was 25:95"):
        fetch(flaky, tmp_path / "out.zarr", roi=Box((0, 0, 0), (70, 70, 70)), block=BLOCK)
    counted.fails = False
    fetch(flaky, tmp_path / "out.zarr", roi=ROI, block=BLOCK)
    assert len(read) == 8
    assert verify(tmp_path / "out.zarr").sound
    image = open_volume(tmp_path / "out.zarr")
    np.testing.assert_array_equal(image.read(image.box), opened.image.read(ROI))


def test_a_complete_fetch_is_not_replaced_unasked(spec: DatasetSpec, tmp_path: Path) -> None:
    small = Box((0, 0, 0), (8, 8, 8))
    other = small.shift((1, 1, 1))
    first = fetch(open_dataset(spec), tmp_path / "out.zarr", roi=small)
    assert fetch(open_dataset(spec), tmp_path / "out.zarr", roi=small) == first
    with pytest.raises(OutputError, match=r"made with other settings \(roi was 0:8,0:8,0:8.*; use --overwrite"):
        fetch(open_dataset(spec), tmp_path / "out.zarr", roi=other)
    fetch(open_dataset(spec), tmp_path / "out.zarr", roi=other, overwrite=True)
    assert open_volume(tmp_path / "out.zarr").lower_edge_nm == (5, 5, 5)


def test_blocks_by_name(spec: DatasetSpec) -> None:
    assert block_named(spec, "er-training-1") == ROI
    with pytest.raises(AsemError, match=r"where block 'er-training-2' lies is not published; .*: er-training-1"):
        block_named(spec, "er-training-2")
    with pytest.raises(AsemError, match="no block 'x'; with a known place: er-training-1"):
        block_named(spec, "x")


def test_what_is_not_as_registered_is_refused(cell: Path, spec: DatasetSpec) -> None:
    right = source_sha256(open_volume(cell))
    open_dataset(attrs.evolve(spec, sha256=right))
    with pytest.raises(VolumeError, match=f"is not the registered image of toy: .*{right}, expected 0"):
        open_dataset(attrs.evolve(spec, sha256="0" * 64))
    with pytest.raises(VolumeError, match="voxels of 5 x 5 x 5 nm, toy is registered with 8 x 8 x 8 nm"):
        open_dataset(attrs.evolve(spec, voxel_size_nm=(8, 8, 8)))
    with pytest.raises(AsemError, match="no labels 'golgi' are registered; there are: er"):
        open_dataset(spec, ["golgi"])
    with pytest.raises(GeometryError, match="ROI 0:200,0:1,0:1 must be a part of"):
        fetch(open_dataset(spec), cell.parent / "o.zarr", roi=Box((0, 0, 0), (200, 1, 1)))


def test_a_source_may_lie_elsewhere(cell: Path, spec: DatasetSpec) -> None:
    moved = attrs.evolve(spec, uri="s3://nowhere/cell.zarr")
    assert open_dataset(moved, ["er"], uri=f"{cell}/").image.shape == (100, 90, 130)


def test_blocks_are_bounded(spec: DatasetSpec) -> None:
    side = module._block_side(open_dataset(spec, ["er"]))
    assert side == (192, 192, 192)
    assert side[0] ** 3 * 5 <= module.BLOCK_BYTES
