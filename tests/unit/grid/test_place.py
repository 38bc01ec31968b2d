"""Volumes lie where they say; only what says nothing is laid on another by its shape."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr

from asem_core import Volume, VoxelSize, open_volume
from asem_core.conversion.convert import convert
from asem_core.errors import GeometryError
from asem_core.geometry import Box
from asem_core.grid.place import clip, paste, place, same_place

NM5 = VoxelSize((5, 5, 5))
IMAGE = np.arange(4 * 5 * 6, dtype=np.uint8).reshape(4, 5, 6)


def write(path: Path, **attributes: Any) -> Volume:
    array = zarr.create_array(path, data=IMAGE, chunks=(2, 3, 3))
    array.attrs.update({"resolution": [5, 5, 5], **attributes})
    return open_volume(path)


def write_tiff(path: Path) -> Volume:
    tifffile.imwrite(path, IMAGE, metadata=None, photometric="minisblack")
    return open_volume(path, voxel_size=NM5)


def test_files_that_state_no_position_are_not_placed(tmp_path: Path) -> None:
    assert not write_tiff(tmp_path / "a.tif").placed
    assert not write(tmp_path / "a.zarr").placed
    assert write(tmp_path / "b.zarr", offset=[0, 0, 0]).placed
    assert write(tmp_path / "c.zarr", offset=[10, 0, 0]).placed


def test_in_memory_a_position_is_one_that_is_given() -> None:
    def made(**place: Any) -> Volume:
        return Volume(array=IMAGE, voxel_size=NM5, uri="m", format="memory", chunks=(4, 5, 6), **place)

    assert not made().placed
    assert made(lower_edge_nm=(0.0, 5.0, 0.0)).placed
    assert made(states_place=True).placed


@pytest.mark.parametrize("suffix", [".zarr", ".tif", ""])
def test_what_is_not_placed_stays_so_in_every_format(tmp_path: Path, suffix: str) -> None:
    for name, source in (
        ("tiff", write_tiff(tmp_path / "in.tif")),
        ("zarr", write(tmp_path / "in.zarr", offset=[5, 0, 0])),
    ):
        whole, part = tmp_path / f"{name}_whole{suffix}", tmp_path / f"{name}_part{suffix}"
        convert(source, whole)
        convert(source, part, roi=Box((1, 0, 0), (3, 5, 6)))
        assert open_volume(whole).placed == source.placed
        assert open_volume(part).placed  # in the frame of the whole
        assert open_volume(part).lower_edge_nm == (source.lower_edge_nm[0] + 5, 0, 0)


def test_equal_shapes_elsewhere_do_not_lie_on_each_other(tmp_path: Path) -> None:
    raw = write(tmp_path / "raw.zarr", offset=[0, 0, 0])
    mask = write(tmp_path / "mask.zarr", offset=[4900, 0, 0])
    assert not same_place(mask, raw)
    with pytest.raises(GeometryError, match="does not cover"):
        clip(mask, raw)
    with pytest.raises(GeometryError, match="do not overlap"):
        place(mask, raw)


def test_tiff_lies_on_what_has_its_shape(tmp_path: Path) -> None:
    raw = write(tmp_path / "raw.zarr", offset=[500, 0, 0])
    labels = write_tiff(tmp_path / "labels.tif")
    np.testing.assert_array_equal(clip(labels, raw).read(raw.box), IMAGE)
    assert place(labels, raw).by == "shape"
    copy = tmp_path / "labels.zarr"
    convert(labels, copy)
    assert place(open_volume(copy), raw).by == "shape"


def test_a_larger_mask_is_cut_by_position(tmp_path: Path) -> None:
    mask = write(tmp_path / "mask.zarr", offset=[100, 100, 100])
    raw = Volume(array=IMAGE[:2, :3, :4], voxel_size=NM5, lower_edge_nm=(105, 110, 110), uri="m", format="memory",
                 chunks=(2, 3, 4))  # fmt: skip
    np.testing.assert_array_equal(clip(mask, raw).read(raw.box), IMAGE[1:3, 2:5, 2:6])


@pytest.mark.parametrize("edge", [-100, 1000])
def test_a_crop_that_states_no_place_is_pasted_where_the_reference_begins(tmp_path: Path, edge: int) -> None:
    crop = write_tiff(tmp_path / "crop.tif")
    for shape in ((6, 7, 8), IMAGE.shape):
        frame = Volume(array=np.zeros(shape, np.uint8), voxel_size=NM5, lower_edge_nm=(edge, 0, 0), uri="m",
                       format="memory", chunks=shape)  # fmt: skip
        pasted = paste(crop, frame)
        assert pasted.lower_edge_nm == frame.lower_edge_nm
        np.testing.assert_array_equal(pasted.read(crop.box), IMAGE)
