"""Supervoxels and who touches whom: block by block as of the whole."""

from __future__ import annotations

import numpy as np
import pytest
from asem_annotate.graph import adjacency, merged
from asem_annotate.lattice import Slic
from asem_annotate.supervoxels import smoothed, supervoxels, supervoxels_of
from hypothesis import given, settings
from hypothesis import strategies as st

from asem_core import Box, VoxelSize

SHAPE = (34, 37, 41)
WHOLE = Box.of_shape(SHAPE)
GREY = np.random.default_rng(5).integers(0, 256, SHAPE).astype(np.uint8)
SIZES = {"cubes": VoxelSize((5, 5, 5)), "thick sections": VoxelSize((30, 5, 5)), "thin ones": VoxelSize((4, 7, 5))}


def spans(length: int) -> st.SearchStrategy[tuple[int, int]]:
    return st.tuples(st.integers(0, length - 1), st.integers(1, length)).map(
        lambda pair: (pair[0], min(pair[0] + pair[1], length))
    )


boxes = st.tuples(*(spans(n) for n in SHAPE)).map(lambda pairs: Box([a for a, _ in pairs], [b for _, b in pairs]))


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
@given(box=boxes, iterations=st.integers(0, 2), smooth=st.sampled_from([0.0, 0.7]))
@settings(deadline=None, max_examples=15)
def test_supervoxels_of_a_box_are_those_of_the_whole(size: VoxelSize, box: Box, iterations: int, smooth: float) -> None:
    params = Slic(edge=3, iterations=iterations, smooth=smooth)
    whole = supervoxels(smoothed(GREY, smooth, voxel_size=size), voxel_size=size, params=params)
    read = []

    def reader(part: Box) -> np.ndarray:
        read.append(part)
        return GREY[part.slices]

    found = supervoxels_of(reader, box, whole=WHOLE, voxel_size=size, params=params)
    assert np.array_equal(found, whole[box.slices])
    assert read == [params.context(box, size).intersect(WHOLE)]


def test_a_box_needs_its_context() -> None:
    """So that the test above could fail."""
    params, size = Slic(edge=3, iterations=2, smooth=0), SIZES["cubes"]
    whole = supervoxels(GREY, voxel_size=size, params=params)
    box = Box((9, 9, 9), (21, 21, 21))
    alone = supervoxels(GREY[box.slices].copy(), box=box, voxel_size=size, params=params)
    same = [np.unique(whole[box.slices][alone == i]).size == 1 for i in np.unique(alone)]
    assert not all(same)


@given(cut=st.integers(1, SHAPE[0] - 2), axis=st.integers(0, 2))
@settings(deadline=None, max_examples=15)
def test_adjacency_of_parts_is_that_of_the_whole(cut: int, axis: int) -> None:
    ids = supervoxels(GREY, voxel_size=SIZES["cubes"], params=Slic(edge=4, iterations=1))
    along = np.moveaxis(ids, axis, 0)
    parts = [adjacency(np.ascontiguousarray(part)) for part in (along[: cut + 1], along[cut:])]
    assert np.array_equal(merged(parts), adjacency(ids))


def test_adjacency_is_what_a_plain_loop_finds() -> None:
    ids = np.random.default_rng(1).integers(0, 9, (5, 6, 7)).astype(np.int32)
    expected = set()
    for z, y, x in np.ndindex(ids.shape):
        for other in ((z + 1, y, x), (z, y + 1, x), (z, y, x + 1)):
            if all(o < n for o, n in zip(other, ids.shape, strict=True)) and ids[other] != ids[z, y, x]:
                expected.add(tuple(sorted((int(ids[z, y, x]), int(ids[other])))))
    assert [tuple(pair) for pair in adjacency(ids).tolist()] == sorted(expected)


def test_one_supervoxel_touches_nothing() -> None:
    assert adjacency(np.zeros((3, 3, 3), np.int32)).shape == (0, 2)


def test_supervoxels_follow_an_edge() -> None:
    grey = np.full((12, 12, 24), 60, np.uint8)
    grey[:, :, 10:] = 180  # off the lattice of 4
    params = Slic(edge=4, compactness=15, smooth=0)
    found = supervoxels(grey, voxel_size=SIZES["cubes"], params=params)
    assert not set(np.unique(found[..., :10])) & set(np.unique(found[..., 10:]))


def test_a_voxel_belongs_to_the_nearest_of_the_27_centres_round_it() -> None:
    """Before any move, by the published distance."""
    grey, size = GREY[:9, :12, :12], VoxelSize((8, 4, 4))
    params = Slic(edge=4, compactness=40, iterations=0, smooth=0)
    side = params.side(size)
    assert side == (2, 4, 4)
    found = supervoxels(grey, voxel_size=size, params=params)
    places = np.moveaxis(np.indices(grey.shape), 0, -1)
    own = places // side
    cells = [-(-n // s) for n, s in zip(grey.shape, side, strict=True)]
    nearest, chosen = np.full(grey.shape, np.inf), np.zeros(grey.shape)
    for number, cell in enumerate(np.ndindex(*cells)):
        corner = np.multiply(cell, side)
        inside = tuple(slice(c, c + s) for c, s in zip(corner, side, strict=True))
        step = (places - corner - [(s - 1) / 2 for s in side]) * np.array(size.zyx) / (4 * 4)
        far = (step**2).sum(axis=-1) * 40**2 + (grey - grey[inside].mean()) ** 2
        beside = (np.abs(own - cell) <= 1).all(axis=-1)
        nearest = np.where(beside, np.minimum(nearest, far), nearest)
        chosen = np.where(found == number, np.where(beside, far, np.inf), chosen)
    assert np.allclose(chosen, nearest, rtol=1e-4)
