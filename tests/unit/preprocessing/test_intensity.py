"""One mapping for the whole volume, from its histogram."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asem_core import Registry, Volume
from asem_core.errors import PluginError, VolumeError
from asem_core.geometry import Box
from asem_core.plugins import make_manager
from asem_core.preprocessing.intensity import histogram, percentiles
from asem_core.preprocessing.stages import make_steps, measure, normalised
from asem_core.specs import StageRef

RAW = np.random.default_rng(5).gamma(9, 8, (30, 41, 52)).clip(0, 255).astype(np.uint8)
REGISTRY = Registry(make_manager([]))


def after(volume: Volume, *stages: StageRef) -> Volume:
    steps = make_steps(stages, REGISTRY)
    return normalised(volume, steps, measure(volume, steps))


@settings(deadline=None)
@given(st.lists(st.integers(0, 255), min_size=1, max_size=60), st.lists(st.floats(0, 100), min_size=1, max_size=4))
def test_percentiles_are_those_of_numpy(values: list[int], percents: list[float]) -> None:
    counts = np.bincount(values, minlength=256)
    np.testing.assert_allclose(percentiles(counts, percents), np.percentile(values, percents), atol=1e-9)


def test_percentile_rescale(as_volume: Callable[..., Volume]) -> None:
    low, high = np.percentile(RAW, [2, 90])
    expected = np.rint(255 * np.clip((RAW - low) / (high - low), 0, 1))
    stage = StageRef(name="percentile_rescale", params={"low": 2, "high": 90})
    for raw in (RAW, RAW.astype(np.uint16), RAW * np.uint16(257), RAW / np.float32(255)):
        found = after(as_volume(raw), stage).read(Box.of_shape(RAW.shape))
        np.testing.assert_array_equal(found, expected)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_any_box_of_stages_in_a_row_equals_that_of_the_whole(as_volume: Callable[..., Volume], data: Any) -> None:
    """The second stage is measured on what the first one gives."""
    first, second = StageRef(name="percentile_rescale"), StageRef(name="clahe", params={"kernel": 16})
    whole = after(as_volume(RAW), first).read(Box.of_shape(RAW.shape))
    expected = after(as_volume(whole), second).read(Box.of_shape(RAW.shape))
    start = [data.draw(st.integers(0, n - 1)) for n in RAW.shape]
    box = Box(start, [data.draw(st.integers(a + 1, n)) for a, n in zip(start, RAW.shape, strict=True)])
    np.testing.assert_array_equal(after(as_volume(RAW), first, second).read(box), expected[box.slices])


def test_histogram_of_many_blocks(as_volume: Callable[..., Volume]) -> None:
    raw = np.random.default_rng(1).integers(0, 256, (130, 270, 10)).astype(np.uint8)
    seen: list[tuple[int, int]] = []
    found = histogram(as_volume(raw), progress=lambda _stage, done, total: seen.append((done, total)))
    np.testing.assert_array_equal(found, np.bincount(raw.ravel(), minlength=256))
    assert seen[-1] == (6, 6)


def test_what_cannot_be_done_is_said(as_volume: Callable[..., Volume]) -> None:
    flat = as_volume(np.full((3, 3, 3), 7, np.uint8))
    with pytest.raises(VolumeError, match="are both grey level 7 of 255"):
        after(flat, StageRef(name="percentile_rescale")).read(flat.box)
    assert (after(flat, StageRef(name="equalize_histogram")).read(flat.box) == 255).all()
    with pytest.raises(PluginError, match="low must be below high"):
        make_steps([StageRef(name="percentile_rescale", params={"low": 9, "high": 9})], REGISTRY)
