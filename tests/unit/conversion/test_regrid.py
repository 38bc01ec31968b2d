"""A volume on another grid: blockwise = whole, its place, its dtype."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr

from asem_core.conversion import convert
from asem_core.conversion import regrid as module
from asem_core.conversion.regrid import regrid, regridded
from asem_core.errors import GeometryError, OutputError
from asem_core.geometry import Box, VoxelSize, resampled_shape
from asem_core.volume import Volume, open_volume

PAIRS = [
    ((5, 5, 5), (10, 10, 10)),
    ((10, 10, 10), (5, 5, 5)),
    ((3.4, 4, 4), (4, 4, 4)),
    ((3.4, 4, 4), (5, 5, 5)),
    ((8, 4, 4), (5, 5, 5)),
]


def of(values: np.ndarray, size: tuple[float, float, float], **kwargs: object) -> Volume:
    given = {"uri": "/memory/source", "format": "memory", "chunks": values.shape, **kwargs}
    return Volume(array=values, voxel_size=VoxelSize(size), **given)


def values_of(shape: tuple[int, int, int], dtype: str) -> np.ndarray:
    return np.random.default_rng(5).integers(0, 200, shape).astype(dtype)


@pytest.mark.parametrize(("source", "target"), PAIRS)
@pytest.mark.parametrize(
    ("dtype", "labels"), [("u1", False), ("u2", False), ("f4", False), ("u1", True), ("u8", False)]
)
def test_blockwise_is_the_whole(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    source: tuple[float, float, float],
    target: tuple[float, float, float],
    dtype: str,
    labels: bool,
) -> None:
    monkeypatch.setattr(module, "DEFAULT_CHUNK", (5, 8, 11))
    volume = of(values_of((13, 20, 22), dtype), source, lower_edge_nm=(100.0, 0.0, -8.0))
    size = VoxelSize(target)
    shape = resampled_shape(volume.shape, volume.voxel_size, size)
    whole = regridded(volume, Box.of_shape(shape), voxel_size=size, labels=labels or dtype == "u8")
    regrid(volume, tmp_path / "out.zarr", voxel_size=size, labels=labels)
    found = open_volume(tmp_path / "out.zarr")
    assert (found.dtype, found.shape, found.voxel_size) == (volume.dtype, shape, size)
    assert found.lower_edge_nm == pytest.approx((100, 0, -8), abs=1e-9)
    np.testing.assert_array_equal(found.read(found.box), whole)


def test_integers_are_rounded() -> None:
    volume = of(np.array([[[0, 1, 1, 2, 255, 255]]], np.uint8), (5, 5, 5))
    found = regridded(volume, Box.of_shape((1, 1, 3)), voxel_size=VoxelSize((5, 5, 10)), labels=False)
    assert found.tolist() == [[[0, 2, 255]]]


@pytest.mark.parametrize("suffix", [".tif", ".zarr"])
@pytest.mark.parametrize("size", [4, 10])
@pytest.mark.parametrize("as_labels", [False, True])
def test_a_roi_is_part_of_the_whole(tmp_path: Path, suffix: str, size: int, as_labels: bool) -> None:
    place = tmp_path / f"in{suffix}"
    convert(of(values_of((30, 31, 32), "u1"), (5, 5, 5), lower_edge_nm=(50.0, 0.0, 0.0)), place)
    given = {"resample": (size, size, size), "labels": as_labels}
    convert(place, tmp_path / "whole.zarr", **given)
    convert(place, tmp_path / "part.zarr", roi=Box((4, 8, 20), (24, 28, 32)), **given)
    whole, part = (open_volume(tmp_path / f"{name}.zarr") for name in ("whole", "part"))
    start = [n * 5 // size for n in (4, 8, 20)]
    np.testing.assert_array_equal(part.read(part.box), whole.read(part.box.shift(start)))
    assert part.lower_edge_nm == pytest.approx((70, 40, 100))
    told = zarr.open_group(tmp_path / "part.zarr", mode="r").attrs["asem"]
    assert (told["roi"], told["source_shape"]) == ("4:24,8:28,20:32", [30, 31, 32])


def test_float64_keeps_its_digits() -> None:
    values = 1e6 + np.random.default_rng(0).random((4, 4, 4))
    found = regridded(of(values, (5, 5, 5)), Box.of_shape((2, 2, 2)), voxel_size=VoxelSize((10, 10, 10)), labels=False)
    np.testing.assert_allclose(found, values.reshape(2, 2, 2, 2, 2, 2).mean((1, 3, 5)), rtol=0, atol=1e-9)


def test_there_and_back_is_exact_for_labels(tmp_path: Path) -> None:
    ids = values_of((6, 7, 8), "u4") * 70000
    regrid(of(ids, (10, 10, 10)), tmp_path / "fine.zarr", voxel_size=VoxelSize((5, 5, 5)))
    regrid(open_volume(tmp_path / "fine.zarr"), tmp_path / "back.zarr", voxel_size=VoxelSize((10, 10, 10)))
    back = open_volume(tmp_path / "back.zarr")
    np.testing.assert_array_equal(back.read(back.box), ids)


def test_sections_are_staged_and_nothing_else_stays(tmp_path: Path) -> None:
    values = values_of((9, 20, 21), "u1")
    tifffile.imwrite(tmp_path / "in.tif", values, photometric="minisblack")
    volume = open_volume(tmp_path / "in.tif", voxel_size=VoxelSize((5, 5, 5)))
    assert volume.planewise
    regrid(volume, tmp_path / "out.zarr", voxel_size=VoxelSize((10, 10, 10)))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.tif", "out.zarr", "out.zarr.journal.jsonl"]
    found = zarr.open_array(tmp_path / "out.zarr/0", mode="r")
    mean = values[:8, :20, :20].reshape(4, 2, 10, 2, 10, 2).mean((1, 3, 5))
    np.testing.assert_array_equal(np.asarray(found)[:4, :, :10], np.rint(mean))


def test_a_factor_above_two_warns_and_above_eight_is_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    volume = of(values_of((8, 8, 8), "u1"), (5, 5, 5))
    regrid(volume, tmp_path / "two.zarr", voxel_size=VoxelSize((10, 10, 10)))
    assert not caplog.records
    regrid(volume, tmp_path / "four.zarr", voxel_size=VoxelSize((20, 5, 5)))
    assert "factor of 4" in caplog.text
    with pytest.raises(GeometryError, match=r"5 x 5 x 5 nm differs from 0.01 x 0.01 x 0.01 nm by a factor of 500"):
        regrid(volume, tmp_path / "wrong.zarr", voxel_size=VoxelSize((0.01, 0.01, 0.01)))
    assert sorted(path.name for path in tmp_path.glob("*.zarr")) == ["four.zarr", "two.zarr"]


def test_tiff_is_a_second_step(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="convert it to TIFF afterwards"):
        regrid(of(values_of((8, 8, 8), "u1"), (5, 5, 5)), tmp_path / "out.tif", voxel_size=VoxelSize((10, 10, 10)))
