"""What is taken as it is, warned of with a remedy, or refused, for every kind of image."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import pytest

from asem_core import Volume
from asem_core.errors import VolumeError
from asem_core.specs import ModelSpec, StageRef, TrainedGrey
from asem_core.volume.check import check_grey, grey_facts, known_grey, settled_range
from asem_core.volume.grey import GreyRange, levels_on_scale, on_grey_range

Make = Callable[..., Volume]
NO_NORMALISING = (StageRef(name="scale_linear"),)


@pytest.fixture
def model(membranes: Any, as_volume: Make) -> ModelSpec:
    """A model that was trained on images like ``membranes``."""
    levels = levels_on_scale(as_volume(membranes))
    assert levels.contrast is not None
    grey = TrainedGrey(
        low=(levels.low - 3, levels.low, levels.low + 3),
        median=(levels.median,) * 3,
        high=(levels.high,) * 3,
        contrast=(levels.contrast,) * 3,
        volumes=2,
    )
    return ModelSpec(
        id="known-10nm",
        version="1",
        package="p:f",
        voxel_size_nm=(10, 10, 10),
        preprocess=NO_NORMALISING,
        sha256="0",
        licence="none",
        trained_on="nothing",
        grey=grey,
    )


FINE: dict[str, Any] = {
    "uint8": lambda a: a,
    "full uint16": lambda a: a.astype("u2") * 257,
    "float16": lambda a: (a / 255).astype("f2"),
    "float32": lambda a: (a / 255).astype("f4"),
    "float64": lambda a: a / 255,
}
WARNED: dict[str, tuple[Any, str]] = {
    "narrow uint16": (lambda a: a.astype("u2") + 33000, ""),
    "12 bits in 16": (lambda a: a.astype("u2") * 16, "0:4095"),
    "10 bits in 16": (lambda a: a.astype("u2") * 4, "0:1023"),
    "inverted": (lambda a: 255 - a, "255:0"),
    "inverted uint16": (lambda a: 65535 - a.astype("u2") * 257, "65535:0"),
    "dark": (lambda a: a // 2, ""),
    "bright": (lambda a: (a // 4 + 180).astype("u1"), ""),
}
REFUSED: dict[str, tuple[Any, str]] = {
    "int16": (lambda a: a.astype("i2"), "0:255"),
    "int16, 14 bits": (lambda a: a.astype("i2") * 64, "0:16383"),
    "int8": (lambda a: (a.astype("i2") - 128).astype("i1"), "-128:127"),
    "uint32": (lambda a: a.astype("u4"), "0:255"),
    "int64": (lambda a: a.astype("i8"), "0:255"),
    "uint64": (lambda a: a.astype("u8"), "0:255"),
    "floats of 0..255": (lambda a: a.astype("f4"), "0:255"),
    "z-scored": (lambda a: ((a - a.mean()) / a.std()).astype("f4"), ""),
}


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


@pytest.mark.parametrize("kind", FINE)
def test_taken_as_it_is(membranes: Any, as_volume: Make, model: ModelSpec, caplog: Any, kind: str) -> None:
    volume = as_volume(FINE[kind](membranes))
    check_grey(volume, trained_on=known_grey(model), model=model.id)
    assert warnings_of(caplog) == []


@pytest.mark.parametrize("kind", WARNED)
def test_warned_of_and_right_after_the_remedy(
    membranes: Any, as_volume: Make, model: ModelSpec, caplog: Any, kind: str
) -> None:
    make, customary = WARNED[kind]
    volume = as_volume(make(membranes))
    check_grey(volume, trained_on=known_grey(model), model=model.id)
    (line,) = warnings_of(caplog)
    assert "known-10nm was trained on" in line
    assert "--grey auto" in line
    named = line.partition("give --grey ")[2].split()[0]
    assert customary in ("", named)
    caplog.clear()
    for remedy in (GreyRange.parse(named), "auto"):
        grey = settled_range(volume, remedy, trained_on=known_grey(model))
        check_grey(volume, grey=grey, trained_on=known_grey(model), model=model.id)
        levels = levels_on_scale(on_grey_range(volume, grey))
        expected = levels_on_scale(as_volume(membranes))
        assert (levels.low, levels.high) == pytest.approx((expected.low, expected.high), abs=8)
        assert (levels.contrast or 0) > 0
    assert warnings_of(caplog) == []


@pytest.mark.parametrize("kind", REFUSED)
def test_refused_with_the_remedy(membranes: Any, as_volume: Make, model: ModelSpec, caplog: Any, kind: str) -> None:
    make, customary = REFUSED[kind]
    volume = as_volume(make(membranes))
    with pytest.raises(VolumeError, match=r"--grey LOW:HIGH, here --grey \S+, or --grey auto") as refusal:
        check_grey(volume, trained_on=known_grey(model), model=model.id)
    named = str(refusal.value).partition("here --grey ")[2].split(",")[0]
    assert customary in ("", named)
    expected = levels_on_scale(as_volume(membranes))
    for remedy in (GreyRange.parse(named), "auto"):
        grey = settled_range(volume, remedy, trained_on=known_grey(model))
        check_grey(volume, grey=grey, trained_on=known_grey(model), model=model.id)
        levels = levels_on_scale(on_grey_range(volume, grey))
        assert (levels.low, levels.high) == pytest.approx((expected.low, expected.high), abs=8)
    assert warnings_of(caplog) == []


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.zeros((40, 50, 60), "u1"), "its voxels are black"),
        (np.full((40, 50, 60), 90, "u2"), "one grey level, 90"),
        (np.full((4, 5, 6), 0.5, "f4"), r"one grey level, 0\.5"),
        (np.ones((4, 5, 6), bool), "booleans"),
    ],
)
@pytest.mark.parametrize("grey", [None, "auto", GreyRange(0, 1)])
def test_no_range_makes_an_image_of_it(as_volume: Make, array: Any, said: str, grey: Any) -> None:
    volume = as_volume(array)
    with pytest.raises(VolumeError, match=said):
        check_grey(volume, grey=settled_range(volume, grey))


def test_a_small_image_in_much_padding_is_found(membranes: Any, as_volume: Make, caplog: Any) -> None:
    array = np.zeros((300, 900, 900), np.uint8)
    array[140:146, 30:160, 640:770] = membranes[:, :130, :130]
    check_grey(as_volume(array))
    (line,) = warnings_of(caplog)
    assert "padding" in line
    assert "asem convert --roi" in line


def test_one_bad_voxel_is_named(membranes: Any, as_volume: Make) -> None:
    for bad in (np.nan, np.inf, -np.inf):
        image = (membranes / 255).astype("f4")
        image[3, 20, 31] = bad
        for grey in (None, GreyRange(0, 1), "auto"):
            with pytest.raises(VolumeError, match=r"voxel 3,20,31 \(z,y,x\) is -?(nan|inf): replace it"):
                check_grey(as_volume(image), grey=settled_range(as_volume(image), grey))


def test_a_model_without_a_record_is_warned_of_in_general(membranes: Any, as_volume: Make, caplog: Any) -> None:
    check_grey(as_volume(membranes // 2))
    assert warnings_of(caplog) == []
    check_grey(as_volume(membranes.astype("u2")))
    (line,) = warnings_of(caplog)
    assert "span" in line


def test_a_model_that_normalises_by_itself_has_no_levels(
    membranes: Any, as_volume: Make, model: ModelSpec, caplog: Any
) -> None:
    own = attrs.evolve(model, preprocess=(StageRef(name="percentile_rescale"), *NO_NORMALISING))
    check_grey(as_volume(membranes // 2), trained_on=known_grey(own), model=own.id)
    assert warnings_of(caplog) == []


def test_few_values_are_no_image(as_volume: Make, caplog: Any) -> None:
    labels = np.zeros((20, 60, 60), np.uint8)
    labels[5:15, 10:40, 10:40] = 255
    check_grey(as_volume(labels))
    assert any("it has 2 different values" in line for line in warnings_of(caplog))


def test_what_info_says(membranes: Any, as_volume: Make, model: ModelSpec) -> None:
    assert grey_facts(as_volume(membranes), models=[model])[1] is None
    for make, _ in (*WARNED.values(), *REFUSED.values()):
        _, said = grey_facts(as_volume(make(membranes)), models=[model])
        assert said is not None
        assert "--grey auto" in said
    labels = np.repeat(np.repeat(np.arange(30, dtype=np.uint32).reshape(1, 5, 6), 20, axis=1), 20, axis=2)
    assert grey_facts(as_volume(labels), models=[model])[1] is None
