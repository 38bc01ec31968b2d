"""The recipe that fine-tuning makes of what is labelled and of how long it may take."""

from __future__ import annotations

import attrs
import numpy as np
import pytest

from asem_core.errors import RecipeError
from asem_core.finetuning.labelled import Labelled
from asem_core.finetuning.pace import Pace
from asem_core.finetuning.recipe import (
    SIDE,
    as_begun,
    from_nothing,
    iterations_for,
    lasting,
    make_recipe,
    most_iterations,
)
from asem_core.finetuning.regions import Split
from asem_core.geometry import Box, VoxelSize
from asem_core.training.recipe import Data, Recipe

PACE = Pace(step=3.0, mixed_precision=True, judging=8.0)
GRID = VoxelSize((10, 10, 10))


def divided(size: tuple[float, float, float] = (10, 10, 10), *, judged: float = 1.0) -> Split:
    """Two boxes of 40 x 80 x 120 voxels."""
    boxes = [Box((0, 0, 0), (40, 80, 120)), Box((50, 0, 0), (90, 80, 120))]
    state = (np.random.default_rng(0).random(boxes[0].shape) < judged).astype(np.uint8)
    first, second = (
        Labelled(source=0, volume="cell", box=box, voxel_size=VoxelSize(size), state=state) for box in boxes
    )
    return Split(training=(first,), validation=(second,), how="the second")


def made(size: tuple[float, float, float] = (10, 10, 10), *, judged: float = 1.0) -> Recipe:
    pairs = [Data(raw="raw", labels="labels")]
    parts = divided(size, judged=judged)
    return make_recipe(pairs, parts, organelle="mito", grid=GRID, base=2, start="mito-10nm")


def test_it_names_the_boxes_and_puts_the_normalisation_back() -> None:
    recipe = made()
    assert (recipe.training[0].roi, recipe.validation[0].roi) == ("0:40,0:80,0:120", "50:90,0:80,0:120")
    assert recipe.normalise
    assert recipe.select == "fit"
    assert recipe.rate_at(0) < 2e-4


def test_thick_sections_are_not_turned_out_of_their_plane() -> None:
    assert (made().augment.permute, made().augment.rotate) == ("all", True)
    assert (made((70, 10, 10)).augment.permute, made((70, 10, 10)).augment.rotate) == ("in_plane", False)


@pytest.mark.parametrize(
    ("size", "all_learn"), [((10, 10, 10), False), ((10, 10, 15), False), ((10, 10, 16), True), ((70, 10, 10), True)]
)
def test_of_little_only_scales_are_learned(size: tuple[float, float, float], all_learn: bool) -> None:
    """Of 0.384 um3, 0.576, 0.614 and 2.7."""
    tuned = made(size)
    assert tuned.optimiser.convolutions == all_learn
    assert (tuned.rate_at(0) < 5e-5) == all_learn
    assert from_nothing(tuned).optimiser.convolutions


def test_strokes_count_by_the_place_that_they_cover() -> None:
    assert made((70, 10, 10), judged=0.05).optimiser.convolutions


def test_no_block_can_undo_what_the_model_knows() -> None:
    """Levels vary by little, a gradient is bounded, what is used is an average; where there is a model, that is."""
    tuned, fresh = made(), from_nothing(made())
    assert (tuned.augment.brightness, fresh.augment.brightness) == ((-0.06, 0.06), (-0.15, 0.15))
    assert (tuned.sampling.keep_without, fresh.sampling.keep_without) == (0.6, 0.3)
    assert (tuned.optimiser.clip, fresh.optimiser.clip) == (1.0, None)
    assert (tuned.average, fresh.average) == (0.97, 0.0)


@pytest.mark.parametrize(("iterations", "average"), [(10, 0.0), (60, 2 / 3), (400, 0.95), (4000, 0.97)])
def test_a_short_run_is_averaged_over_less(iterations: int, average: float) -> None:
    tuned = lasting(made(), iterations, pace=PACE)
    assert tuned.average == pytest.approx(average)
    assert from_nothing(tuned).average == 0.0


def test_blocks_need_half_of_what_they_can_hold() -> None:
    """The box is half as high as a block."""
    assert made().sampling.min_inside == pytest.approx(0.5 * 40 / SIDE)
    assert made(judged=0.1).sampling.min_inside == pytest.approx(0.05 * 40 / SIDE, rel=0.05)


def test_minutes_become_iterations() -> None:
    """20 minutes less a dozen comparisons of 8 s."""
    assert iterations_for(20, PACE) == (20 * 60 - 12 * 8) // 3
    assert iterations_for(60, PACE) > 3 * iterations_for(20, PACE) - 60
    with pytest.raises(
        RecipeError, match=r"0.5 minutes are not enough: 10 iterations of 3.0 s .*give --minutes 2 or more"
    ):
        iterations_for(0.5, PACE)


@pytest.mark.parametrize(
    ("size", "most"), [((10, 10, 10), 60), ((20, 10, 10), 61), ((70, 10, 10), 215), ((70, 40, 40), 3441)]
)
def test_few_labels_bear_few_iterations(size: tuple[float, float, float], most: int) -> None:
    """Of 0.384 um3, 0.768, 2.7 and 43; of strokes as many as of the place that they cover."""
    assert most_iterations(divided(size)) == most
    assert most_iterations(divided(size, judged=0.05)) == most


def test_what_is_held_back_bears_none() -> None:
    """Two boxes that overlap, of half of 2.7 um3 together."""
    (whole,) = divided((70, 10, 10)).training
    left_out = (Box((0, 0, 0), (40, 30, 120)), Box((0, 20, 0), (40, 40, 120)))
    parts = Split(training=(attrs.evolve(whole, left_out=left_out),), validation=(whole,), how="boxes in it")
    assert most_iterations(parts) == 108


def test_a_run_that_goes_on_keeps_its_length() -> None:
    begun = lasting(made(), 100, pace=PACE)
    assert as_begun(made(), begun) == begun
    assert begun.iterations == 100
    assert begun.mixed_precision
    assert begun.rate_at(99) < 2e-5


@pytest.mark.parametrize("iterations", [1, 7, 40, 400, 4000])
def test_it_is_compared_often_enough_to_choose(iterations: int) -> None:
    recipe = lasting(made(), iterations, pace=PACE)
    compared = sum(recipe.validates_after(done) for done in range(iterations + 1))
    assert min(iterations, 3) <= compared - 1 <= 13


def test_from_nothing_it_takes_larger_steps() -> None:
    tuned = lasting(made((15, 15, 15)), 100, pace=PACE)
    fresh = from_nothing(tuned)
    assert fresh.start is None
    assert fresh.rate_at(50) > 5 * tuned.rate_at(50)
    assert fresh.optimiser.normalisation == 1
    assert (tuned.settles_after(50), fresh.settles_after(50)) == (False, True)
    assert (fresh.iterations, fresh.training) == (tuned.iterations, tuned.training)
