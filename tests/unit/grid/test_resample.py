"""Resampling against a brute force that works out every voxel by itself."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asem_core.geometry import Box
from asem_core.grid.mirror import read_mirrored
from asem_core.grid.resample import resample, source_box

Array = npt.NDArray[np.float64]

DOWN = st.one_of(st.floats(1.001, 4.5), st.sampled_from([1.5, 2.0, 2.5, 3.0, 10 / 3, 8 / 5.24]))
UP = st.one_of(st.floats(0.15, 0.999), st.sampled_from([0.5, 1 / 3, 2 / 3, 0.25]))
ANY = st.one_of(DOWN, UP, st.just(1.0))
RATIOS = st.tuples(ANY, ANY, ANY)


def area_mean(line: Array, ratio: float, n: int) -> Array:
    """Mean of the part of each voxel that the target voxel covers."""
    out = np.zeros(n)
    for target in range(n):
        for source, value in enumerate(line):
            overlap = min((target + 1) * ratio, source + 1) - max(target * ratio, source)
            out[target] += value * max(overlap, 0.0) / ratio
    return out


def linear(line: Array, ratio: float, n: int) -> Array:
    """Straight lines between voxel centres."""
    return np.interp((np.arange(n) + 0.5) * ratio, np.arange(len(line)) + 0.5, line)


def brute_force(volume: Array, ratio: tuple[float, ...], shape: tuple[int, ...]) -> Array:
    for axis, (r, n) in enumerate(zip(ratio, shape, strict=True)):
        method: Callable[[Array, float, int], Array] = area_mean if r > 1 else linear
        volume = np.apply_along_axis(method, axis, volume, r, n)
    return volume


def inner_shape(shape: tuple[int, ...], ratio: tuple[float, ...]) -> list[int]:
    """Target voxels that lie in the source with both edges."""
    return [max(1, math.floor(n / r)) for n, r in zip(shape, ratio, strict=True)]


def mirrored(volume: npt.NDArray[Any], target: Box, ratio: tuple[float, float, float]) -> npt.NDArray[np.floating[Any]]:
    needed = source_box(target, ratio)
    block = read_mirrored(lambda box: volume[box.slices], Box.of_shape(volume.shape).shape, needed)
    return resample(block, needed.start, target, ratio)


@settings(deadline=None, max_examples=25)
@given(RATIOS, st.integers(0, 2**32 - 1))
def test_equals_the_brute_force(ratio: tuple[float, float, float], seed: int) -> None:
    volume = np.random.default_rng(seed).random((9, 8, 10))
    target = Box.of_shape(inner_shape(volume.shape, ratio))
    expected = brute_force(volume, ratio, target.shape)
    result = mirrored(volume, target, ratio)
    assert result.dtype == np.float64
    # np.interp holds the end value beyond the last centre, which is what mirroring about the face gives there.
    np.testing.assert_allclose(result, expected, atol=1e-8)
    single = mirrored(volume.astype(np.float32), target, ratio)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, expected, atol=2e-6)


@settings(deadline=None, max_examples=60)
@given(RATIOS, st.integers(0, 2**32 - 1), st.data())
def test_a_block_is_the_same_part_of_the_whole(
    ratio: tuple[float, float, float], seed: int, data: st.DataObject
) -> None:
    volume = np.random.default_rng(seed).integers(0, 256, (11, 12, 10)).astype(np.uint8)
    shape = inner_shape(volume.shape, ratio)
    whole = mirrored(volume, Box.of_shape(shape), ratio)
    cuts = [sorted((data.draw(st.integers(0, n - 1)), data.draw(st.integers(1, n)))) for n in shape]
    start, stop = [a for a, _ in cuts], [max(b, a + 1) for a, b in cuts]
    part = Box(start, stop)
    np.testing.assert_array_equal(mirrored(volume, part, ratio), whole[part.slices])


@settings(deadline=None, max_examples=60)
@given(RATIOS, st.tuples(*[st.integers(-20, 20)] * 3), st.tuples(*[st.integers(1, 9)] * 3))
def test_the_source_box_is_all_that_is_read_and_all_of_it(
    ratio: tuple[float, float, float], start: tuple[int, int, int], sides: tuple[int, int, int]
) -> None:
    target = Box(start, [a + n for a, n in zip(start, sides, strict=True)])
    needed = source_box(target, ratio)
    for a, b, low, high, r in zip(target.start, target.stop, needed.start, needed.stop, ratio, strict=True):
        if r >= 1:
            assert low == math.floor(a * r + 1e-6)
            assert high == math.ceil(b * r - 1e-6)
        else:
            assert math.floor((a + 0.5) * r - 0.5 - 1e-6) <= low <= math.floor((a + 0.5) * r - 0.5 + 1e-6)
            assert (b - 0.5) * r - 0.5 <= high - 1 + 1e-6 < (b - 0.5) * r + 0.5 + 2e-6
    block = np.full(needed.shape, np.nan)
    inside = np.ones(needed.shape)
    assert np.isfinite(resample(inside, needed.start, target, ratio)).all()
    np.testing.assert_allclose(resample(inside, needed.start, target, ratio), 1, rtol=1e-6)
    assert np.isnan(resample(block, needed.start, target, ratio)).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64, np.bool_])
def test_ratio_one_is_the_identity(dtype: type) -> None:
    volume = (np.random.default_rng(1).random((4, 5, 6)) * 250).astype(dtype)
    result = resample(volume, (0, 0, 0), Box.of_shape(volume.shape), (1.0, 1.0, 1.0))
    np.testing.assert_array_equal(result, volume.astype(np.float64 if dtype is np.float64 else np.float32))
    part = Box((1, 2, 3), (3, 4, 6))
    assert source_box(part, (1.0, 1.0, 1.0)) == part


def test_two_to_one_is_the_mean_of_eight() -> None:
    volume = np.random.default_rng(2).integers(0, 256, (6, 8, 4)).astype(np.uint8)
    result = resample(volume, (0, 0, 0), Box.of_shape((3, 4, 2)), (2.0, 2.0, 2.0))
    np.testing.assert_array_equal(result, volume.reshape(3, 2, 4, 2, 2, 2).mean((1, 3, 5)).astype(np.float32))


def test_one_to_two_has_quarter_weights() -> None:
    line = np.array([[[0.0, 4.0, 8.0]]])
    result = resample(line, (0, 0, 0), Box((0, 0, 1), (1, 1, 5)), (1.0, 1.0, 0.5))
    assert result.ravel().tolist() == [1, 3, 5, 7]


@pytest.mark.parametrize("source", [2.5, 4.0, 5.24, 8.0])
def test_a_ramp_in_nanometres_stays_where_it_is(source: float) -> None:
    """Lower edges are aligned: a shift of half a voxel would show as 2.5 nm."""
    ramp = ((np.arange(60) + 0.5) * source)[None, None]
    ratio = (1.0, 1.0, 5 / source)
    target = Box((0, 0, 2), (1, 1, math.floor(60 * source / 5) - 2))
    needed = source_box(target, ratio)
    error = resample(ramp[needed.slices], needed.start, target, ratio) - (np.arange(2, target.stop[2]) + 0.5) * 5
    np.testing.assert_allclose(error, 0, atol=1e-4 if source > 5 or source == 2.5 else 0.5)
    assert abs(error.mean()) < 0.05


@pytest.mark.parametrize("ratio", [(0.5, 0.5, 0.5), (2.0, 1.0, 0.5), (0.4, 1.5, 0.5), (0.73, 0.5, 1.9)])
def test_where_a_large_block_is_cut_changes_no_bit(ratio: tuple[float, float, float]) -> None:
    volume = np.random.default_rng(0).random((20, 60, 300), np.float32)
    target = Box.of_shape(inner_shape(volume.shape, ratio))
    whole = mirrored(volume, target, ratio)
    for box in target.tiles((5, 37, 263)):
        np.testing.assert_array_equal(mirrored(volume, box, ratio), whole[box.slices])
