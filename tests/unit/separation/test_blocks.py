"""Objects told apart block by block: the same as of the whole volume, and as by plain loops."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from asem_core.blocks.components import connected_components
from asem_core.blocks.executors import Threads, map_blocks
from asem_core.geometry import Box, FloatTriple, Triple, VoxelSize
from asem_core.separation.blocks import Objects, separate
from asem_core.separation.height import UNITS_PER_NM, heights, reach
from asem_core.specs import Separation

from .oracle import separated

VOXELS: list[FloatTriple] = [(5.0, 5.0, 5.0), (8.3, 4.0, 4.1), (30.0, 6.0, 6.0)]
sides = st.integers(1, 9)
volumes = st.tuples(sides, sides, sides)
separations = st.builds(
    Separation,
    reach_nm=st.sampled_from([6.0, 17.0, 200.0]),
    persistence=st.sampled_from([0.0, 0.2, 0.5, 1.0]),
    persistence_nm=st.sampled_from([0.0, 1.0, 6.0]),
    min_volume_nm3=st.sampled_from([0.0, 500.0, 3000.0]),
)


def blobs(shape: Triple, *, seed: int, share: float, sigma: float = 1.0) -> Any:
    field = ndimage.gaussian_filter(np.random.default_rng(seed).random(shape), sigma)
    return field >= np.quantile(field, 1 - share)


def separate_in(
    folder: str, mask: Any, voxel: FloatTriple, separation: Separation, *, block: Triple, workers: int = 2
) -> tuple[Any, Objects]:
    found = separate(
        lambda box: mask[box.slices],
        mask.shape,
        voxel_size=VoxelSize(voxel),
        separation=separation,
        scratch=Path(folder) / "basins",
        block=block,
        each=lambda sweep, blocks, write: map_blocks(write, blocks, sweep=sweep, executor=Threads(workers)) and None,
        progress=lambda *_: None,
    )
    return found.ids(Box.of_shape(mask.shape)), found


def separate_all(mask: Any, voxel: FloatTriple, separation: Separation, **more: Any) -> tuple[Any, Objects]:
    with TemporaryDirectory() as folder:
        return separate_in(folder, mask, voxel, separation, **more)


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(shape=volumes, block=volumes, voxel=st.sampled_from(VOXELS), separation=separations, seed=st.integers(0, 99),
       share=st.sampled_from([0.05, 0.4, 0.7, 1.0]))  # fmt: skip
def test_equal_to_plain_loops(
    shape: Triple, block: Triple, voxel: FloatTriple, separation: Separation, seed: int, share: float
) -> None:
    mask = blobs(shape, seed=seed, share=share)
    expected = np.zeros(shape, np.uint32)
    for place, number in separated(mask, voxel, separation).items():
        expected[place] = number
    ids, found = separate_all(mask, voxel, separation, block=block)
    np.testing.assert_array_equal(ids, expected)
    assert found.voxels.tolist() == [0, *np.bincount(expected.ravel(), minlength=len(found) + 1)[1:]]
    assert found.dropped_voxels == np.count_nonzero(mask & (expected == 0))


@pytest.mark.parametrize("voxel", VOXELS)
@pytest.mark.parametrize("seed", range(2))
def test_the_blocks_and_the_workers_do_not_matter(voxel: FloatTriple, seed: int) -> None:
    """Objects that cross many blocks; the blocks are smaller than the reach and than an ascent."""
    shape, separation = (24, 30, 41), Separation(reach_nm=70, persistence=0.1, persistence_nm=2)
    mask = blobs(shape, seed=seed, share=0.5, sigma=3)
    whole, found = separate_all(mask, voxel, separation, block=shape)
    assert len(found) > 1
    chance = np.random.default_rng(seed)
    for workers in (1, 3):
        block = tuple(int(n) for n in chance.integers(9, 19, 3))
        ids, cut = separate_all(mask, voxel, separation, block=block, workers=workers)
        np.testing.assert_array_equal(ids, whole)
        assert (cut.basins, cut.dropped_voxels) == (found.basins, found.dropped_voxels)


def test_a_plateau_across_blocks_is_one_object() -> None:
    """Deeper than the reach all is as deep: the ascent goes by the place alone, from block to block."""
    mask = np.zeros((6, 7, 30), bool)
    mask[1:-1, 1:-1, 1:-1] = True
    ids, found = separate_all(
        mask, (5, 5, 5), Separation(reach_nm=6, persistence=0.0, persistence_nm=0.1), block=(4, 4, 4)
    )
    assert len(found) == 1
    np.testing.assert_array_equal(ids, mask)


@pytest.mark.slow
def test_persistence_of_1_gives_the_connected_components(tmp_path: Path) -> None:
    mask = blobs((14, 20, 25), seed=5, share=0.3)
    ids, _ = separate_all(mask, (5, 5, 5), Separation(persistence=1.0, min_volume_nm3=0.0), block=(6, 7, 8))
    parts = connected_components(
        lambda box: mask[box.slices], mask.shape, connectivity=26, scratch=tmp_path / "ids", block=(6, 7, 8)
    )
    assert len(parts) > 1
    np.testing.assert_array_equal(ids, parts.ids(Box.of_shape(mask.shape)))


def two_balls(*, apart: int) -> Any:
    grid = np.indices((27, 27, 60))
    return sum((((grid.T - (13, 13, 17 + at)) ** 2).sum(axis=-1).T <= 144) for at in (0, apart)) > 0


@pytest.mark.parametrize(("persistence", "count"), [(0.1, 2), (0.9, 1)])
def test_two_balls_that_touch(persistence: float, count: int) -> None:
    mask = two_balls(apart=20)
    ids, found = separate_all(
        mask, (5, 5, 5), Separation(persistence=persistence, persistence_nm=5.0), block=(16, 16, 16)
    )
    assert len(found) == count
    np.testing.assert_array_equal(ids > 0, mask)
    if count == 2:
        assert ids[13, 13, 17] == 1
        assert ids[13, 13, 37] == 2
        assert abs(int(found.voxels[1]) - int(found.voxels[2])) < 0.02 * found.voxels[1]


def test_what_is_small_goes_to_what_it_touches_or_goes_away() -> None:
    mask = two_balls(apart=20)
    mask[2, 2, 2] = True
    least = 125.0 * (np.count_nonzero(mask) // 2 + 500)
    ids, found = separate_all(mask, (5, 5, 5), Separation(persistence=0.1, min_volume_nm3=least), block=(16, 16, 16))
    assert (len(found), found.dropped_voxels, ids[2, 2, 2]) == (1, 1, 0)


def test_nothing_at_all() -> None:
    ids, found = separate_all(np.zeros((5, 6, 7), bool), (5, 5, 5), Separation(), block=(4, 4, 4))
    assert not ids.any()
    assert (len(found), found.basins, found.dropped_voxels) == (0, 0, 0)


@pytest.mark.parametrize("voxel", VOXELS)
def test_heights_are_those_of_scipy(voxel: FloatTriple) -> None:
    mask = blobs((12, 25, 30), seed=2, share=0.8, sigma=3)
    found = heights(mask, voxel_size=VoxelSize(voxel), reach_nm=40) / UNITS_PER_NM
    expected = np.minimum(ndimage.distance_transform_edt(mask, sampling=voxel), 40)
    assert expected.max() == 40
    # Down to whole units, and half a unit for every edge of a voxel on the way.
    np.testing.assert_allclose(found[mask], expected[mask], atol=(1 + 10 / 2) / UNITS_PER_NM)
    assert (found[~mask] < 0).all()


def test_the_reach_is_all_the_context_that_heights_need() -> None:
    voxel, mask = VoxelSize((8.3, 4.0, 4.1)), blobs((30, 40, 50), seed=3, share=0.9, sigma=4)
    context, box = reach(voxel, 41), Box((11, 13, 17), (20, 25, 31))
    around = box.grow(context).intersect(Box.of_shape(mask.shape))
    assert around.shape != mask.shape
    part = heights(mask[around.slices], voxel_size=voxel, reach_nm=41)[box.shift([-a for a in around.start]).slices]
    np.testing.assert_array_equal(part, heights(mask, voxel_size=voxel, reach_nm=41)[box.slices])
    # One voxel less is too little where the nearest background lies that far.
    only = np.ones((1, 1, 30), bool)
    only[..., 0] = False
    far = reach(VoxelSize((5, 5, 5)), 41)[2] - 1
    whole = heights(only, voxel_size=VoxelSize((5, 5, 5)), reach_nm=41)
    assert heights(only[..., 1:], voxel_size=VoxelSize((5, 5, 5)), reach_nm=41)[0, 0, far - 1] != whole[0, 0, far]
