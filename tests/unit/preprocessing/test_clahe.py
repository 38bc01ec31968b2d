"""CLAHE on one lattice of tiles: any part equals the same part of the whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asem_core import Registry, Volume
from asem_core.errors import VolumeError
from asem_core.geometry import Box
from asem_core.params import make_params
from asem_core.plugins import make_manager
from asem_core.preprocessing.clahe import Clahe, clip_histogram, tile_mappings
from asem_core.preprocessing.stages import make_steps, measure, normalised
from asem_core.specs import StageRef

RAW = np.random.default_rng(5).normal(120, 30, (37, 50, 44)).clip(0, 255).astype(np.uint8)
REGISTRY = Registry(make_manager([]))


def after(volume: Volume, **params: Any) -> Volume:
    steps = make_steps([StageRef(name="clahe", params=params)], REGISTRY)
    return normalised(volume, steps, measure(volume, steps))


@pytest.fixture(scope="module")
def whole(as_volume: Callable[..., Volume]) -> dict[int, tuple[Volume, Any]]:
    """By kernel: the equalised volume, and what it is when read at once."""
    volumes = {kernel: after(as_volume(RAW), kernel=kernel) for kernel in (8, 13, 64)}
    return {kernel: (volume, volume.read(volume.box)) for kernel, volume in volumes.items()}


@settings(max_examples=60, deadline=None)
@given(data=st.data(), kernel=st.sampled_from([8, 13, 64]))
def test_any_box_equals_that_of_the_whole(
    whole: dict[int, tuple[Volume, Any]], data: st.DataObject, kernel: int
) -> None:
    volume, expected = whole[kernel]
    start = [data.draw(st.integers(0, n - 1)) for n in RAW.shape]
    stop = [data.draw(st.integers(a + 1, n)) for a, n in zip(start, RAW.shape, strict=True)]
    box = Box(start, stop)
    np.testing.assert_array_equal(volume.read(box), expected[box.slices])


def test_every_voxel_is_the_mean_of_eight_mappings(as_volume: Callable[..., Volume]) -> None:
    """One voxel at a time, as the definition reads."""
    kernel, n = 8, (20, 19, 24)
    raw = RAW[: n[0], : n[1], : n[2]]
    volume = as_volume(raw)
    mappings = tile_mappings(volume, params=Clahe(kernel=kernel)).astype(float)
    found = after(volume, kernel=kernel).read(volume.box)
    rng = np.random.default_rng(0)
    for voxel in rng.integers(0, n, (200, 3)):
        level = round(int(raw[tuple(voxel)]) * 16383 / 255) // 65
        value = 0.0
        for corner in np.ndindex(2, 2, 2):
            position = (voxel + kernel // 2) / kernel - 1
            tile = np.floor(position).astype(int)
            weight = np.prod(np.where(np.array(corner) == 1, position - tile, 1 - (position - tile)))
            inside = np.clip(tile + corner, 0, np.array(mappings.shape[:3]) - 1)
            value += weight * mappings[(*inside, level)]
        assert abs(int(found[tuple(voxel)]) - value / 16383 * 255) <= 1.01
        assert int(found[tuple(voxel)]) <= value / 16383 * 255 + 0.01


def test_dtypes_agree_where_they_hold_the_same_levels(as_volume: Callable[..., Volume]) -> None:
    expected = after(as_volume(RAW), kernel=16).read(Box.of_shape(RAW.shape))
    for same in (RAW.astype(np.uint16) * 257, RAW / np.float32(255), RAW / 255):
        np.testing.assert_array_equal(after(as_volume(same), kernel=16).read(Box.of_shape(RAW.shape)), expected)
    with pytest.raises(VolumeError, match="found int16; say which levels"):
        after(as_volume(RAW.astype(np.int16)))


@pytest.mark.slow
@given(st.lists(st.integers(0, 900), min_size=256, max_size=256), st.integers(1, 1000))
def test_clipping_keeps_the_limit_and_moves_voxels_only(counts: list[int], limit: int) -> None:
    histogram = np.array(counts)
    clipped = clip_histogram(histogram, limit)
    assert clipped.max() <= max(limit, 0)
    assert (clipped >= np.minimum(histogram, limit)).all()
    if histogram.sum() >= limit * 256:
        assert (clipped == limit).all()


def test_more_clip_means_less_contrast(as_volume: Callable[..., Volume]) -> None:
    spread = [
        after(as_volume(RAW), kernel=32, clip=clip).read(Box.of_shape(RAW.shape)).std() for clip in (0.006, 0.008, 1)
    ]
    assert spread[0] < spread[1] < spread[2]
    assert make_params(REGISTRY.preprocessors["clahe"], {}) == Clahe(kernel=128, clip=0.02)
