"""Routes between grids, and which tiles, chunks and source voxels they lead to."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asem_core.errors import GeometryError
from asem_core.geometry import Box, Lattice, VoxelSize
from asem_core.predict.grids import plan_grids

LATTICE = Lattice(64)


def size(z: float, y: float, x: float) -> VoxelSize:
    return VoxelSize((z, y, x))


@pytest.mark.parametrize(
    ("voxel", "route", "ratio", "chunk"),
    [
        (size(10, 10, 10), "as is", (1, 1, 1), (64, 64, 64)),
        (size(9.1, 10.9, 10), "as is", (1, 1, 1), (64, 64, 64)),
        (size(5, 5, 5), "two-fold", (2, 2, 2), (128, 128, 128)),
        (size(10, 5, 5), "two-fold", (1, 2, 2), (64, 128, 128)),
        (size(8.9, 10, 10), "two stages", (10 / 8.9, 1, 1), (64, 64, 64)),
        (size(20, 20, 20), "two stages", (0.5, 0.5, 0.5), (64, 64, 64)),
        (size(5, 4, 4), "two stages", (2, 2.5, 2.5), (64, 64, 64)),
    ],
)
def test_routes(voxel: VoxelSize, route: str, ratio: tuple[float, ...], chunk: tuple[int, ...]) -> None:
    grids = plan_grids((100, 100, 100), voxel, size(10, 10, 10), LATTICE)
    assert grids.route == route
    assert grids.ratio == pytest.approx(ratio)
    assert grids.chunk == chunk
    assert grids.resamples == (route != "as is")


@pytest.mark.parametrize("voxel", [size(1.2, 10, 10), size(10, 10, 81)])
def test_more_than_eight_is_refused(voxel: VoxelSize) -> None:
    with pytest.raises(GeometryError, match="more than 8"):
        plan_grids((100, 100, 100), voxel, size(10, 10, 10), LATTICE)


def test_more_than_two_warns(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        plan_grids((100, 100, 100), size(5, 5, 5), size(10, 10, 10), LATTICE)
    assert not caplog.records
    with caplog.at_level(logging.WARNING):
        plan_grids((100, 100, 100), size(4, 4, 4), size(10, 10, 10), LATTICE)
    assert "expect a poorer result" in caplog.text


@given(
    shape=st.tuples(*[st.integers(1, 300)] * 3),
    nm=st.tuples(*[st.sampled_from([4.0, 5.0, 7.3, 10.0, 16.0])] * 3),
    data=st.data(),
)
def test_tiles_cover_the_roi_once(
    shape: tuple[int, int, int], nm: tuple[float, float, float], data: st.DataObject
) -> None:
    grids = plan_grids(shape, VoxelSize(nm), size(10, 10, 10), LATTICE)
    start = [data.draw(st.integers(0, n - 1)) for n in shape]
    stop = [data.draw(st.integers(a + 1, n)) for a, n in zip(start, shape, strict=True)]
    roi = Box(start, stop)
    tiles = grids.tiles(roi)
    assert len(set(tiles)) == len(tiles)
    needed = grids.model_box(roi)
    assert sum(tile.intersect(needed).size for tile in tiles) == needed.size
    if grids.route != "two stages":
        assert sum(grids.output_box(tile).intersect(roi).size for tile in tiles) == roi.size
        for tile in tiles:
            box = grids.output_box(tile)
            assert all(edge % chunk == 0 for edge, chunk in zip(box.start, grids.chunk, strict=True))
