"""What is trained on, and what is held back to judge by: a whole box where there are several, else the end of one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import attrs

from asem_core.errors import RecipeError
from asem_core.finetuning.labelled import Labelled
from asem_core.geometry import AXES, Box, VoxelSize

HELD_BACK = 0.25
"""Of what is labelled, about."""
GUARD_NM = 100.0
"""Between the two parts of a box: voxels that are neither trained on nor judged by ..."""
GUARD_SHARE = 0.05
"""... but no more of the axis than this."""
MOST_VOXELS = 4_000_000
"""Of a box that is judged by, on the model's grid: networks are compared again and again."""
LEAST_SHARE = 0.05
"""Of background and of the organelle, that each part must hold."""


@attrs.frozen(kw_only=True)
class Split:
    """Two parts of what is labelled that have no voxel in common."""

    training: tuple[Labelled, ...]
    validation: tuple[Labelled, ...]
    how: str
    """In words."""


def split(found: Sequence[Labelled], grid: VoxelSize) -> Split:
    """Hold back about a quarter of ``found``: a whole box, or the end of the largest along one of its axes.

    Of what is held back no more than `MOST_VOXELS` of ``grid`` are judged by; the rest is not trained on either.

    Raises
    ------
    RecipeError
        However it is cut, one of the parts has none, or next to none, of the organelle or of the background.
    """
    organelle, background = sum(each.organelle for each in found), sum(each.background for each in found)

    def tells(part: Sequence[Labelled]) -> bool:
        least = max(1, LEAST_SHARE * organelle), max(1, LEAST_SHARE * background)
        return sum(p.organelle for p in part) >= least[0] and sum(p.background for p in part) >= least[1]

    tried = [s for s in (_whole_boxes(found) if len(found) > 1 else _ends(found[0])) if tells(s.training)]
    tried = [s for s in tried if tells(s.validation)]
    if not tried and len(found) > 1:
        largest = max(found, key=lambda each: each.um3)
        others = tuple(each for each in found if each is not largest)
        tried = [
            attrs.evolve(s, training=(*others, *s.training)) for s in _ends(largest) if tells((*others, *s.training))
        ]
        tried = [s for s in tried if tells(s.validation)]
    if not tried:
        raise RecipeError(
            "no part of the labels can be held back to judge by: in every way to cut them, one part has next to "
            f"nothing of the organelle ({organelle} voxels in all) or of the background ({background}); label a second "
            "region"
        )

    def oddness(s: Split) -> float:
        shares = (
            sum(each.um3 for each in s.validation) / sum(each.um3 for each in found),
            sum(each.organelle for each in s.validation) / organelle,
        )
        return sum(abs(math.log(share / HELD_BACK)) for share in shares)

    best = min(tried, key=oddness)
    return attrs.evolve(best, validation=tuple(_reduced(each, grid) for each in best.validation))


def _reduced(part: Labelled, grid: VoxelSize) -> Labelled:
    """A box of at most `MOST_VOXELS` in ``part``, as cubic as may be: where there is most of the organelle."""
    ratio = [v / g for v, g in zip(part.voxel_size.zyx, grid.zyx, strict=True)]
    sides = [n * r for n, r in zip(part.box.shape, ratio, strict=True)]
    side = max(sides)
    while math.prod(min(s, side) for s in sides) > MOST_VOXELS:
        side *= 0.98
    for axis, (n, r) in enumerate(zip(part.box.shape, ratio, strict=True)):
        kept = min(n, max(1, round(side / r)))
        steps = range(0, n - kept + 1, max(1, (n - kept) // 8))
        starts = (part.part(_planes(part.box, axis, start, start + kept)) for start in steps)
        part = max(starts, key=lambda each: min(each.organelle, each.background))
    return part


def _whole_boxes(found: Sequence[Labelled]) -> Iterator[Split]:
    for held in found:
        rest = tuple(each for each in found if each is not held)
        if not any(each.source == held.source and each.box.intersect(held.box).size for each in rest):
            yield Split(training=rest, validation=(held,), how=f"the box {held.box}")


def _ends(found: Labelled) -> Iterator[Split]:
    """Either end of either of the two longest axes, in nm."""
    sides = [n * v for n, v in zip(found.box.shape, found.voxel_size.zyx, strict=True)]
    for axis in sorted(range(3), key=lambda a: -sides[a])[:2]:
        n = found.box.shape[axis]
        guard = min(math.ceil(GUARD_NM / found.voxel_size.zyx[axis]), math.ceil(GUARD_SHARE * n))
        held = round(HELD_BACK * n)
        if held < 1 or n - held - guard < 1:
            continue
        for first, second in (((0, held), (held + guard, n)), ((n - held, n), (0, n - held - guard))):
            back, rest = (found.part(_planes(found.box, axis, *span)) for span in (first, second))
            yield Split(training=(rest,), validation=(back,), how=f"{AXES[axis]} {_span(back, axis)} of the box")


def _planes(box: Box, axis: int, start: int, stop: int) -> Box:
    low, high = list(box.start), list(box.stop)
    low[axis], high[axis] = box.start[axis] + start, box.start[axis] + stop
    return Box(low, high)


def _span(part: Labelled, axis: int) -> str:
    return f"{part.box.start[axis]}:{part.box.stop[axis]}"
