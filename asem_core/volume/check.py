"""Values that a network cannot take, and grey levels unlike those that it was trained on."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np

from asem_core.errors import VolumeError
from asem_core.geometry import Box
from asem_core.progress import Progress, silent
from asem_core.specs import ModelSpec, TrainedGrey
from asem_core.volume.grey import (
    Grey,
    GreyLevels,
    GreyRange,
    auto_range,
    implied_range,
    is_inverted,
    measure_grey,
    on_grey_range,
)
from asem_core.volume.staging import read_unit, slabs
from asem_core.volume.volume import Volume

log = logging.getLogger(__name__)

NEAR = 20.0
"""Levels of 255 by which the 1st and the 99th percentile may lie outside those of training. Measured on EPFL tissue:
mito-compact-10nm finds 36 % at its own levels, 4 % at black - 25, 48 % at black + 26, 54 % at white - 42."""
NARROWEST = 64.0
"""Span of 255 below which an image is too flat for any model; the tissues that we know span 125 to 235."""
_ROUND = ((0, 255), (0, 1023), (0, 4095), (0, 16383), (0, 32767), (0, 65535), (-128, 127), (-32768, 32767), (0, 1))
"""Ranges that microscopes and programs use: 8, 10, 12, 14, 15, 16 bits, signed bytes and words, fractions."""
_FEW = 8
"""Different values that an image has more of."""
_PADDING = 0.01
"""Share of the sample that is of one value, above which that is said."""
_LOOKED_AT = 48
"""Boxes with image that are looked for where the sample has none."""


def settled_range(
    volume: Volume, grey: Grey, *, trained_on: TrainedGrey | None = None, option: str = "--grey "
) -> GreyRange | None:
    """``grey`` in numbers: ``"auto"`` is found from a sample of ``volume``, see `auto_range`; None stays None.

    Raises
    ------
    VolumeError
        ``"auto"`` for a volume that is almost all of one grey level, or of booleans.
    """
    if grey != "auto":
        return grey
    try:
        return auto_range(_levels(volume), trained_on=trained_on)
    except ValueError as error:
        raise VolumeError(f"{volume.uri}: {option}auto finds no range, {error}: give {option}LOW:HIGH") from None


def graded(volume: Volume, grey: Grey) -> Volume:
    """``volume`` on the range that ``grey`` gives (`on_grey_range`), or as it is where ``grey`` is None.

    Raises
    ------
    VolumeError
        As `settled_range` and `on_grey_range`.
    """
    chosen = settled_range(volume, grey)
    return volume if chosen is None else on_grey_range(volume, chosen)


def check_grey(
    volume: Volume,
    *,
    grey: GreyRange | None = None,
    trained_on: TrainedGrey | None = None,
    model: str = "the model",
    option: str = "--grey ",
    box: Box | None = None,
    progress: Progress = silent,
) -> None:
    """Compare the grey levels of an image with what a model can take, on a sample of its voxels (`measure_grey`).

    Levels that are unlike those that the model was trained on, a narrow range and inverted contrast are logged as a
    warning that names the remedy; so are padding and images of a few values. Of floats every voxel is read.

    Parameters
    ----------
    volume
        As it is stored.
    grey
        The levels that will become 0 and 255. None: uint8 and uint16 use their full range, floats lie in [0, 1].
    trained_on, model
        What will be run on it saw this, and is called that; None: not known, see `known_grey`.
    option
        How the user gives ``grey``, for messages.
    box
        What will be read; by default all.

    Raises
    ------
    VolumeError
        Booleans; one grey level throughout; NaN or infinity, with the first such voxel; without ``grey`` also signed
        integers, integers above 16 bits and floats outside [0, 1].
    """
    levels = _levels(volume)
    used = grey or _implied(volume, levels, trained_on, option)
    check_values(graded(volume, grey), box=box, progress=progress)
    for remark in _remarks(levels, used, model=model, known=trained_on, option=option):
        log.warning("%s: %s", volume.uri, remark)


def grey_problem(levels: GreyLevels, grey: GreyRange, *, trained_on: TrainedGrey | None) -> str | None:
    """What is wrong with the levels that ``grey`` makes of ``levels``, in words; None: nothing.

    Examples
    --------
    >>> levels = GreyLevels(dtype="uint16", low=800, median=1800, high=3400, least=160, most=3800, contrast=0.13,
    ...                     padding=0, values=200, voxels=1000)
    >>> grey_problem(levels, GreyRange(0, 65535), trained_on=None)
    'its grey levels span 3.1 to 13.2 of 0..255 (1st to 99th percentile)'
    >>> grey_problem(levels, GreyRange(0, 4095), trained_on=None)
    """
    given = levels.on_scale(grey)
    sign = 1.0 if trained_on is None else math.copysign(1.0, trained_on.contrast[1])
    if given.contrast is not None and is_inverted(sign * given.contrast):
        return f"its membranes are {'bright' if sign > 0 else 'dark'}: the contrast is inverted"
    span = f"its grey levels span {given.low:.1f} to {given.high:.1f} of 0..255 (1st to 99th percentile)"
    if trained_on is None:
        return span if given.high - given.low < NARROWEST else None
    off = max(_distance(given.low, trained_on.low), _distance(given.high, trained_on.high))
    return span if off > NEAR else None


def suggested_range(levels: GreyLevels, *, trained_on: TrainedGrey | None = None) -> GreyRange | None:
    """A range under which nothing is wrong: a customary one if any is, else that of ``auto``; None: there is none."""
    holding = [GreyRange(a, b) for a, b in _ROUND if a <= levels.least and levels.most <= b]
    if not levels.dtype.startswith("float"):
        holding = [grey for grey in holding if grey.high > 1]
    for grey in (*holding, *(GreyRange(grey.high, grey.low) for grey in holding)):
        if grey_problem(levels, grey, trained_on=trained_on) is None:
            return grey
    return None if levels.low == levels.high else auto_range(levels, trained_on=trained_on)


def remedy(levels: GreyLevels, *, trained_on: TrainedGrey | None = None, option: str = "--grey ") -> str:
    """What the user can do about levels that a model does not know."""
    suggested = suggested_range(levels, trained_on=trained_on)
    such = "" if suggested is None else f"{option}{suggested} (those levels become 0 and 255) or "
    return f"give {such}{option}auto"


def grey_facts(volume: Volume, *, models: Sequence[ModelSpec] = ()) -> tuple[GreyLevels, str | None]:
    """Grey levels of ``volume``, and in a line what speaks against running ``models`` on it as it is; None: nothing."""
    levels = measure_grey(volume)
    if levels.low == levels.high or levels.values <= _FEW or levels.padding > 0.5 or volume.dtype == np.bool_:
        return levels, None  # labels, masks
    knowing = [model for model in models if known_grey(model) is not None]
    implied = implied_range(volume.dtype)
    if implied is None or (volume.dtype.kind == "f" and not 0 <= levels.least <= levels.most <= 1):
        what = f"{volume.dtype} of {levels.least:.5g} to {levels.most:.5g} says not which level is black, which white"
        return levels, f"as an image, {what}: {remedy(levels, trained_on=knowing[0].grey if knowing else None)}"
    problems = {m.id: grey_problem(levels, implied, trained_on=m.grey) for m in knowing}
    unlike = [model for model in knowing if problems[model.id] is not None]
    if unlike:
        names = ", ".join(model.id for model in unlike)
        return levels, (
            f"{problems[unlike[0].id]}, unlike what {names} {'was' if len(unlike) == 1 else 'were'} trained on: "
            f"{remedy(levels, trained_on=unlike[0].grey)}"
        )
    problem = None if knowing else grey_problem(levels, implied, trained_on=None)
    return levels, None if problem is None else f"{problem}: {remedy(levels)}"


SAY_GREY = "say which levels are black and white (--grey LOW:HIGH, or --grey auto)"
"""What to do about floats outside [0, 1] where grey levels can be given."""
WRITE_ANEW = "write labels as integers, and scale probabilities and images to 0..1"
"""The same where they cannot."""


def check_values(
    volume: Volume, *, box: Box | None = None, advice: str = SAY_GREY, progress: Progress = silent
) -> None:
    """Stream through ``box`` of a float ``volume`` (all of it) and refuse values outside [0, 1]; integers pass unread.

    Parameters
    ----------
    advice
        What the user is told to do about it.

    Raises
    ------
    VolumeError
        Names the first voxel (z,y,x) in reading order that is NaN, infinite or out of range.
    """
    if volume.dtype.kind != "f":
        return
    boxes = list(slabs(box or volume.box, read_unit(volume), volume.dtype.itemsize))
    for done, slab in enumerate(boxes):
        progress("checking values", done, len(boxes))
        values = volume.read(slab)
        bad = ~((values >= 0) & (values <= 1))  # NaN compares false
        if bad.any():
            place = np.unravel_index(int(bad.argmax()), bad.shape)
            voxel = ",".join(str(int(i) + a) for i, a in zip(place, slab.start, strict=True))
            found = f"{volume.uri}: voxel {voxel} (z,y,x) is {values[place]}"
            if np.isfinite(values[place]):
                raise VolumeError(f"{found}; floats lie in [0, 1]: {advice}")
            raise VolumeError(f"{found}: replace it by a number, or cut that part off (asem convert --roi)")
    progress("checking values", len(boxes), len(boxes))


def _levels(volume: Volume) -> GreyLevels:
    """Of an evenly spread sample; where that is of one level, of what differs elsewhere."""
    if volume.dtype == np.bool_:
        raise VolumeError(f"{volume.uri}: it is of booleans, a mask or labels; give the grey image")
    levels = measure_grey(volume)
    if levels.low != levels.high:
        return levels
    structured = list(islice(_structured(volume), _LOOKED_AT))
    if structured:
        return measure_grey(volume, within=structured)
    what = "black" if levels.least == 0 else f"of one grey level, {levels.least:g}"
    raise VolumeError(f"{volume.uri}: all its voxels are {what}: there is no image; check how it was written")


def _structured(volume: Volume) -> Iterator[Box]:
    z, y, x = read_unit(volume)
    for box in volume.box.tiles((min(z, 2), max(y, 128), max(x, 128))):
        values = volume.read(box)
        if values.min() != values.max():
            yield box


def _implied(volume: Volume, levels: GreyLevels, known: TrainedGrey | None, option: str) -> GreyRange:
    implied = implied_range(volume.dtype)
    if implied is not None and (volume.dtype.kind != "f" or 0 <= levels.least <= levels.most <= 1):
        return implied
    suggested = suggested_range(levels, trained_on=known)
    such = "" if suggested is None else f", here {option}{suggested}"
    raise VolumeError(
        f"{volume.uri}: images are uint8, uint16 or floats in [0, 1], found {volume.dtype} of {levels.least:.5g} to "
        f"{levels.most:.5g}; say which levels are black and white with {option}LOW:HIGH{such}, or {option}auto"
    )


def _remarks(levels: GreyLevels, used: GreyRange, *, model: str, known: TrainedGrey | None, option: str) -> list[str]:
    remarks = []
    if levels.values <= _FEW < levels.voxels:
        return [f"it has {levels.values} different values: are these labels or a mask?"]
    if levels.padding >= _PADDING:
        remarks.append(
            f"{levels.padding:.0%} of the sample is padding, lost sections or clipped levels; near these the result is "
            "poorer: cut padding off (asem convert --roi), replace lost sections by their neighbours"
        )
    problem = grey_problem(levels, used, trained_on=known)
    if problem is not None:
        trained = ""
        if known is not None:
            membranes = "dark" if known.contrast[1] > 0 else "bright"
            trained = f"; {model} was trained on {_words(known.low)} to {_words(known.high)}, membranes {membranes}"
        remarks.append(f"{problem}{trained}: expect a wrong result; {remedy(levels, trained_on=known, option=option)}")
    return remarks


def known_grey(model: ModelSpec) -> TrainedGrey | None:
    """The grey values that the model was trained on; None where they are not known, or where its own stages change
    them by what the volume holds, so that those of a volume say nothing."""
    return model.grey if all(stage.name == "scale_linear" for stage in model.preprocess) else None


def _distance(value: float, span: tuple[float, float, float]) -> float:
    return max(span[0] - value, value - span[2], 0.0)


def _words(span: tuple[float, float, float]) -> str:
    low, _, high = (round(v) for v in span)
    return f"{low}" if low == high else f"{low}-{high}"
