"""Routes between grids, and which tiles, chunks and source voxels they lead to."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asem_core.errors import GeometryError
from asem_core.geometry import Box, VoxelSize
from asem_core.predict.grids import plan_grids


def size(z: float, y: float, x: float) -> VoxelSize:
    return VoxelSize((z, y, x))


@pytest.mark.parametrize(
    ("voxel", "route", "ratio", "fine"),
    [
        (size(10, 10, 10), "as is", (1, 1, 1), (1, 1, 1)),
        (size(9.1, 10.9, 10), "as is", (1, 1, 1), (1, 1, 1)),
        (size(5, 5, 5), "two-fold", (2, 2, 2), (2, 2, 2)),
        (size(10, 5, 5), "two-fold", (1, 2, 2), (1, 2, 2)),
        (size(8.9, 10, 10), "two stages", (10 / 8.9, 1, 1), (1, 1, 1)),
        (size(20, 20, 20), "two stages", (0.5, 0.5, 0.5), (1, 1, 1)),
        (size(5, 4, 4), "two stages", (2, 2.5, 2.5), (1, 1, 1)),
    ],
)
def test_routes(voxel: VoxelSize, route: str, ratio: tuple[float, ...], fine: tuple[int, ...]) -> None:
    grids = plan_grids((100, 100, 100), voxel, size(10, 10, 10))
    assert grids.route == route
    assert grids.ratio == pytest.approx(ratio)
    assert grids.fine == fine
    assert grids.resamples == (route != "as is")


@pytest.mark.parametrize("voxel", [size(1.2, 10, 10), size(10, 10, 81)])
def test_more_than_eight_is_refused(voxel: VoxelSize) -> None:
    with pytest.raises(GeometryError, match="more than 8"):
        plan_grids((100, 100, 100), voxel, size(10, 10, 10))


@pytest.mark.parametrize(("voxel", "asks"), [(size(0.005, 0.005, 0.005), True), (size(5000, 5000, 5000), True),
                                             (size(100, 100, 100), False), (size(10, 10, 10000), False)])  # fmt: skip
def test_a_factor_of_1000_asks_for_the_unit(voxel: VoxelSize, asks: bool) -> None:
    with pytest.raises(GeometryError) as refused:
        plan_grids((100, 100, 100), voxel, size(10, 10, 10))
    assert str(refused.value).endswith("; is one of them in micrometres?") == asks


@pytest.mark.parametrize(("nm", "warns"), [(5, False), (10, False), (14, False), (16, True)])
def test_voxels_coarser_than_the_models_warn(nm: float, warns: bool, caplog: pytest.LogCaptureFixture) -> None:
    plan_grids((40, 40, 40), VoxelSize((nm, 5, 5)), VoxelSize((10, 10, 10)))
    assert ("is coarser than the model's" in caplog.text) == warns
    assert ("expect a poorer result" in caplog.text) == warns


def test_more_than_twice_as_fine_asks_whether_that_is_so(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        plan_grids((100, 100, 100), size(5, 5, 5), size(10, 10, 10))
    assert not caplog.records
    with caplog.at_level(logging.WARNING):
        plan_grids((100, 100, 100), size(4, 4, 4), size(10, 10, 10))
    assert "is finer than the model's 10 x 10 x 10 nm by a factor of 2.5: it is averaged" in caplog.text
    assert "poorer" not in caplog.text


@given(
    shape=st.tuples(*[st.integers(1, 300)] * 3),
    nm=st.tuples(*[st.sampled_from([4.0, 5.0, 7.3, 10.0, 16.0])] * 3),
    data=st.data(),
)
def test_what_a_part_needs_lies_in_the_volume_and_around_the_part(
    shape: tuple[int, int, int], nm: tuple[float, float, float], data: st.DataObject
) -> None:
    grids = plan_grids(shape, VoxelSize(nm), size(10, 10, 10))
    roi = drawn(shape, data)
    needed = grids.model_box(roi)
    assert Box.of_shape(grids.model_shape).contains(needed)
    if grids.route != "two stages":
        assert grids.output_box(needed).contains(roi)


def drawn(shape: tuple[int, int, int], data: st.DataObject) -> Box:
    start = [data.draw(st.integers(0, n - 1)) for n in shape]
    return Box(start, [data.draw(st.integers(a + 1, n)) for a, n in zip(start, shape, strict=True)])
