"""What is trained on, and what is held back to judge by.

Tissue differs from place to place, so small boxes all over what is labelled tell more than one large one. Where too
little is labelled for that, a whole box is held back, or the end of the only one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise, product

import attrs

from asem_core.errors import RecipeError
from asem_core.finetuning.labelled import UNLABELLED, Labelled
from asem_core.geometry import AXES, Box, VoxelSize

HELD_BACK = 0.25
"""Of what is labelled, at most about."""
CELL = 80
"""Side of a small box in voxels of the model's grid, about."""
CELLS = 12
"""Small boxes that are judged by, at most: networks are compared again and again."""
GUARD_NM = 100.0
"""Round what is judged by: voxels that are neither trained on nor judged by."""
LEAST_SHARE = 0.05
"""Of background and of the organelle, that each part must hold; small boxes may hold less."""

TELLING_UM3 = 0.1
"""Size of what is held back: with less, a model that was better there has been far worse elsewhere."""


@attrs.frozen(kw_only=True)
class Split:
    """Two parts of what is labelled that have no voxel in common."""

    training: tuple[Labelled, ...]
    validation: tuple[Labelled, ...]
    how: str
    """In words."""

    @property
    def caution(self) -> str | None:
        """What is to be said where so little is held back that it tells little (docs/how-much-to-label.md)."""
        held = sum(each.box.size * each.voxel_size.volume_nm3 for each in self.validation) / 1e9
        if held >= TELLING_UM3:
            return None
        return (
            f"only {held:.2g} um3 is held back, too little to tell which model is better elsewhere: "
            "label 0.5 um3 or more, in several places"
        )


def split(found: Sequence[Labelled], grid: VoxelSize) -> Split:
    """Hold back up to a quarter of ``found``, whatever is judged on ``grid``: small boxes, a whole one, or an end.

    Raises
    ------
    RecipeError
        However it is cut, one of the parts has none, or next to none, of the organelle or of the background.
    """
    organelle, background = sum(each.organelle for each in found), sum(each.background for each in found)

    def tells(part: Sequence[Labelled], share: float) -> bool:
        least = max(1, share * organelle), max(1, share * background)
        return sum(p.organelle for p in part) >= least[0] and sum(p.background for p in part) >= least[1]

    def oddness(s: Split) -> float:
        shares = (
            sum(each.um3 for each in s.validation) / sum(each.um3 for each in found),
            sum(each.organelle for each in s.validation) / organelle,
        )
        return sum(abs(math.log(share / HELD_BACK)) for share in shares)

    for tried, least in (
        (_small_boxes(found, grid), 0.0),
        (_whole_boxes(found), LEAST_SHARE),
        (_ends(found), LEAST_SHARE),
    ):
        usable = [s for s in tried if tells(s.training, LEAST_SHARE) and tells(s.validation, least)]
        if usable:
            return min(usable, key=oddness)
    raise RecipeError(
        "no part of the labels can be held back to judge by: in every way to cut them, one part has next to nothing of "
        f"the organelle ({organelle} voxels in all) or of the background ({background}); label a second region"
    )


def _small_boxes(found: Sequence[Labelled], grid: VoxelSize) -> Iterator[Split]:
    """Boxes of about `CELL` voxels with as much of the organelle as there is here and there: at even quantiles."""
    cells = [cell for each in found for cell in _cells(each, grid)]
    count = min(CELLS, int(HELD_BACK * len(cells)))
    if count < 2:
        return
    cells.sort(key=lambda cell: cell.organelle / (cell.organelle + cell.background))
    held = tuple(cells[int((i + 0.5) * len(cells) / count)] for i in range(count))
    yield Split(training=_apart(found, held), validation=held, how=f"{count} small boxes all over what is labelled")


def _cells(found: Labelled, grid: VoxelSize) -> Iterator[Labelled]:
    """``found`` in equal parts of about `CELL` voxels of ``grid``; those in which nothing is labelled are left out."""
    spans = []
    for first, n, step, fine in zip(found.box.start, found.box.shape, found.voxel_size.zyx, grid.zyx, strict=True):
        count = max(1, round(n * step / fine / CELL))
        edges = [first + i * n // count for i in range(count + 1)]
        spans.append(list(pairwise(edges)))
    for axes in product(*spans):
        part = found.part(Box([a for a, _ in axes], [b for _, b in axes]))
        if part.um3:
            yield part


def _apart(found: Sequence[Labelled], held: Sequence[Labelled]) -> tuple[Labelled, ...]:
    """``found`` without the labels in and round ``held`` of the same volume; boxes that have none left are dropped."""
    parts = (_without(each, [other.box for other in held if other.volume == each.volume]) for each in found)
    return tuple(part for part in parts if part.um3)


def _without(found: Labelled, boxes: Sequence[Box]) -> Labelled:
    """``found`` without the labels in and round ``boxes``."""
    state, left_out = found.state.copy(), []
    for box in boxes:
        shared = box.grow(_guard(found.voxel_size)).intersect(found.box)
        if shared.size:
            left_out.append(shared)
            state[shared.shift([-s for s in found.box.start]).slices] = UNLABELLED
    return attrs.evolve(found, state=state, left_out=tuple(left_out))


def _guard(voxel_size: VoxelSize) -> list[int]:
    """`GUARD_NM` in voxels."""
    return [math.ceil(GUARD_NM / step) for step in voxel_size.zyx]


def _whole_boxes(found: Sequence[Labelled]) -> Iterator[Split]:
    for held in found:
        rest = _apart([each for each in found if each is not held], [held])
        yield Split(training=rest, validation=(held,), how=f"the box {held.box}")


def _ends(found: Sequence[Labelled]) -> Iterator[Split]:
    """Either end of either of the two longest axes, in nm, of the largest."""
    largest = max(found, key=lambda each: each.um3)
    others = [each for each in found if each is not largest]
    sides = [n * v for n, v in zip(largest.box.shape, largest.voxel_size.zyx, strict=True)]
    for axis in sorted(range(3), key=lambda a: -sides[a])[:2]:
        n = largest.box.shape[axis]
        guard = _guard(largest.voxel_size)[axis]
        held = round(HELD_BACK * n)
        if held < 1 or n - held - guard < 1:
            continue
        for first, second in (((0, held), (held + guard, n)), ((n - held, n), (0, n - held - guard))):
            back, rest = (largest.part(_planes(largest.box, axis, *span)) for span in (first, second))
            how = f"{AXES[axis]} {back.box.start[axis]}:{back.box.stop[axis]} of the box {largest.box}"
            yield Split(training=(*_apart(others, [back]), rest), validation=(back,), how=how)


def _planes(box: Box, axis: int, start: int, stop: int) -> Box:
    low, high = list(box.start), list(box.stop)
    low[axis], high[axis] = box.start[axis] + start, box.start[axis] + stop
    return Box(low, high)
