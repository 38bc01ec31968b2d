"""Grey levels of a volume: measured on a sample, and stretched over a range."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import pytest
from scipy import ndimage

from asem_core import Volume, VoxelSize
from asem_core.errors import VolumeError
from asem_core.geometry import Box
from asem_core.preprocessing.levels import to_grey_range
from asem_core.specs import TrainedGrey
from asem_core.volume import grey
from asem_core.volume.grey import (
    GreyRange,
    auto_range,
    implied_range,
    levels_on_scale,
    measure_grey,
    on_grey_range,
    parse_grey,
    sample_boxes,
    trained_grey,
)

Make = Callable[..., Volume]


@pytest.mark.parametrize("text", ["33000:33255", "255:0", "-1.5:2.25", "0:1e6"])
def test_a_range_is_written_and_read(text: str) -> None:
    assert GreyRange.parse(str(GreyRange.parse(text))) == GreyRange.parse(text)


@pytest.mark.parametrize("text", ["", "5", "5:5", "a:b", "1:2:3", "nan:1", "0:inf"])
def test_what_is_no_range(text: str) -> None:
    with pytest.raises(ValueError, match=r"grey"):
        parse_grey(text)


def test_auto_is_a_word() -> None:
    assert parse_grey("auto") == "auto"


@pytest.mark.parametrize(
    ("dtype", "shown"),
    [
        ("u1", "0:255"),
        ("u2", "0:65535"),
        ("f2", "0:1"),
        ("f8", "0:1"),
        ("i1", "None"),
        ("i2", "None"),
        ("u4", "None"),
        ("i8", "None"),
        ("bool", "None"),
    ],
)
def test_what_a_dtype_stands_for(dtype: str, shown: str) -> None:
    assert str(implied_range(dtype)) == shown


@pytest.mark.parametrize(
    ("stored", "grey"),
    [
        (lambda a: a, "0:255"),
        (lambda a: a.astype("u2") + 33000, "33000:33255"),
        (lambda a: a.astype("u2") * 16, "0:4080"),
        (lambda a: a.astype("i2") - 128, "-128:127"),
        (lambda a: (a.astype("i2") - 128).astype("i1"), "-128:127"),
        (lambda a: a.astype("u4") + 3_000_000_000, "3000000000:3000000255"),
        (lambda a: a.astype("i8"), "0:255"),
        (lambda a: a.astype("u8"), "0:255"),
        (lambda a: 255 - a, "255:0"),
        (lambda a: a.astype("f4"), "0:255"),
        (lambda a: a.astype("f2"), "0:255"),
        (lambda a: a.astype("f8") / 50 - 2, "-2:3.1"),
    ],
)
def test_the_same_image_from_any_dtype(membranes: Any, as_volume: Make, stored: Any, grey: str) -> None:
    volume = on_grey_range(as_volume(stored(membranes)), GreyRange.parse(grey))
    block = to_grey_range(volume.read(Box((1, 10, 10), (4, 60, 70))))
    np.testing.assert_allclose(block, membranes[1:4, 10:60, 10:70], atol=0.13 if "f2" in str(volume.dtype) else 0.01)


def test_beyond_the_range_it_is_clipped_and_nan_stays() -> None:
    for values, expected in (
        ([10, 20, 30, 40], [0, 0, 65535, 65535]),
        ([10.0, 25.0, np.inf, np.nan], [0, 0.5, np.inf, np.nan]),
    ):
        array = np.array(values, np.uint8 if isinstance(values[0], int) else np.float32).reshape(1, 1, 4)
        volume = Volume(array=array, voxel_size=VoxelSize((5, 5, 5)), uri="m", format="memory", chunks=(1, 1, 4))
        np.testing.assert_array_equal(on_grey_range(volume, GreyRange(20, 30)).array[:].ravel(), expected)


def test_the_range_tells_runs_apart(membranes: Any, as_volume: Make) -> None:
    plain = as_volume(membranes)
    one, other = (on_grey_range(plain, GreyRange(0, high)) for high in (255, 250))
    assert plain.identity != one.identity != other.identity
    assert one.notes == ("grey levels 0:255 become 0..255",)


def test_arrays_in_memory_are_told_apart_on_a_range_too() -> None:
    def of(array: Any) -> Volume:
        volume = Volume(array=array, voxel_size=VoxelSize((5, 5, 5)), uri="m", format="memory", chunks=array.shape)
        return on_grey_range(volume, GreyRange(0, 4095))

    values = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    assert of(values).identity == of(values.copy()).identity != of(values + 1).identity


def test_masks_are_no_images(as_volume: Make) -> None:
    with pytest.raises(VolumeError, match="booleans"):
        on_grey_range(as_volume(np.ones((4, 4, 4), bool)), GreyRange(0, 1))


@pytest.mark.parametrize("dtype", ["u1", "u2", "i2", "u4", "f4", "f8"])
def test_percentiles_in_the_units_of_the_volume(membranes: Any, as_volume: Make, dtype: str) -> None:
    levels = measure_grey(as_volume(membranes.astype(dtype)))
    np.testing.assert_allclose(
        (levels.low, levels.median, levels.high), np.percentile(membranes, (1, 50, 99)), rtol=0.05
    )
    assert levels.contrast is not None
    assert levels.contrast > 0.2
    assert not levels.constant


def test_large_numbers_keep_their_levels(membranes: Any, as_volume: Make) -> None:
    plain, far = (measure_grey(as_volume(image)) for image in (membranes, membranes.astype("u4") + 4_000_000_000))
    assert far.low - 4_000_000_000 == plain.low
    assert far.high - far.low == plain.high - plain.low


def test_inverting_turns_the_contrast(membranes: Any, as_volume: Make) -> None:
    plain, turned = (measure_grey(as_volume(image)) for image in (membranes, 255 - membranes))
    assert plain.contrast is not None
    assert turned.contrast == pytest.approx(-plain.contrast, rel=1e-6)
    assert "inverted" in str(turned)
    assert "inverted" not in str(plain)
    back = turned.on_scale(GreyRange(255, 0))
    assert (back.low, back.median, back.high) == (plain.low, plain.median, plain.high)
    assert back.contrast == pytest.approx(plain.contrast)


def test_noise_has_no_contrast_that_is_told(as_volume: Make) -> None:
    noise = np.random.default_rng(0).normal(120, 20, (8, 300, 300)).astype(np.uint8)
    assert abs(measure_grey(as_volume(noise)).contrast or 0) < 0.04


def test_coarse_voxels_show_no_membranes(membranes: Any, as_volume: Make) -> None:
    assert measure_grey(as_volume(membranes, (40.0, 40.0, 40.0))).contrast is None


def test_of_a_small_area_nothing_is_told(membranes: Any, as_volume: Make) -> None:
    assert measure_grey(as_volume(membranes[:1, :150])).contrast is None  # 3 um2 less its rim
    assert measure_grey(as_volume(membranes)).contrast is not None


@pytest.mark.parametrize("value", [0, 200, 255])
def test_padding_does_not_count(membranes: Any, as_volume: Make, value: int) -> None:
    padded = np.pad(membranes, ((0, 0), (60, 80), (40, 100)), constant_values=value)
    inside, around = measure_grey(as_volume(membranes)), measure_grey(as_volume(padded))
    assert around.padding > 0.3
    np.testing.assert_allclose(
        (around.low, around.median, around.high), (inside.low, inside.median, inside.high), atol=3
    )
    assert around.contrast == pytest.approx(inside.contrast, abs=0.15)


def test_empty_resin_does_not_count(membranes: Any, as_volume: Make) -> None:
    resin = np.random.default_rng(2).normal(200, 2, (6, 512, 1024)).astype(np.uint8)
    resin[:, :200, :200] = membranes
    inside, around = measure_grey(as_volume(membranes)), measure_grey(as_volume(resin))
    assert around.low == pytest.approx(inside.low, abs=8)


def test_nan_is_left_out(membranes: Any, as_volume: Make) -> None:
    image = membranes.astype("f4") / 255
    image[:, :, :5] = np.nan
    assert measure_grey(as_volume(image)).high == pytest.approx(np.nanpercentile(image, 99), rel=0.05)
    with pytest.raises(VolumeError, match="no number"):
        measure_grey(as_volume(np.full((4, 30, 30), np.nan, "f4")))


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 3, 4), (1, 300, 300), (300, 2, 2)])
def test_volumes_of_any_shape(as_volume: Make, shape: tuple[int, int, int]) -> None:
    image = np.arange(np.prod(shape)).reshape(shape).astype(np.uint16)
    levels = measure_grey(as_volume(image))
    assert levels.least <= levels.low <= levels.median <= levels.high <= levels.most


class Counting:
    """An array that says how much of it was read."""

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self.shape, self.dtype, self.voxels = shape, np.dtype(np.uint8), 0

    def __getitem__(self, key: Any) -> Any:
        shape = [len(range(*part.indices(n))) for part, n in zip(key, self.shape, strict=True)]
        self.voxels += int(np.prod(shape))
        return np.random.default_rng(0).integers(0, 255, shape, np.uint8)


@pytest.mark.parametrize("planewise", [False, True])
def test_the_sample_is_bounded_spread_and_always_the_same(planewise: bool) -> None:
    array = Counting((4000, 3000, 5000))
    chunks = (1, 3000, 5000) if planewise else (64, 64, 64)
    volume = Volume(array=array, voxel_size=VoxelSize((5, 5, 5)), uri="m", format="memory", chunks=chunks)
    assert measure_grey(volume) == measure_grey(volume)
    assert array.voxels < 2 * 16_000_000
    starts = np.array([box.start for box in sample_boxes(volume)])
    assert (np.ptp(starts, axis=0)[:2] > 0.75 * np.array(array.shape[:2])).all()


def test_auto_brings_percentiles_to_those_of_training(membranes: Any, as_volume: Make) -> None:
    known = TrainedGrey(
        low=(40, 50, 60), median=(100, 120, 140), high=(200, 210, 220), contrast=(0.1, 0.2, 0.3), volumes=3
    )
    for image in (membranes, membranes.astype("u2") * 16 + 300, 255 - membranes, membranes.astype("f4") / 31 - 4):
        volume = as_volume(image)
        grey = auto_range(measure_grey(volume), trained_on=known)
        levels = levels_on_scale(on_grey_range(volume, grey))
        assert (levels.low, levels.high) == pytest.approx((50, 210), abs=1.5)
        assert (levels.contrast or 0) > 0


def test_auto_without_a_model_uses_the_whole_scale(membranes: Any, as_volume: Make) -> None:
    levels = measure_grey(as_volume(membranes))
    assert (auto_range(levels).low, auto_range(levels).high) == pytest.approx((levels.low, levels.high), abs=0.2)
    with pytest.raises(ValueError, match="both grey level"):
        auto_range(attrs.evolve(levels, low=7, high=7))


def test_what_a_card_says_of_several_volumes(membranes: Any, as_volume: Make) -> None:
    levels = levels_on_scale(as_volume(membranes))
    darker = attrs.evolve(levels, low=levels.low - 9, high=levels.high - 30)
    found = trained_grey([(levels, 0.7), (darker, 0.2), (attrs.evolve(levels, contrast=None), 5.0)])
    assert found is not None
    assert found.volumes == 2
    assert found.low == pytest.approx((levels.low - 9, levels.low, levels.low), abs=0.06)
    assert found.high == pytest.approx((levels.high - 30, levels.high, levels.high), abs=0.06)
    assert trained_grey([(attrs.evolve(levels, contrast=None), 1.0)]) is None


@pytest.mark.parametrize("shape", [(1, 9), (2, 2), (3, 3), (5, 7), (24, 24)])
@pytest.mark.parametrize("levels", [1, 2, 3, 200])
def test_squares_of_one_value_are_those_of_the_filters(shape: tuple[int, int], levels: int) -> None:
    rng = np.random.default_rng(levels)
    for _ in range(40):
        patch = rng.integers(0, levels, shape).astype(np.float32)
        y, x = (rng.integers(0, n) for n in shape)
        patch[y : y + rng.integers(1, 7), x : x + rng.integers(1, 7)] = 0
        of_one = ndimage.maximum_filter(patch, 5) == ndimage.minimum_filter(patch, 5)
        assert (grey._flat(patch) == ndimage.maximum_filter(of_one, 5)).all()
