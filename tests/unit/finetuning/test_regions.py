"""What is held back: nothing that is trained on, about a quarter, and enough to judge by."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asem_core.errors import RecipeError
from asem_core.finetuning.labelled import Labelled
from asem_core.finetuning.regions import CELL, CELLS, GUARD_NM, Split, split
from asem_core.geometry import Box, VoxelSize

GRID = VoxelSize((10, 10, 10))


def labelled(
    box: Box, *, organelle: float = 0.2, size: VoxelSize = GRID, source: int = 0, volume: str = "cell", seed: int = 0
) -> Labelled:
    state = 1 + (np.random.default_rng(seed).random(box.shape) < organelle)
    return Labelled(source=source, volume=volume, box=box, voxel_size=size, state=state.astype(np.uint8))


def box(z: int, y: int, x: int, *shape: int) -> Box:
    return Box((z, y, x), (z + shape[0], y + shape[1], x + shape[2]))


def test_a_whole_box_where_there_are_several() -> None:
    boxes = [box(0, 0, 0, 40, 60, 60), box(50, 0, 0, 30, 50, 50), box(90, 0, 0, 40, 60, 60)]
    found = split([labelled(each) for each in boxes], GRID)
    assert [part.box for part in found.validation] == [boxes[1]]
    assert [part.box for part in found.training] == [boxes[0], boxes[2]]
    assert found.how == f"the box {boxes[1]}"


def near(found: Split) -> int:
    """Voxels of one volume that are trained on, within `GUARD_NM` of those that are judged by."""
    guard = int(GUARD_NM / GRID.zyx[0])
    count = 0
    for held in found.validation:
        for part in found.training:
            shared = held.box.grow(guard).intersect(part.box)
            if part.volume == held.volume and shared.size:
                count += int(np.count_nonzero(part.part(shared).state))
    return count


@pytest.mark.parametrize("files", [1, 2], ids=["one pair", "two files of labels"])
@pytest.mark.parametrize(
    ("boxes", "how"),
    [
        ([box(0, 0, 0, 60, 240, 250), box(0, 0, 150, 60, 240, 250)], "small boxes"),
        ([box(0, 0, 0, 60, 240, 200), box(0, 0, 200, 60, 240, 200)], "small boxes"),
        ([box(0, 0, 0, 40, 60, 60), box(35, 0, 0, 40, 60, 80)], "the box"),
        ([box(0, 0, 0, 40, 60, 60), box(40, 0, 0, 40, 60, 60)], "the box"),
        ([box(0, 0, 0, 40, 50, 250), box(0, 0, 0, 40, 50, 250)], "of the box"),
    ],
)  # fmt: skip
def test_boxes_that_overlap_or_touch_are_not_held_back_from_each_other(boxes: list[Box], how: str, files: int) -> None:
    found = split([labelled(each, source=number % files) for number, each in enumerate(boxes)], GRID)
    assert how in found.how
    assert near(found) == 0
    assert all(any(each.contains(part.box) for each in boxes) for part in found.training)


def test_boxes_of_different_volumes_may_lie_at_one_place() -> None:
    found = split([labelled(box(0, 0, 0, 40, 60, 60), source=n, volume=f"cell {n}") for n in range(4)], GRID)
    assert len(found.training) == 3
    assert not any(part.left_out for part in found.training)


@pytest.mark.parametrize("length", [60, 400])
def test_the_end_of_one_box_behind_a_guard(length: int) -> None:
    found = split([labelled(box(5, 6, 7, 40, 50, length))], GRID)
    (held,), (rest,) = found.validation, found.training
    assert held.box.shape == (40, 50, length // 4)
    first, second = sorted([held.box, rest.box], key=lambda each: each.start[2])
    assert second.start[2] - first.stop[2] == GUARD_NM / 10


def test_little_that_is_held_back_is_told_of() -> None:
    caution = split([labelled(box(0, 0, 0, 63, 63, 63))], GRID).caution
    assert caution is not None
    assert re.match(r"only 0\.06\d? um3 is held back, too little to tell which model is better elsewhere", caution)
    assert split([labelled(box(0, 0, 0, 80, 80, 80))], GRID).caution is None


def test_the_end_that_has_the_organelle() -> None:
    only = labelled(box(0, 0, 0, 40, 50, 400), organelle=0)
    only.state[:, 20:30, 280:320] = 2
    (held,) = split([only], GRID).validation
    assert held.box.start[2] == 300


def test_strokes_are_split_by_what_is_labelled() -> None:
    strokes = labelled(box(0, 0, 0, 3, 200, 200), organelle=0.3, size=VoxelSize((70, 10, 10)))
    strokes.state[np.random.default_rng(1).random(strokes.state.shape) < 0.9] = 0
    found = split([strokes], GRID)
    assert found.validation[0].box.shape[0] == 3
    assert 0.15 < found.validation[0].organelle / strokes.organelle < 0.35


def test_no_part_can_be_judged_by() -> None:
    """All of the organelle lies in one place, in the middle."""
    only = labelled(box(0, 0, 0, 40, 40, 400), organelle=0)
    only.state[15:25, 15:25, 190:210] = 2
    with pytest.raises(RecipeError, match="no part of the labels can be held back"):
        split([only], GRID)


def test_small_boxes_all_over_where_there_is_enough() -> None:
    """The organelle is at one end only: a box there, and boxes without any."""
    fine = VoxelSize((40, 5, 5))
    only = labelled(box(0, 0, 0, 40, 900, 1200), size=fine, organelle=0)
    only.state[:, :, 800:] = np.where(np.random.default_rng(0).random((40, 900, 400)) < 0.3, 2, 1)
    found = split([only], GRID)
    assert len(found.validation) == CELLS
    shares = sorted(held.organelle / held.box.size for held in found.validation)
    assert shares[0] == 0
    assert shares[-1] == pytest.approx(0.3, abs=0.02)
    share = sum(held.organelle for held in found.validation) / sum(held.box.size for held in found.validation)
    assert share == pytest.approx(0.1, abs=0.06)
    (rest,) = found.training
    for held in found.validation:
        sides = [n * v / g for n, v, g in zip(held.box.shape, fine.zyx, GRID.zyx, strict=True)]
        assert all(0.6 * CELL < side < 1.5 * CELL for side in sides)
        (guarded,) = (each for each in rest.left_out if each.contains(held.box))
        assert not rest.part(guarded).um3
    assert rest.um3 > 0.75 * only.um3


@settings(deadline=None, max_examples=30)
@given(
    shapes=st.lists(st.tuples(*[st.integers(20, 60)] * 3), min_size=1, max_size=4),
    apart=st.integers(0, 70),
    organelle=st.floats(0.05, 0.95),
    seed=st.integers(0, 100),
)
def test_nothing_is_in_both_parts(shapes: list[tuple[int, int, int]], apart: int, organelle: float, seed: int) -> None:
    boxes = [box(apart * number, 0, 0, *shape) for number, shape in enumerate(shapes)]
    try:
        found = split([labelled(each, organelle=organelle, seed=seed) for each in boxes], GRID)
    except RecipeError:
        assert apart < 70, "boxes that lie apart can be told apart"
        return
    for held in found.validation:
        assert any(each.contains(held.box) for each in boxes)
        assert held.organelle
        assert held.background
    assert near(found) == 0
