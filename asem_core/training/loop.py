"""The training loop."""

from __future__ import annotations

import json
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import torch
from torch import nn

from asem_core.evaluation.scores import Score
from asem_core.geometry import VoxelSize
from asem_core.home import local_path
from asem_core.models.find import is_path
from asem_core.preprocessing.stages import make_steps, split_steps
from asem_core.progress import Progress, TrainingProgress, silent
from asem_core.registry import Registry, make_registry
from asem_core.training import checkpoint
from asem_core.training.events import Events
from asem_core.training.fold import fold
from asem_core.training.grey import write_grey
from asem_core.training.loss import LOSSES
from asem_core.training.memory import keep_freed_memory
from asem_core.training.recipe import Optimiser, Phase, Recipe, load_recipe
from asem_core.training.run import (
    EVENTS,
    LOG,
    WEIGHTS,
    check_run,
    described_organelle,
    discard,
    write_described,
    write_recipe,
)
from asem_core.training.sample import Block, Sampler
from asem_core.training.saved import write_saved
from asem_core.training.settle import freeze_statistics, settle_statistics
from asem_core.training.start import make_network, with_stages
from asem_core.training.unet import UNet
from asem_core.training.validate import score
from asem_core.training.volumes import LabelledVolume, load_data
from asem_core.volume.address import beside
from asem_core.volume.output import Input, explain_os, held
from asem_core.zoo.write.card import load_card

log = logging.getLogger(__name__)


@attrs.frozen(kw_only=True)
class TrainingResult:
    """Where a run ended."""

    weights: Path
    """Folded weights: the state dict of a plain `UNet`, fp32."""
    iterations: int
    scores: dict[str, Score]
    """Per validation volume, of the final weights, on the recipe's grid, without an exclusion zone."""

    def __str__(self) -> str:
        return "\n".join([*(f"{name}: {score}" for name, score in self.scores.items()), f"weights: {self.weights}"])


def train(
    recipe: Recipe | str | Path,
    output: str | Path,
    *,
    data_folder: str | Path = Path(),
    registry: Registry | None = None,
    card: str | Path | None = None,
    device: str = "auto",
    overwrite: bool = False,
    progress: TrainingProgress = silent,
) -> TrainingResult:
    """Train a network by ``recipe``; goes on where ``output`` holds an unfinished run of the same recipe.

    Parameters
    ----------
    recipe
        What to train and how, or the file that says it.
    output
        Folder, made if missing, for checkpoint, weights, recipe, log and TensorBoard events; see
        `asem_core.training.run`.
    data_folder
        Where the recipe's relative paths start; by default the current folder.
    registry
        For the readers of the volumes, and the model that training starts from; by default everything installed.
    card
        File with the text of the model's card (docs/card.md): checked now, and kept for the package.
    device
        ``"cpu"``, ``"cuda"`` or ``"auto"``.
    overwrite
        Discard the run that ``output`` holds, and begin anew.
    progress
        Told about every iteration, with the mean loss of the last 50, and about every validation, with F1.

    Raises
    ------
    RecipeError, OrganelleError, VolumeError, GeometryError
        The recipe, or what it names, is not as it must be.
    ModelError
        The card is not as it must be.
    OutputError
        ``output`` lies in or round what is read, holds other things than a run, is being trained in by another process,
        or cannot be written.

    Notes
    -----
    Needs torch: ``pip install 'asem-core[train]'``.

    Examples
    --------
    >>> print(train("mito_10nm.yaml", "runs/mito_10nm", data_folder="~/volumes"))  # doctest: +SKIP
    """
    registry = registry or make_registry()
    data_folder = local_path(data_folder)
    plan = recipe if isinstance(recipe, Recipe) else load_recipe(local_path(recipe))
    described = described_organelle(plan, folder=data_folder, registry=registry)
    plan = plan if described is None else attrs.evolve(plan, organelle=described.name)
    card = None if card is None else local_path(card)
    if card is not None:
        load_card(card)
    files = [file for file in (recipe, card) if isinstance(file, str | Path)]
    inputs = [*_read_from(plan, data_folder), *files]
    output = check_run(local_path(output), inputs=inputs)
    with held(output):
        check_run(output, inputs=inputs)
        try:
            return _train(
                plan,
                output,
                data_folder=data_folder,
                registry=registry,
                keep=partial(write_described, organelle=described, card=card),
                device=device,
                overwrite=overwrite,
                progress=progress,
            )
        except OSError as error:
            raise explain_os(error, output) from error


def _train(
    recipe: Recipe,
    output: Path,
    *,
    data_folder: Path,
    registry: Registry,
    keep: Callable[[Path], None],
    device: str,
    overwrite: bool,
    progress: TrainingProgress,
) -> TrainingResult:
    keep_freed_memory()
    place = choose_device(device)
    # Blocks of a phase are all of one size: cuDNN may try which of its convolutions is the fastest.
    torch.backends.cudnn.benchmark = True
    recipe = with_stages(recipe, registry)
    split_steps(make_steps(recipe.preprocess or (), registry))
    network = make_network(recipe, registry).to(place, memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    optimiser = make_optimiser(network, recipe.optimiser)
    done = 0 if overwrite else checkpoint.restore(output, network=network, optimiser=optimiser, recipe=recipe)
    training, validation = _load_all(recipe, data_folder, registry, progress)
    output.mkdir(exist_ok=True)
    if overwrite:
        discard(output)
    write_recipe(output, recipe)
    keep(output)
    write_grey(output, training)
    sampler = Sampler(training, recipe, place)
    with closing(_Journal(output, resumed_at=done, last=recipe.iterations)) as journal:
        began = time.monotonic()
        losses: deque[float] = deque(maxlen=50)
        progress("train", done, recipe.iterations)
        with ThreadPoolExecutor(1) as ahead:
            coming = ahead.submit(sampler.batch, done, recipe.phase_at(done)) if done < recipe.iterations else None
            for iteration in range(done, recipe.iterations):
                assert coming is not None
                block = coming.result()
                if iteration + 1 < recipe.iterations:
                    coming = ahead.submit(sampler.batch, iteration + 1, recipe.phase_at(iteration + 1))
                if recipe.settles_before(iteration):
                    settle_statistics(network, sampler, recipe)
                rate = _set_rate(optimiser, recipe.rate_at(iteration))
                loss = step(network, optimiser, block, recipe, recipe.phase_at(iteration))
                now = iteration + 1
                journal.write("train", now, {"loss": loss, "rate": rate, "seconds": time.monotonic() - began})
                losses.append(loss)
                progress("train", now, recipe.iterations, f"loss {sum(losses) / len(losses):.4f}")
                if now % recipe.checkpoint_every == 0 or now == recipe.iterations:
                    checkpoint.save(output, iteration=now, network=network, optimiser=optimiser, recipe=recipe)
                if validation and (now % recipe.validate_every == 0 and now < recipe.iterations):
                    _validate(network, validation, place, journal, now, recipe, progress)
        if recipe.settles_before(recipe.iterations):
            settle_statistics(network, sampler, recipe)
        weights = output / WEIGHTS
        final = fold(network)
        write_saved(final.state_dict(), weights)
        scores = _validate(network, validation, place, journal, recipe.iterations, recipe, progress)
    return TrainingResult(weights=weights, iterations=recipe.iterations, scores=scores)


def choose_device(name: str = "auto") -> torch.device:
    """The device ``name``: ``"cpu"``, ``"cuda"``, or ``"auto"`` for a GPU where there is one."""
    return torch.device(("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name)


def make_optimiser(network: nn.Module, settings: Optimiser) -> torch.optim.Optimizer:
    """Adam or AdamW over all weights of ``network``."""
    kind = torch.optim.AdamW if settings.decoupled else torch.optim.Adam
    return kind(network.parameters(), weight_decay=settings.weight_decay)


def _set_rate(optimiser: torch.optim.Optimizer, rate: float) -> float:
    for group in optimiser.param_groups:
        group["lr"] = rate
    return rate


def step(network: UNet, optimiser: torch.optim.Optimizer, block: Block, recipe: Recipe, phase: Phase) -> float:
    """One iteration: the loss of ``block`` before it."""
    network.train()
    if phase.frozen:
        freeze_statistics(network)
    network.pad(phase.padded)
    raw = block.raw.contiguous(memory_format=torch.channels_last_3d)
    with torch.autocast(raw.device.type, dtype=torch.bfloat16, enabled=recipe.mixed_precision):
        logits = network(raw)
    loss = LOSSES[phase.loss or recipe.loss](logits.float(), block.labels, block.mask)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    optimiser.step()
    return float(loss.detach())


def _validate(
    network: UNet,
    volumes: Sequence[LabelledVolume],
    device: torch.device,
    journal: _Journal,
    iteration: int,
    recipe: Recipe,
    progress: TrainingProgress,
) -> dict[str, Score]:
    plain = fold(network).to(device, memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    scores = {}
    for count, volume in enumerate(volumes):
        progress("validate", count, len(volumes))
        scores[volume.name] = score(plain, volume, device, mixed_precision=recipe.mixed_precision)
        progress("validate", count + 1, len(volumes), f"{volume.name} F1 {scores[volume.name].f1:.3f}")
    for name, result in scores.items():
        values = {"precision": result.precision, "recall": result.recall, "f1": result.f1}
        journal.write(f"validation/{name}", iteration, values)
        log.info("iteration %d, %s: F1 %.3f", iteration, name, result.f1)
    return scores


def _read_from(recipe: Recipe, folder: Path) -> list[Input]:
    """The volumes, and the package, that ``recipe`` names."""
    named = [path for data in (*recipe.training, *recipe.validation) for path in (data.raw, data.labels, data.mask)]
    start = [recipe.start] if recipe.start is not None and is_path(recipe.start) else []
    return [*(beside(folder, path) for path in named if path is not None), *start]


def _load_all(
    recipe: Recipe, folder: Path, registry: Registry, progress: Progress
) -> tuple[list[LabelledVolume], list[LabelledVolume]]:
    grid = VoxelSize(recipe.voxel_size_nm)
    every = [*recipe.training, *recipe.validation]
    load = partial(
        load_data,
        folder=folder,
        organelle=recipe.organelle,
        grid=grid,
        registry=registry,
        stages=recipe.preprocess or (),
    )
    loaded = []
    progress("read", 0, len(every))
    for count, data in enumerate(every, start=1):
        loaded.append(load(data))
        progress("read", count, len(every))
    return loaded[: len(recipe.training)], loaded[len(recipe.training) :]


class _Journal:
    """The run's numbers, as lines of JSON and as TensorBoard events."""

    def __init__(self, folder: Path, *, resumed_at: int, last: int) -> None:
        path = folder / LOG
        if path.exists():
            # Iterations after the checkpoint are run again, and so is the last validation: their lines go.
            lines = [line for line in path.read_text().splitlines(keepends=True) if line.endswith("}\n")]
            path.write_text("".join(line for line in lines if _stays(json.loads(line), resumed_at, last)))
        self._file = path.open("a", buffering=1)
        self._events = Events(folder / EVENTS, begins_at=resumed_at + 1)

    def write(self, kind: str, iteration: int, values: dict[str, float]) -> None:
        rounded = {key: float(f"{value:.6g}") for key, value in values.items()}
        self._file.write(json.dumps({"kind": kind, "iteration": iteration, **rounded}) + "\n")
        for key, value in values.items():
            self._events.add(f"{kind}/{key}", value, iteration)

    def close(self) -> None:
        self._file.close()
        self._events.close()


def _stays(line: Mapping[str, Any], resumed_at: int, last: int) -> bool:
    iteration = line["iteration"]
    return bool(iteration <= resumed_at and (line["kind"] == "train" or iteration < last))
