"""The mask's steps against scipy and scikit-image; block by block against the whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.morphology import ball

from asem_core import Volume, VoxelSize, open_volume
from asem_core.errors import AsemError, OutputError, VolumeError
from asem_core.geometry import Box
from asem_core.grid.mirror import read_mirrored
from asem_core.mask import CellMask, make_mask
from asem_core.mask.steps import erode, rough_mask
from asem_core.volume import GreyRange

from .whole import cell_mask

NM5 = VoxelSize((5, 5, 5))
SMALL = CellMask(high=180, max_hole=120, min_object=200, opening=2, closing=1)


def speckled(shape: tuple[int, int, int], seed: int) -> npt.NDArray[np.uint8]:
    """Blobs of cell and resin of many sizes, some across every face."""
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=shape), 2, mode="wrap")
    return np.clip(170 + 50 * noise / noise.std(), 0, 255).astype(np.uint8)


def reference(raw: npt.NDArray[Any], params: CellMask) -> npt.NDArray[np.bool_]:
    """The published steps by scipy and scikit-image on the whole 5 nm volume, mirrored at its faces."""
    rim = 2 * (params.opening + params.closing)
    grey = np.pad(raw, rim, mode="symmetric")
    mask = (grey > params.low) & (grey < params.high)
    mask = ndimage.binary_opening(mask, ball(params.opening))
    mask = ndimage.binary_closing(mask, ball(params.closing))[rim:-rim, rim:-rim, rim:-rim]
    holes, _ = ndimage.label(~mask)
    for index, voxels in enumerate(np.bincount(holes.ravel())):
        if index and voxels < params.max_hole:
            mask = mask | (holes == index)
    objects, _ = ndimage.label(mask, np.ones((3, 3, 3)))
    for index, voxels in enumerate(np.bincount(objects.ravel())):
        if index and voxels < params.min_object:
            mask = mask & (objects != index)
    return mask


@pytest.mark.parametrize("radius", [1, 2, 3, 4])
def test_erosion_is_scipys(radius: int) -> None:
    mask = np.random.default_rng(radius).random((21, 22, 23)) > 0.03
    inner = slice(radius, -radius)
    expected = ndimage.binary_erosion(mask, ball(radius))[inner, inner, inner]
    np.testing.assert_array_equal(erode(mask, (radius,) * 3), expected)


@pytest.mark.parametrize("seed", [0, 1])
def test_whole_volume_is_scipys_and_scikit_images(seed: int) -> None:
    raw = speckled((40, 44, 48), seed)
    expected = reference(raw, SMALL)
    assert 0.05 < expected.mean() < 0.95
    np.testing.assert_array_equal(cell_mask(raw, voxel_size=NM5, params=SMALL), expected)


@pytest.mark.slow
@given(seed=st.integers(0, 100), block=st.tuples(*[st.integers(7, 40)] * 3))
@settings(max_examples=5, deadline=None)
def test_blocks_make_the_whole(
    seed: int, block: tuple[int, int, int], tmp_path_factory: pytest.TempPathFactory, as_volume: Callable[..., Volume]
) -> None:
    raw = speckled((33, 40, 37), seed)
    out = tmp_path_factory.mktemp("mask") / "mask.zarr"
    found = make_mask(as_volume(raw, (5, 5, 5)), out, params=SMALL, block=block)
    expected = cell_mask(raw, voxel_size=NM5, params=SMALL)
    written = open_volume(out)
    np.testing.assert_array_equal(written.read(written.box), expected)
    assert found.inside == pytest.approx(expected.mean())
    assert sorted(path.name for path in out.parent.iterdir()) == ["mask.zarr", "mask.zarr.journal.jsonl"]
    assert make_mask(as_volume(raw, (5, 5, 5)), out, params=SMALL, block=block) == found


def test_context_is_enough_and_anisotropic_balls_scale() -> None:
    raw, size = speckled((30, 40, 50), 5), VoxelSize((20, 10, 5))
    params = CellMask(high=180, opening=4, closing=3)
    context = params.context(size)
    assert context == (2 * 2, 2 * (2 + 2), 2 * (4 + 3))  # round(3 * 5 / 10) = 2, as for every width
    whole = cell_mask(raw, voxel_size=size, params=attrs.evolve(params, max_hole=0, min_object=0))
    part = Box((3, 7, 11), (17, 29, 31))
    around = read_mirrored(lambda b: raw[b.slices], raw.shape, part.grow(context))
    np.testing.assert_array_equal(rough_mask(around, voxel_size=size, params=params), whole[part.slices])


def test_volumes_scale_with_the_voxel() -> None:
    raw = np.full((20, 20, 20), 255, np.uint8)
    raw[5:15, 5:15, 5:15] = 100  # 1000 voxels: at 10 nm the volume of 8000 voxels of 5 nm
    params = CellMask(high=180, opening=0, closing=0, min_object=5000, max_hole=0)
    assert not cell_mask(raw, voxel_size=NM5, params=params).any()
    assert cell_mask(raw, voxel_size=VoxelSize((10, 10, 10)), params=params).sum() == 1000


def test_types_share_one_scale() -> None:
    raw = speckled((20, 20, 20), 3)
    expected = cell_mask(raw, voxel_size=NM5, params=SMALL)
    for same in (raw.astype(np.uint16) * 257, (raw / 255).astype(np.float32)):
        np.testing.assert_array_equal(cell_mask(same, voxel_size=NM5, params=SMALL), expected)


def test_a_cell_that_a_face_cuts_is_not_eroded_there() -> None:
    raw = np.full((30, 30, 30), 100, np.uint8)
    assert cell_mask(raw, voxel_size=NM5, params=CellMask(min_object=1000)).all()


def test_output_says_how_it_was_made(tmp_path: Path, as_volume: Callable[..., Volume]) -> None:
    make_mask(as_volume(speckled((30, 30, 30), 1), (5, 5, 5)), tmp_path / "m.zarr", params=SMALL)
    said = json.loads((tmp_path / "m.zarr" / ".zattrs").read_text())
    assert said["asem"]["params"]["min_object"] == 200
    assert "sha256" in said["asem"]["source"]
    assert said["multiscales"][0]["type"] == "mode"


def test_what_cannot_be_masked(tmp_path: Path, as_volume: Callable[..., Volume]) -> None:
    with pytest.raises(AsemError, match="must be below"):
        CellMask(low=200, high=180)
    with pytest.raises(VolumeError, match="int16"):
        make_mask(as_volume(speckled((9, 9, 9), 0).astype(np.int16)), tmp_path / "m.zarr")
    with pytest.raises(VolumeError, match=r"\[0, 1\]"):
        make_mask(as_volume(speckled((9, 9, 9), 0).astype(np.float32)), tmp_path / "m.zarr")
    with pytest.raises(VolumeError, match="there is no image"):
        make_mask(as_volume(np.zeros((9, 9, 9), np.uint8)), tmp_path / "m.zarr")
    assert not list(tmp_path.iterdir())
    (tmp_path / "m.zarr").mkdir()
    with pytest.raises(OutputError, match="exists already"):
        make_mask(as_volume(speckled((9, 9, 9), 0)), tmp_path / "m.zarr")


def test_levels_that_fill_little_of_the_range_are_warned_of(
    tmp_path: Path, as_volume: Callable[..., Volume], caplog: pytest.LogCaptureFixture
) -> None:
    twelve_bits = as_volume(speckled((30, 30, 30), 1).astype(np.uint16) * 16)
    make_mask(twelve_bits, tmp_path / "right.zarr", params=SMALL, grey=GreyRange(0, 4095))
    assert not caplog.text
    make_mask(twelve_bits, tmp_path / "wrong.zarr", params=SMALL)
    assert "give --grey 0:4095" in caplog.text


@pytest.mark.parametrize("name", ["mask.tif", "mask.png"])
def test_a_mask_is_named_as_what_it_is(name: str, tmp_path: Path, as_volume: Callable[..., Volume]) -> None:
    with pytest.raises(OutputError, match=rf"{name}: a mask is an OME-Zarr; name it mask\.zarr"):
        make_mask(as_volume(speckled((9, 9, 9), 0), (5, 5, 5)), tmp_path / name, params=SMALL)
    assert not list(tmp_path.iterdir())
