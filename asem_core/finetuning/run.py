"""Fine-tune a model on a few labels, and say whether that was worth it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.draw.overlay import draw_evaluation
from asem_core.errors import RecipeError
from asem_core.evaluation.scores import Scores
from asem_core.finetuning.begin import begin, decisive, pooled, write_start
from asem_core.finetuning.card import finetuned_card, scratch_card
from asem_core.finetuning.pace import Pace
from asem_core.finetuning.recipe import LITTLE_UM3, from_nothing, most_iterations
from asem_core.finetuning.regions import Split
from asem_core.finetuning.task import Task, set_task
from asem_core.geometry import Box, BoxNm, VoxelSize, triple
from asem_core.home import local_path
from asem_core.preprocessing.stages import make_steps
from asem_core.progress import Progress, TrainingProgress, silent
from asem_core.quantisation.run import check_quantises, quantise
from asem_core.registry import Registry, make_registry
from asem_core.specs import ModelSpec, OrganelleSpec
from asem_core.training.export import load_rounded
from asem_core.training.loop import TrainingResult, choose_device, train_held
from asem_core.training.package import package_run
from asem_core.training.recipe import Recipe
from asem_core.training.run import check_run
from asem_core.training.validate import Judged
from asem_core.training.volumes import image_on_grid
from asem_core.volume import Volume
from asem_core.volume.check import graded
from asem_core.volume.grey import Grey, GreyRange
from asem_core.volume.output import held, scratch_beside
from asem_core.volume.places import remove
from asem_core.zoo.store import check_id
from asem_core.zoo.write.card import Card, ScoreSet, load_card
from asem_core.zoo.write.parity import PARITY_SIDE
from asem_core.zoo.write.quantised import Quantisation
from asem_core.zoo.write.stages import FIXED, split_told

MODEL, SCRATCH, FIGURES = "model", "scratch", "figures"
"""Folders in that of the run: the package, the training from nothing, the overlays."""
TUNED, UNTAUGHT = "fine-tuned", "from scratch"
"""Among scores, the new network, and one from nothing, where that was asked for."""
_DRAWN = 2
"""Boxes that are drawn: those with most of the organelle."""


@attrs.frozen(kw_only=True)
class Plan:
    """What is about to be done."""

    parent: ModelSpec
    parts: Split
    recipe: Recipe
    pace: Pace | None
    """None: the run goes on, as long as was settled when it began."""
    trainings: int
    """One, or two where the same is also trained from nothing."""

    def __str__(self) -> str:
        training, held = (sum(each.um3 for each in part) for part in (self.parts.training, self.parts.validation))
        lines = [
            f"{self.parent.id} {self.parent.version} on {training:.2g} um3 of labels; held back: {self.parts.how} "
            f"({held:.2g} um3)",
            f"{self.recipe.iterations} iterations, compared every {self.recipe.validate_every}",
        ]
        if self.pace is not None:
            precision = "bfloat16" if self.pace.mixed_precision else "float32"
            comparisons = self.recipe.iterations / self.recipe.validate_every + 1
            seconds = self.recipe.iterations * self.pace.step + comparisons * self.pace.judging
            lines[-1] += (
                f"; at {self.pace.step:.1f} s an iteration ({precision}) and {self.pace.judging:.0f} s a comparison "
                f"about {self.trainings * seconds / 60:.0f} min"
            )
        most = most_iterations(self.parts)
        if self.recipe.iterations == most:
            lines.append("as many as so few labels bear; --iterations takes more")
        elif self.recipe.iterations > most:
            lines.append(f"that is more than the {most} that so few labels bear: it may unlearn the rest of the cell")
        if not self.recipe.optimiser.convolutions:
            lines.append(f"on labels in less than {LITTLE_UM3:g} um3 only scale and shift of every feature learn")
        return "\n".join(line for line in (*lines, self.parts.caution) if line)


@attrs.frozen(kw_only=True)
class FineTuned:
    """What came of it. Scores are of the part that was held back, all its boxes together, on the model's grid."""

    run: Path
    parts: Split
    training: TrainingResult
    scores: Mapping[str, Scores]
    """Of the parent, by its id, of the fine-tuned network, and of the one from nothing where that was asked for."""
    winner: str
    """The best of the new networks, as among ``scores``: F1 with zone, or without where the zone leaves nothing."""
    better: bool
    """Whether it beats the parent."""
    model: Path | None
    """The package of the winner; None where the parent is better."""
    quantisation: Quantisation | None = None
    """What 8-bit integers cost it, where they were asked for."""
    figures: tuple[Path, ...]

    def __str__(self) -> str:
        rows = [
            f"{name:<{max(map(len, self.scores))}}  {found.with_zone.f1:7.3f} {found.with_zone.precision:9.3f} "
            f"{found.with_zone.recall:7.3f} {found.without_zone.f1:13.3f}"
            for name, found in self.scores.items()
        ]
        head = f"{'':<{max(map(len, self.scores))}}       F1 precision  recall  F1 without zone"
        lines = [f"held back: {self.parts.how}", head, *rows, f"pictures: {self.run / FIGURES}"]
        if decisive(self.scores[self.winner]) is not self.scores[self.winner].with_zone:
            lines.append("the exclusion zone leaves nothing of the organelle to score: compared without it")
        if self.parts.caution:
            lines.append(self.parts.caution)
        if self.model is None:
            lines.append(
                "the parent is better on what was held back: nothing is packaged (--keep packages it all the same)"
            )
        else:
            if self.winner == UNTAUGHT:
                lines.append("trained from nothing it is better than fine-tuned: that is what is packaged")
            if self.quantisation is not None:
                found = "kept" if self.quantisation.kept else "refused"
                lines.append(f"8-bit integers are {found}: {self.quantisation.verdict}")
            lines.append(f"next: asem segment VOLUME --model {self.model} -o OUTPUT.zarr")
        return "\n".join(lines)


def finetune(
    volume: str | Path,
    labels: str | Path,
    *,
    output: str | Path,
    more: Sequence[tuple[str | Path, str | Path]] = (),
    organelle: OrganelleSpec | str | Path | None = None,
    model: str | Path | None = None,
    rois: Sequence[Box | BoxNm] = (),
    unlabelled: int | None = None,
    voxel_size: VoxelSize | Sequence[float] | None = None,
    grey: Grey = None,
    minutes: float = 20.0,
    iterations: int | None = None,
    from_scratch: bool = False,
    keep: bool = False,
    int8: bool = False,
    model_id: str | None = None,
    card: str | Path | None = None,
    seed: int = 0,
    registry: Registry | None = None,
    device: str = "auto",
    overwrite: bool = False,
    planned: Callable[[Plan], None] = lambda plan: None,
    progress: TrainingProgress = silent,
) -> FineTuned:
    """Adapt a model to a cell from a little of it that is labelled, and compare the two on a part that is held back.

    Parameters
    ----------
    volume, labels
        Image and labels on one grid, in any format that ASEM reads; the labels may cover a part only. 0 is background.
    output
        Folder of the run, made if missing: what `asem_core.training.run` says, and ``figures``, ``scratch``, ``model``.
        A run that was stopped goes on.
    more
        Further pairs of volume and labels.
    organelle
        Its name, a file that describes it, or its spec; by default what ``model`` finds.
    model
        What to begin from: an id, ``ID@VERSION`` or a package, which may be another organelle's; by default the
        organelle's default model.
    rois
        Boxes that are labelled in full, where the labels do not say by being smaller than the volume. For one volume.
    unlabelled
        Value of voxels that nobody has judged, as in strokes: see `asem_core.training.recipe.Data.unlabelled`.
    voxel_size
        nm (z, y, x), of the volumes that do not state it; labels have that of their volume.
    grey
        Levels of the volumes that become 0 and 255, as `asem_core.segment` takes them: ``"auto"`` is settled once for
        each whole volume.
    minutes
        For training and comparing at most, of this machine as it is now; with ``from_scratch`` twice. Few labels bear
        few iterations: on those it ends sooner.
    iterations
        Instead of ``minutes``, however few labels there are.
    from_scratch
        Also train from nothing on the same for as many iterations: what the parent is worth.
    keep
        Package the network also where the parent is better.
    int8
        Give the new package its network in 8-bit integers too, if F1 on what is held back falls by at most 0.005
        (`asem_core.quantisation.quantise`).
    model_id
        Name of the new model; by default the parent's and ``-finetuned``.
    card
        File with the text of its card (docs/card.md), checked before training; by default one is written.
    seed, device, overwrite, progress
        As in `asem_core.train`.
    planned
        Told what is about to be done, before it begins.

    Raises
    ------
    RecipeError
        Labels that nothing can be learned from or judged by, too few minutes, a model that cannot be started from,
        strokes, by which ``int8`` cannot be judged; or ``output`` holds a run that began on other labels, or for other
        ``iterations``.
    GeometryError, VolumeError, ModelError, OrganelleError, PluginError, OutputError
        As `asem_core.train`, `asem_core.segment` and, with ``int8``, `asem_core.quantisation.quantise`.

    Notes
    -----
    Needs torch: ``pip install 'asem-core[train]'``. Which weights are taken: `asem_core.training.selection`.

    Examples
    --------
    >>> print(finetune("cell.zarr", "drawn.zarr", organelle="er", output="runs/er"))  # doctest: +SKIP
    """
    registry = registry or make_registry()
    told = None if card is None else load_card(local_path(card))
    if model_id is not None:
        check_id(model_id)
    if int8:
        if unlabelled == 0:
            raise RecipeError(
                "--int8 is judged on what is held back as a whole, which strokes are not: "
                "`asem zoo quantise --volume --labels` afterwards"
            )
        check_quantises()
    task = set_task(
        [(volume, labels), *more],
        local_path(output),
        organelle=organelle,
        model=model,
        rois=rois,
        unlabelled=unlabelled,
        voxel_size=None if voxel_size is None else VoxelSize.of(voxel_size),
        grey=grey,
        seed=seed,
        registry=registry,
    )
    tell = partial(Plan, parent=task.parent.spec, parts=task.parts, trainings=1 + from_scratch)
    fit = partial(
        train_held,
        registry=registry,
        organelle=task.organelle,
        card=None if card is None else local_path(card),
        device=device,
        overwrite=overwrite,
        progress=progress,
    )
    with held(task.output):
        check_run(task.output, inputs=())
        with begin(
            task,
            minutes=minutes,
            iterations=iterations,
            device=choose_device(device),
            overwrite=overwrite,
            registry=registry,
            progress=progress,
        ) as start:
            planned(tell(recipe=start.recipe, pace=start.pace))
            write_start(start, task.output, overwrite=overwrite)
        recipe, judged = start.recipe, dict(start.judged)
        trained = fit(recipe, task.output)
        judged[TUNED] = start.judge(load_rounded(trained.weights, base=recipe.base))
        if from_scratch:
            untaught = fit(from_nothing(recipe), check_run(task.output / SCRATCH, inputs=()))
            judged[UNTAUGHT] = start.judge(load_rounded(untaught.weights, base=recipe.base))
    result = _conclude(task, recipe, trained, judged, keep=keep, model_id=model_id, card=told, registry=registry)
    if not int8 or result.model is None:
        return result
    return attrs.evolve(result, quantisation=_quantise(result.model, registry, progress))


def _quantise(package: Path, registry: Registry, progress: Progress) -> Quantisation:
    """Put the package in the place of ``package`` that has 8-bit integers too, if they cost little."""
    with scratch_beside(package) as scratch:
        done = quantise(package, scratch / MODEL, registry=registry, progress=progress)
        remove(package)
        (scratch / MODEL).rename(package)
    return done.quantisation


def _conclude(
    task: Task,
    recipe: Recipe,
    trained: TrainingResult,
    judged: Mapping[str, Sequence[Judged]],
    *,
    keep: bool,
    model_id: str | None,
    card: Card | None,
    registry: Registry,
) -> FineTuned:
    """Say which network is the best, draw all, and package the best of the new ones if it is, or if asked to."""
    parent, parts, output = task.parent.spec, task.parts, task.output
    scores = {name: pooled(found) for name, found in judged.items()}
    winner = max((name for name in (TUNED, UNTAUGHT) if name in scores), key=lambda name: decisive(scores[name]).f1)
    better = decisive(scores[winner]).f1 > decisive(scores[parent.id]).f1
    result = FineTuned(
        run=output,
        parts=parts,
        training=trained,
        scores=scores,
        winner=winner,
        better=better,
        model=output / MODEL if better or keep else None,
        figures=tuple(
            path
            for name, found in judged.items()
            for path in _draw(found, output / FIGURES / name, task.organelle, task.grid)
        ),
    )
    if result.model is not None:
        tuned = winner == TUNED
        made_card = finetuned_card if tuned else scratch_card
        first = parts.training[0]
        package_run(
            output if tuned else output / SCRATCH,
            result.model,
            model_id=model_id or (f"{parent.id}-finetuned" if tuned else f"{task.organelle.name}-from-scratch"),
            model_version="1.0.0",
            organelle=task.organelle,
            card=card or made_card(parent, parts, organelle=task.organelle, better=better),
            sample=sample_of(task.opened[first.source][0], first.box, recipe, task.greys[first.source], registry),
            scores=(_score_set(f"held back: {parts.how}", scores[winner], recipe),),
            compared=tuple(_score_set(name, found, recipe) for name, found in scores.items() if name != winner),
            date=datetime.now(UTC).strftime("%Y-%m-%d"),
            overwrite=True,
        )
    return result


def _draw(judged: Sequence[Judged], folder: Path, organelle: OrganelleSpec, grid: VoxelSize) -> list[Path]:
    boxes = [box for each in judged for box in each.boxes]
    fullest = sorted(boxes, key=lambda each: -int(each.box.labels.sum()))[:_DRAWN]
    paths = []
    for number, each in enumerate(fullest, start=1):
        truth = each.box.labels.copy()
        if each.box.inside is not None:
            truth[each.box.inside == 0] = 2
        inner = Box.of_shape(truth.shape).shift([each.box.context] * 3).slices
        raw, predicted, labels = (
            Volume(array=array, voxel_size=grid, uri=each.box.name, format="memory", chunks=triple(array.shape))
            for array in ((255 * each.box.raw[inner]).astype(np.uint8), each.predicted.astype(np.uint8), truth)
        )
        paths += draw_evaluation(
            raw, predicted, labels, folder / f"box{number}", organelle=organelle.name, ignore_label=2
        )
    return paths


def sample_of(
    raw: Volume, box: Box, recipe: Recipe, grey: GreyRange | None, registry: Registry
) -> npt.NDArray[np.float32]:
    """A part of ``raw`` round ``box`` for the package: ``(z, y, x)``, 0..255, on the recipe's grid.

    At least `PARITY_SIDE` a side: a volume that is smaller is mirrored at its faces.
    """
    grid = VoxelSize(recipe.voxel_size_nm)
    untold, _ = split_told((*(recipe.preprocess or ()), FIXED))
    sides = [-(-int(PARITY_SIDE * g) // int(v)) + 1 for g, v in zip(grid.zyx, raw.voxel_size.zyx, strict=True)]
    middle = [(a + b) // 2 for a, b in zip(box.start, box.stop, strict=True)]
    start = [max(0, min(m - s // 2, n - s)) for m, s, n in zip(middle, sides, raw.shape, strict=True)]
    part = Box(start, [min(n, a + s) for n, a, s in zip(raw.shape, start, sides, strict=True)])
    image = 255 * image_on_grid(graded(raw, grey), part, grid, make_steps(untold, registry))
    short = [max(0, PARITY_SIDE - n) for n in image.shape]
    sample: npt.NDArray[np.float32] = np.pad(image, [(0, n) for n in short], mode="symmetric")
    return sample


def _score_set(name: str, scores: Scores, recipe: Recipe) -> ScoreSet:
    found = scores.to_json()
    return ScoreSet(
        name=name,
        with_zone=found["with_zone"],
        without_zone=found["without_zone"],
        voxel_size_nm=recipe.voxel_size_nm,
        by="`asem finetune`, on the model's grid",
    )
