"""What a preprocessor must do: stay finite, give by blocks what it gives on the whole, and of every type the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from asem_core.errors import AsemError
from asem_core.geometry import Triple
from asem_core.preprocessing.levels import to_grey_range
from asem_core.preprocessing.stages import Step, measure, normalised
from asem_core.registry import resolve
from asem_core.specs import PreprocessorSpec
from asem_core.testing.check import Check, NotChecked, in_turn
from asem_core.testing.samples import (
    BLOCKS,
    GRIDS,
    SHAPE,
    STORED,
    as_volume,
    differing,
    random_grey,
    stored_as,
    tried_params,
)
from asem_core.volume.volume import Volume

_SAME = 2.0
"""Levels of 255, on average: a stage that stretches contrast makes more than one of the half that uint8 rounds away."""


def stage_checks(spec: PreprocessorSpec, *, uses: Sequence[Mapping[str, Any]] = ()) -> Iterator[Check]:
    """The checks of a preprocessor, on random grey values of every type and grid, and where all values are alike.

    Parameters
    ----------
    uses
        Parameters that models give it; it is tried with its defaults besides.
    """
    checks = {
        "halo is voxels": _halo,
        "shape and dtype": _form,
        "finite": _finite,
        "input unchanged": _unchanged,
        "by blocks as on the whole": _by_blocks,
        "of every type the same": _same_of_every_type,
    }
    subject = f"preprocessor {spec.name!r}"
    made = (Check(subject=subject, name=name, find=partial(_each, find, spec, uses)) for name, find in checks.items())
    yield from in_turn(made, base=2)


def _each(find: Any, spec: PreprocessorSpec, uses: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for params in tried_params(spec, uses):
        step = Step(spec=spec, params=params)
        for seed, (dtype, voxel_size) in enumerate(product(STORED, GRIDS)):
            problem = next(find(step, as_volume(random_grey(seed, dtype=dtype), voxel_size)), None)
            if problem is not None:
                yield f"{problem} ({dtype} voxels of {voxel_size}, {step.params})"
                return


def _form(step: Step, volume: Volume) -> Iterator[str]:
    _whole(step, volume)
    yield from ()


def _finite(step: Step, volume: Volume) -> Iterator[str]:
    """Of a volume of one grey level it may also say that it can do nothing."""
    levels = (np.full(SHAPE, level) for level in (0, 128))
    flat = [as_volume(stored_as(volume.dtype, level), volume.voxel_size) for level in levels]
    words = ("grey values", "a black volume", "a volume that is all 128")
    for of, given in zip(words, (volume, *flat), strict=True):
        try:
            found = _whole(step, given)
        except AsemError:
            if given is volume:
                raise
            continue
        if found.dtype.kind == "f" and not np.isfinite(found).all():
            count = int((~np.isfinite(found)).sum())
            yield f"{step.spec.fn} gives {count:,} values that are NaN or infinite of {of}: do not divide by 0"


def _unchanged(step: Step, volume: Volume) -> Iterator[str]:
    stats = measure(volume, [step])[0]
    raw = volume.read(volume.box)
    if step.by_voxel:
        raw = to_grey_range(raw).astype(np.float32)
    before = raw.copy()
    step.apply(raw, box=volume.box, voxel_size=volume.voxel_size, stats=stats)
    if differing(raw, before):
        yield f"{step.spec.fn} writes into the image that it is given: work on raw.copy()"


def _halo(step: Step, volume: Volume) -> Iterator[str]:
    if step.spec.halo is None:
        raise NotChecked("it states none")
    yield from halo_problems(step.spec.halo, resolve(step.spec.halo)(volume.voxel_size, step.params))


def halo_problems(named: str, halo: Any) -> Iterator[str]:
    """What is wrong with the ``halo`` that the function ``named`` gave."""
    try:
        sound = len(halo) == 3 and all(int(h) == h >= 0 for h in halo)
    except (TypeError, ValueError):
        sound = False
    if not sound:
        yield f"{named} must give three whole numbers >= 0 (z, y, x), got {halo!r}"


def _by_blocks(step: Step, volume: Volume) -> Iterator[str]:
    made = _made(step, volume)
    whole = made.read(made.box)
    for block in BLOCKS:
        if said := differing(_in_blocks(made, block), whole):
            yield (
                f"by blocks of {block} {step.spec.fn} gives something else than on the whole: {said}; state the halo "
                "that it needs, and name what it must know of the whole volume in statistics (docs/hooks.md)"
            )


def _same_of_every_type(step: Step, volume: Volume) -> Iterator[str]:
    bytes_ = as_volume(np.rint(to_grey_range(volume.read(volume.box))).astype(np.uint8), volume.voxel_size)
    expected, found = _whole(step, bytes_).astype(np.float64), _whole(step, volume).astype(np.float64)
    known = np.isfinite(expected) & np.isfinite(found)
    if not known.any():
        return  # the check of finite values says it
    level = 1.0 if step.spec.dtype_out == "uint8" else float(np.ptp(expected[known])) / 255
    off = float(np.abs(found - expected)[known].mean())
    if off > _SAME * level:
        yield (
            f"{step.spec.fn} gives something else than of the same image in uint8, by {off:.3g} on average: bring what "
            "is stored to 0..255 with asem_core.preprocessing.to_grey_range, and round before you cast"
        )


def _in_blocks(made: Volume, block: Triple) -> npt.NDArray[Any]:
    found = np.zeros(made.shape, made.dtype)
    for box in made.box.tiles(block):
        found[box.slices] = made.read(box)
    return found


def _made(step: Step, volume: Volume) -> Volume:
    return normalised(volume, [step], measure(volume, [step]))


def _whole(step: Step, volume: Volume) -> npt.NDArray[Any]:
    made = _made(step, volume)
    return made.read(made.box)
