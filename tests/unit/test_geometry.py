"""Boxes, grids and the tile lattice."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asem_core.errors import GeometryError
from asem_core.geometry import (
    Box,
    Lattice,
    VoxelSize,
    centre_of_first_voxel,
    lower_edge,
    resampled_box,
    resampled_shape,
    triple,
)

COORDINATE = st.integers(-40, 40)
CORNER = st.tuples(COORDINATE, COORDINATE, COORDINATE)
SIDES = st.tuples(*[st.integers(0, 12)] * 3)
STEPS = st.tuples(*[st.integers(1, 9)] * 3)
SIZES = st.builds(VoxelSize, st.tuples(*[st.floats(1, 60)] * 3))


def box_of(start: tuple[int, int, int], sides: tuple[int, int, int]) -> Box:
    return Box(start, [a + n for a, n in zip(start, sides, strict=True)])


BOXES = st.builds(box_of, CORNER, SIDES)


def voxels(box: Box) -> set[tuple[int, ...]]:
    corner = box.start
    return {(z + corner[0], y + corner[1], x + corner[2]) for z, y, x in np.ndindex(*box.shape)}


@given(BOXES, BOXES)
def test_an_intersection_holds_exactly_the_common_voxels(a: Box, b: Box) -> None:
    assert voxels(a.intersect(b)) == voxels(a) & voxels(b)
    assert a.intersect(b).size == b.intersect(a).size


@given(BOXES, BOXES)
def test_contains_is_the_subset_relation(a: Box, b: Box) -> None:
    if b.size:
        assert a.contains(b) == (voxels(b) <= voxels(a))
    assert a.contains(a)
    assert a.contains(a.intersect(b))


@given(BOXES, st.tuples(*[st.integers(0, 5)] * 3), CORNER)
def test_growing_and_shifting_go_back(box: Box, margin: tuple[int, int, int], by: tuple[int, int, int]) -> None:
    grown = box.grow(margin)
    assert grown.shape == tuple(n + 2 * m for n, m in zip(box.shape, margin, strict=True))
    assert grown.grow([-m for m in margin]) == box
    assert box.shift(by).shape == box.shape
    assert box.shift(by).shift([-s for s in by]) == box
    assert box.grow(2) == box.grow((2, 2, 2))


@given(BOXES, STEPS)
def test_align_out_is_the_smallest_aligned_box_around(box: Box, step: tuple[int, int, int]) -> None:
    aligned = box.align_out(step)
    assert aligned.contains(box)
    for a, b, low, high, s in zip(box.start, box.stop, aligned.start, aligned.stop, step, strict=True):
        assert low % s == 0
        assert high % s == 0
        assert a - low < s
        assert high - b < s


@given(BOXES, STEPS)
def test_tiles_cover_every_voxel_exactly_once(box: Box, side: tuple[int, int, int]) -> None:
    seen = [voxel for tile in box.tiles(side) for voxel in voxels(tile)]
    assert len(seen) == len(set(seen)) == box.size
    assert set(seen) == voxels(box)
    assert all(n <= s for tile in box.tiles(side) for n, s in zip(tile.shape, side, strict=True))


def test_tiles_come_in_raster_order_from_the_box_own_start() -> None:
    assert [str(tile) for tile in Box((1, 0, 3), (2, 2, 8)).tiles((4, 1, 4))] == [
        "1:2,0:1,3:7", "1:2,0:1,7:8", "1:2,1:2,3:7", "1:2,1:2,7:8",
    ]  # fmt: skip


@given(BOXES)
def test_a_box_is_read_back_from_its_text(box: Box) -> None:
    assert Box.parse(str(box)) == box


def test_slices_shape_and_size() -> None:
    box = Box((1, 2, 3), (3, 6, 4))
    array = np.arange(5 * 7 * 6).reshape(5, 7, 6)
    assert array[box.slices].shape == box.shape == (2, 4, 1)
    assert array[box.slices][0, 0, 0] == array[1, 2, 3]
    assert box.size == 8
    assert Box.of_shape((5, 7, 6)).size == array.size


@pytest.mark.parametrize(
    "text", ["", "0:1", "0:1,0:1", "0:1,0:1,0:1,0:1", "0:1:2,0:1,0:1", "a:b,0:1,0:1", "0,0,0", "0.5:1,0:1,0:1"]
)
def test_a_wrong_roi_is_one_clear_error(text: str) -> None:
    with pytest.raises(
        GeometryError, match=rf"^a ROI is z0:z1,y0:y1,x0:x1 in whole voxels .*; got {re.escape(repr(text))}$"
    ):
        Box.parse(text)


def test_an_inverted_box_is_refused() -> None:
    with pytest.raises(GeometryError, match="end before it starts"):
        Box.parse("0:1,5:4,0:1")
    with pytest.raises(GeometryError, match="end before it starts"):
        Box((0, 0, 0), (3, 3, 3)).grow(-2)


def test_a_triple_has_three_values() -> None:
    assert triple([1, 2, 3]) == (1, 2, 3)
    with pytest.raises(GeometryError, match=r"three values in z,y,x order, got 2: \(1, 2\)"):
        triple((1, 2))


def test_voxel_sizes_are_read_from_text() -> None:
    assert VoxelSize.parse("5") == VoxelSize((5, 5, 5))
    assert VoxelSize.parse("5.24, 4,4").zyx == (5.24, 4.0, 4.0)
    assert str(VoxelSize((5.24, 4, 4))) == "5.24 x 4 x 4 nm"
    assert VoxelSize((2, 3, 4)).volume_nm3 == 24


@pytest.mark.parametrize("text", ["", "five", "5,5", "5,5,5,5", "5;5;5", "0,5,5", "-5", "nan", "inf,5,5"])
def test_a_wrong_voxel_size_is_refused(text: str) -> None:
    with pytest.raises(GeometryError, match=r"voxel size|three values"):
        VoxelSize.parse(text)


def test_ratio_and_match() -> None:
    five, ten = VoxelSize((5, 5, 5)), VoxelSize((10, 20, 5))
    assert five.ratio_to(ten) == (2, 4, 1)
    assert ten.ratio_to(five) == (0.5, 0.25, 1)
    assert five.matches(VoxelSize((5.4, 4.6, 5)))
    assert not five.matches(VoxelSize((5, 5, 5.6)))
    assert not five.matches(VoxelSize((5.4, 5, 5)), tolerance=0.05)


def test_nanometres_of_a_box_are_voxel_edges() -> None:
    box, size = Box((0, 1, 2), (3, 3, 3)), VoxelSize((5, 4, 10))
    assert box.to_nm(size) == ((0, 4, 20), (15, 12, 30))
    assert box.to_nm(size, origin_nm=(100, 0, -5)) == ((100, 4, 15), (115, 12, 25))


def test_centres_lie_half_a_voxel_above_edges() -> None:
    assert centre_of_first_voxel((0, 10, -5), VoxelSize((5, 4, 10))) == (2.5, 12, 0)


@given(st.tuples(*[st.floats(-1e5, 1e5)] * 3), SIZES)
def test_edge_to_centre_and_back(edge: tuple[float, float, float], size: VoxelSize) -> None:
    assert lower_edge(centre_of_first_voxel(edge, size), size) == pytest.approx(edge, abs=1e-6)


@pytest.mark.parametrize(
    ("shape", "source", "target", "expected"),
    [
        ((10, 10, 10), 5, 10, (5, 5, 5)),
        ((11, 10, 1), 5, 10, (6, 5, 1)),
        ((5, 6, 7), 10, 5, (10, 12, 14)),
        ((7, 7, 7), 5, 5, (7, 7, 7)),
        ((30, 31, 32), 4, 10, (12, 13, 13)),
        ((3, 3, 3), 0.1, 0.3, (1, 1, 1)),
        ((1, 1, 1), 1, 100, (1, 1, 1)),
    ],
)
def test_resampled_shapes(
    shape: tuple[int, int, int], source: float, target: float, expected: tuple[int, int, int]
) -> None:
    assert resampled_shape(shape, VoxelSize([source] * 3), VoxelSize([target] * 3)) == expected


@given(st.tuples(*[st.integers(1, 500)] * 3), SIZES, SIZES)
def test_a_resampled_volume_ends_within_one_voxel_of_the_source(
    shape: tuple[int, int, int], source: VoxelSize, target: VoxelSize
) -> None:
    for n, m, s, t in zip(shape, resampled_shape(shape, source, target), source.zyx, target.zyx, strict=True):
        assert m * t >= n * s - 1e-5 * t
        assert (m - 1) * t < n * s


@given(BOXES, SIZES, SIZES)
def test_a_resampled_box_covers_the_box_and_no_more(box: Box, source: VoxelSize, target: VoxelSize) -> None:
    result = resampled_box(box, source, target)
    lower, upper = box.to_nm(source)
    low, high = result.to_nm(target)
    for a, b, c, d, t in zip(lower, upper, low, high, target.zyx, strict=True):
        assert a - t < c <= a + 1e-5 * t
        assert b - 1e-5 * t <= d < b + t


@given(st.tuples(*[st.integers(1, 40)] * 3), SIZES, SIZES)
def test_the_box_of_a_whole_volume_is_its_resampled_shape(
    shape: tuple[int, int, int], source: VoxelSize, target: VoxelSize
) -> None:
    assert resampled_box(Box.of_shape(shape), source, target) == Box.of_shape(resampled_shape(shape, source, target))


FAR_BOXES = st.builds(box_of, st.tuples(*[st.integers(-200, 400)] * 3), st.tuples(*[st.integers(0, 300)] * 3))


@given(FAR_BOXES, st.sampled_from([64, 128, 192]))
def test_a_lattice_covers_with_the_tiles_that_keep_a_voxel_and_no_others(box: Box, keep: int) -> None:
    lattice = Lattice(keep, halo=52)
    tiles = lattice.covering(box)
    kept = [lattice.kept(index).intersect(box) for index in tiles]
    assert all(part.size for part in kept)
    assert sum(part.size for part in kept) == box.size, "tiles are disjoint, so nothing is missing or double"
    assert tiles == sorted(tiles), "raster order"
    assert set(tiles) <= set(lattice.covering(box.grow(7))), "the lattice does not depend on the ROI"


def test_tiles_of_a_lattice() -> None:
    lattice = Lattice(64, halo=52)
    assert lattice.side == (168, 168, 168)
    assert lattice.chunk == (64, 64, 64)
    kept = lattice.kept((0, 1, 2))
    assert kept == Box((0, 64, 128), (64, 128, 192))
    assert lattice.read(kept) == kept.grow(52)
    assert all(a % 64 == 0 for a in lattice.kept((5, 6, 7)).start)


@given(FAR_BOXES, st.tuples(*[st.integers(-20, 60)] * 3))
def test_a_lattice_may_begin_anywhere(box: Box, origin: tuple[int, int, int]) -> None:
    there, here = Lattice(24, halo=4, origin=origin), Lattice(24, halo=4)
    tiles = [there.kept(index) for index in there.covering(box)]
    back = [-o for o in origin]
    assert [tile.shift(back) for tile in tiles] == [here.kept(index) for index in here.covering(box.shift(back))]


def test_tiles_that_differ_per_axis_and_read_more_above() -> None:
    lattice = Lattice((12, 96, 190), halo=(2, 8, 0), side=(16, 116, 190))
    kept = lattice.kept((1, 0, 2))
    assert kept == Box((12, 0, 380), (24, 96, 570))
    assert lattice.read(kept) == Box((10, -8, 380), (26, 108, 570))
    assert lattice.chunk == (12, 48, 95)


@pytest.mark.parametrize("keep", [0, -64, (64, 0, 64)])
def test_a_lattice_keeps_something(keep: int) -> None:
    with pytest.raises(GeometryError, match="cannot keep"):
        Lattice(keep, halo=52)


def test_a_tile_is_no_smaller_than_what_it_keeps_and_its_halo() -> None:
    with pytest.raises(GeometryError, match=r"a tile of \(64, 64, 64\) voxels cannot keep \(60, 60, 60\)"):
        Lattice(60, halo=4, side=64)
