"""How a run of fine-tuning begins: from which network, for how many iterations, and what it must beat."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from asem_core.errors import RecipeError
from asem_core.evaluation.scores import Score, Scores
from asem_core.finetuning.pace import Pace, measure_pace
from asem_core.finetuning.recipe import as_begun, iterations_for, lasting, most_iterations
from asem_core.finetuning.start import AdaptedParent, adapted_to, is_adapted
from asem_core.finetuning.task import Task
from asem_core.progress import Progress
from asem_core.registry import Registry
from asem_core.training.recipe import Recipe, load_recipe
from asem_core.training.run import CHECKPOINT, RECIPE, START, discard, write_recipe
from asem_core.training.start import network_of
from asem_core.training.unet import UNet
from asem_core.training.validate import Judged, Validator
from asem_core.training.volumes import load_data

if TYPE_CHECKING:
    import torch

ADAPTED = "adapted"
"""Among scores, the parent adapted without labels, where training begins from that."""


@attrs.frozen(kw_only=True, eq=False)
class Beginning:
    """What is settled before the first iteration."""

    recipe: Recipe
    pace: Pace | None
    """None: the run goes on, as long as was settled when it began."""
    judge: Callable[[UNet], Sequence[Judged]]
    """How good a network is on what was held back."""
    judged: Mapping[str, Sequence[Judged]]
    """The parent, by its id, and the adapted one where training begins from it."""
    adapted: AdaptedParent | None
    """To be written: the run is new, and begins from it."""


def pooled(judged: Sequence[Judged]) -> Scores:
    """All boxes together."""
    return sum((each.scores for each in judged), Scores())


def decisive(scores: Scores) -> Score:
    """By which networks are compared: with the exclusion zone, unless that leaves nothing of the organelle to score."""
    found = scores.with_zone
    return found if found.tp + found.fn else scores.without_zone


@contextmanager
def begin(
    task: Task,
    *,
    minutes: float,
    iterations: int | None,
    device: torch.device,
    overwrite: bool,
    registry: Registry,
    progress: Progress,
) -> Iterator[Beginning]:
    """Settle what is not settled yet; for as long as the block runs, `write_start` can write what it begins from.

    Raises
    ------
    RecipeError
        ``minutes`` are too few; or a run that goes on was begun for other ``iterations``, or on other labels.
    """
    if (task.output / RECIPE).exists() and not overwrite:
        yield _going_on(task, iterations, device, registry)
        return
    parent = task.parent
    pace = measure_pace(task.recipe, device)
    recipe = attrs.evolve(task.recipe, mixed_precision=pace.mixed_precision)
    judge, compare = _judges(task, recipe, device, registry)
    began = time.perf_counter()
    compare(parent.network)
    pace = attrs.evolve(pace, judging=time.perf_counter() - began)
    judged = {parent.spec.id: judge(parent.network)}
    length = iterations or min(iterations_for(minutes, pace), most_iterations(task.parts))
    recipe = lasting(recipe, length, pace=pace)
    with adapted_to(task.opened[0][0], parent, grey=task.greys[0], registry=registry, progress=progress) as candidates:
        tried = {candidate: judge(candidate.network) for candidate in candidates}
        best = max(tried, key=lambda candidate: _f1(tried[candidate]), default=None)
        if best is not None and _f1(tried[best]) > _f1(judged[parent.spec.id]):
            judged[ADAPTED] = tried[best]
            recipe = attrs.evolve(recipe, start=str(task.output / START))
        else:
            best = None
        yield Beginning(recipe=recipe, pace=pace, judge=judge, judged=judged, adapted=best)


def write_start(beginning: Beginning, output: Path, *, overwrite: bool) -> None:
    """Write the adapted model that the run in ``output`` begins from, where it does; remove that of an earlier run."""
    if overwrite:
        shutil.rmtree(output / START, ignore_errors=True)
    if beginning.adapted is not None:
        output.mkdir(parents=True, exist_ok=True)
        if overwrite:
            discard(output)
        write_recipe(output, beginning.recipe)
        beginning.adapted.write(output / START)


def _going_on(task: Task, iterations: int | None, device: torch.device, registry: Registry) -> Beginning:
    begun, start = load_recipe(task.output / RECIPE), str(task.output / START)
    _check_goes_on(task, begun, iterations)
    recipe = as_begun(task.recipe, begun)
    if begun.start == start and is_adapted(task.output / START, task.parent):
        recipe = attrs.evolve(recipe, start=start)
    judge, _ = _judges(task, recipe, device, registry)
    judged = {task.parent.spec.id: judge(task.parent.network)}
    if recipe.start == start:
        judged[ADAPTED] = judge(network_of(start, registry).eval())
    return Beginning(recipe=recipe, pace=None, judge=judge, judged=judged, adapted=None)


def _check_goes_on(task: Task, begun: Recipe, iterations: int | None) -> None:
    """Refuse to go on where that would leave out what is asked for now."""
    if iterations is not None and iterations != begun.iterations:
        raise RecipeError(
            f"the run in {task.output} was begun for {begun.iterations} iterations, not {iterations}: to go on, give "
            f"--iterations {begun.iterations} or none; to begin anew, pass --overwrite or choose another output folder"
        )
    now, before = ((*recipe.training, *recipe.validation) for recipe in (task.recipe, begun))
    files, those_before = ({(data.raw, data.labels) for data in every} for every in (now, before))
    if now != before and files == those_before and (task.output / CHECKPOINT).exists():
        labels = ", ".join(sorted({data.labels for data in now}))
        raise RecipeError(
            f"changed since the run in {task.output} began: {labels} (labels), or what --roi, --unlabelled, --grey and "
            "--voxel-size say of them; to train on that, pass --overwrite or choose another output folder"
        )


def _judges(
    task: Task, recipe: Recipe, device: torch.device, registry: Registry
) -> tuple[Callable[[UNet], Sequence[Judged]], Callable[[UNet], Sequence[Judged]]]:
    """How good a network is on what was held back: with all context, and as `train` compares checkpoints."""
    held = [
        load_data(
            data,
            folder=Path(),
            organelle=recipe.organelle,
            grid=task.grid,
            registry=registry,
            stages=recipe.preprocess or (),
        )
        for data in recipe.validation
    ]
    made = partial(Validator, held, recipe, device, organelle=task.organelle, registry=registry)
    whole, near = made(), made(padded=True)
    return lambda network: list(whole(network)), lambda network: list(near(network))


def _f1(judged: Sequence[Judged]) -> float:
    return decisive(pooled(judged)).f1
