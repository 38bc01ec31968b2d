"""The whole job: what is written, whatever the block, and statistics that are kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import attrs
import numpy as np
import pytest
import tifffile

from asem_core import Registry, Volume, VoxelSize
from asem_core.errors import OutputError, VolumeError
from asem_core.geometry import Box, Triple
from asem_core.preprocessing import statistics
from asem_core.preprocessing.stages import make_steps, measure, normalised
from asem_core.preprocessing.whole import preprocess
from asem_core.specs import StageRef
from asem_core.volume import GreyRange, open_volume

RAW = np.random.default_rng(5).normal(120, 30, (30, 41, 150)).clip(0, 255).astype(np.uint8)
STAGES = [StageRef(name="percentile_rescale"), StageRef(name="clahe", params={"kernel": 16})]


@pytest.mark.parametrize("block", [(8, 8, 8), (128, 256, 256)])
@pytest.mark.parametrize("roi", [None, Box((3, 0, 7), (30, 22, 141))])
def test_blocks_and_rois(
    tmp_path: Path, registry: Registry, as_volume: Callable[..., Volume], block: Triple, roi: Box | None
) -> None:
    volume = attrs.evolve(as_volume(RAW), lower_edge_nm=(100.0, 0.0, 0.0))
    steps = make_steps(STAGES, registry)
    expected = normalised(volume, steps, measure(volume, steps)).read(volume.box)
    preprocess(volume, tmp_path / "out.zarr", stages=STAGES, registry=registry, roi=roi, block=block)
    out = open_volume(tmp_path / "out.zarr", registry=registry)
    part = roi or volume.box
    np.testing.assert_array_equal(out.read(out.box), expected[part.slices])
    assert out.dtype == np.uint8
    assert out.lower_edge_nm == (100.0 + 10 * part.start[0], 0, 10 * part.start[2])


def test_sections_are_read_through_a_copy(tmp_path: Path, registry: Registry, as_volume: Callable[..., Volume]) -> None:
    tifffile.imwrite(tmp_path / "in.tif", RAW, photometric="minisblack")
    sections = open_volume(tmp_path / "in.tif", registry=registry, voxel_size=VoxelSize((10, 10, 10)))
    steps = make_steps(STAGES, registry)
    preprocess(sections, tmp_path / "out.zarr", stages=STAGES, registry=registry)
    volume = as_volume(RAW)
    out = open_volume(tmp_path / "out.zarr", registry=registry)
    np.testing.assert_array_equal(out.read(out.box), normalised(volume, steps, measure(volume, steps)).read(volume.box))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.tif", "out.zarr", "out.zarr.journal.jsonl"]


def test_statistics_are_measured_once(
    tmp_path: Path, registry: Registry, as_volume: Callable[..., Volume], monkeypatch: pytest.MonkeyPatch
) -> None:
    volume, steps, store = as_volume(RAW), make_steps(STAGES, registry), tmp_path / "s.npz"
    first = statistics.measured(volume, steps, store)
    monkeypatch.setattr(statistics, "measure", lambda *_args, **_more: pytest.fail("measured again"))
    again = statistics.measured(volume, steps, store)
    assert [list(stats) for stats in again] == [["histogram"], ["tile_mappings"]]
    for stats, same in zip(first, again, strict=True):
        for name in stats:
            np.testing.assert_array_equal(stats[name], same[name])
    with pytest.raises(VolumeError, match="has statistics of other stages"):
        statistics.measured(volume, steps[:1], store)
    with pytest.raises(VolumeError, match="has statistics of other volume"):
        statistics.measured(as_volume(RAW + 1), steps, store)
    store.write_bytes(b"not a zip")
    with pytest.raises(VolumeError, match="holds no statistics"):
        statistics.measured(volume, steps, store)


def test_bad_input_leaves_nothing(tmp_path: Path, registry: Registry, as_volume: Callable[..., Volume]) -> None:
    with pytest.raises(OutputError, match=r"NAME\.zarr"):
        preprocess(as_volume(RAW), tmp_path / "out.tif", stages=STAGES, registry=registry)
    with pytest.raises(VolumeError, match="found uint32"):
        preprocess(as_volume(RAW.astype(np.uint32)), tmp_path / "out.zarr", stages=STAGES, registry=registry)
    bad = RAW / np.float32(255)
    bad[0, 0, 1] = np.nan
    with pytest.raises(VolumeError, match=r"voxel 0,0,1 \(z,y,x\) is nan"):
        preprocess(as_volume(bad), tmp_path / "out.zarr", stages=STAGES, registry=registry)
    assert not list(tmp_path.iterdir())


def test_levels_that_fill_little_of_the_range_are_warned_of(
    tmp_path: Path, as_volume: Callable[..., Volume], caplog: pytest.LogCaptureFixture
) -> None:
    narrow = as_volume(RAW.astype(np.uint16) + 33000)
    preprocess(narrow, tmp_path / "stretched.zarr", stages=["percentile_rescale", "clahe:kernel=16"])
    preprocess(narrow, tmp_path / "graded.zarr", stages=["clahe:kernel=16"], grey=GreyRange(33000, 33255))
    assert not caplog.text
    preprocess(narrow, tmp_path / "flat.zarr", stages=["clahe:kernel=16"])
    assert "its grey levels span 128" in caplog.text
    assert "or --grey auto" in caplog.text


def test_what_statistics_do_not_allow_is_said_before_the_blocks(
    tmp_path: Path, as_volume: Callable[..., Volume]
) -> None:
    padded = np.zeros((20, 40, 40), np.uint8)
    padded[:, :20] = RAW[:20, :20, :40]
    with pytest.raises(VolumeError, match=r"are both grey level 0 of 255: choose low and high further apart$"):
        preprocess(as_volume(padded), tmp_path / "out.zarr", stages=["percentile_rescale:low=1,high=20"])
    assert not list(tmp_path.iterdir())
