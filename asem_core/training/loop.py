"""The training loop."""

from __future__ import annotations

import json
import logging
import math
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path

import attrs
import torch
from torch import Tensor, nn

from asem_core.errors import RecipeError
from asem_core.home import local_path
from asem_core.preprocessing.stages import make_steps, split_steps
from asem_core.progress import TrainingProgress, silent
from asem_core.registry import Registry, make_registry
from asem_core.specs import OrganelleSpec
from asem_core.training import checkpoint
from asem_core.training.ahead import Ahead
from asem_core.training.average import Average
from asem_core.training.curves import VALIDATION, Validation
from asem_core.training.descriptors import Describing, descriptor_loss
from asem_core.training.grey import write_grey
from asem_core.training.inputs import digest_inputs
from asem_core.training.journal import Journal
from asem_core.training.late import Late, Taken, behind
from asem_core.training.loss import LOSSES
from asem_core.training.memory import keep_freed_memory, room_for_volumes
from asem_core.training.moments import write_trained_moments
from asem_core.training.picture import draw_curves
from asem_core.training.recipe import Optimiser, Phase, Recipe, load_recipe
from asem_core.training.run import (
    CURVES,
    SELECTION,
    START,
    WEIGHTS,
    check_run,
    described_organelle,
    discard,
    write_described,
    write_recipe,
)
from asem_core.training.sample import Block, Sampler
from asem_core.training.saved import read_saved, write_saved
from asem_core.training.selection import FitRegime, fit_regime, is_past, may_be_chosen, regime_size
from asem_core.training.settle import finished, freeze_statistics, settle_statistics
from asem_core.training.start import make_network, with_stages
from asem_core.training.unet import UNet
from asem_core.training.unfold import unfold
from asem_core.training.validate import Validator
from asem_core.training.volumes import open_all
from asem_core.volume.address import beside
from asem_core.volume.output import Input, explain_os, held, scratch_beside
from asem_core.zoo.find import is_path
from asem_core.zoo.write.card import load_card

log = logging.getLogger(__name__)

_UNFOLD_BLOCKS = 8
"""Blocks over which the statistics of an unfolded network are measured."""
_WORTH_SAYING = 0.05
"""Share of the time that is spent waiting for blocks."""
_MULTIPLE = "multiple"
"""Of the rate, for a group of weights."""


@attrs.frozen(kw_only=True)
class TrainingResult:
    """Where a run ended."""

    weights: Path
    """Folded weights: the state dict of a plain `UNet`, fp32."""
    iterations: int
    """That were trained, also where an earlier one's weights were chosen."""
    scores: Mapping[str, Validation]
    """Per validation volume, of the weights, on the recipe's grid."""
    selection: FitRegime | None
    """Where the weights come from; None: from the last iteration."""

    def __str__(self) -> str:
        lines = [*(f"{name}: {score}" for name, score in self.scores.items()), self.selection]
        return "\n".join(str(line) for line in (*lines, f"weights: {self.weights}") if line is not None)


def train(
    recipe: Recipe | str | Path,
    output: str | Path,
    *,
    data_folder: str | Path = Path(),
    registry: Registry | None = None,
    organelle: OrganelleSpec | None = None,
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
    organelle
        What the recipe's ``organelle`` stands for; by default the installed one of that name, or what that file says.
    card
        File with the text of the model's card (docs/card.md): checked now, and kept for the package.
    device
        ``"cpu"``, ``"cuda"`` or ``"auto"``.
    overwrite
        Discard the run that ``output`` holds, and begin anew.
    progress
        Told about every iteration, with the mean loss of the last 50, and about every validation, with F1 with zone.

    Raises
    ------
    RecipeError, OrganelleError, VolumeError, GeometryError
        The recipe, or what it names, is not as it must be, or not what it was when the run began; or the loss has
        become infinite or no number.
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
    described = organelle or described_organelle(plan, folder=data_folder, registry=registry)
    plan = plan if described is None else attrs.evolve(plan, organelle=described.name)
    card = None if card is None else local_path(card)
    if card is not None:
        load_card(card)
    files = [file for file in (recipe, card) if isinstance(file, str | Path)]
    output = local_path(output)
    inputs = [*_read_from(plan, data_folder, own=output / START), *files]
    output = check_run(output, inputs=inputs)
    with held(output):
        check_run(output, inputs=inputs)
        return train_held(
            plan,
            output,
            data_folder=data_folder,
            registry=registry,
            organelle=described,
            card=card,
            device=device,
            overwrite=overwrite,
            progress=progress,
        )


def train_held(
    recipe: Recipe,
    output: Path,
    *,
    data_folder: Path = Path(),
    registry: Registry,
    organelle: OrganelleSpec | None,
    card: Path | None,
    device: str,
    overwrite: bool,
    progress: TrainingProgress,
) -> TrainingResult:
    """`train`, for who has checked ``output`` (`check_run`) and holds it (`asem_core.volume.output.held`)."""
    known = recipe.organelle in registry.organelles
    try:
        with scratch_beside(output) as scratch:
            return _train(
                recipe,
                output,
                scratch=scratch,
                data_folder=data_folder,
                registry=registry,
                organelle=organelle or (registry.organelles[recipe.organelle] if known else None),
                keep=partial(write_described, organelle=organelle, card=card),
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
    scratch: Path,
    data_folder: Path,
    registry: Registry,
    organelle: OrganelleSpec | None,
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
    model = network if recipe.shape_descriptors_nm is None else Describing(network).to(place)
    average = Average(network, recipe.average) if recipe.average else None
    optimiser = make_optimiser(model, recipe.optimiser)
    inputs = digest_inputs(recipe, folder=data_folder, registry=registry)
    done = 0
    if not overwrite:
        done = checkpoint.restore(
            output, network=model, average=average, optimiser=optimiser, recipe=recipe, inputs=inputs
        )
    training, validation = open_all(
        recipe,
        folder=data_folder,
        registry=registry,
        room=room_for_volumes(place),
        scratch=scratch,
        progress=progress,
    )
    output.mkdir(exist_ok=True)
    if overwrite:
        discard(output)
    write_recipe(output, recipe)
    keep(output)
    write_grey(output, training)
    sampler = Sampler(training, recipe, place, progress=progress)
    if recipe.start is not None and recipe.normalise and not done:
        first = recipe.phases[0]
        network.pad(first.padded)
        unfold(network, (sampler.batch(recipe.iterations + n, first).raw for n in range(_UNFOLD_BLOCKS)))
    padded = all(phase.padded for phase in recipe.phases)
    validator = Validator(validation, recipe, place, organelle=organelle, registry=registry, padded=padded)
    with closing(Journal(output, resumed_at=done)) as journal:
        ended = _iterate(
            recipe,
            output,
            save=partial(checkpoint.save, output, recipe=recipe, inputs=inputs),
            model=model,
            network=network,
            average=average,
            optimiser=optimiser,
            sampler=sampler,
            validator=validator,
            journal=journal,
            done=done,
            progress=progress,
        )
        if recipe.select == "last":
            used = network if average is None else average.network
            write_saved(finished(used, sampler, recipe, done=ended).state_dict(), output / WEIGHTS)
        result = _conclude(output, recipe, journal, ended=ended)
    write_trained_moments(output, training, base=recipe.base)
    return result


def _iterate(
    recipe: Recipe,
    output: Path,
    *,
    save: Callable[..., None],
    model: UNet | Describing,
    network: UNet,
    average: Average | None,
    optimiser: torch.optim.Optimizer,
    sampler: Sampler,
    validator: Validator,
    journal: Journal,
    done: int,
    progress: TrainingProgress,
) -> int:
    """Train ``model``, of which ``network`` or its ``average`` is used, from ``done`` on; the iterations in the end."""
    size = regime_size(recipe.iterations, validate_every=recipe.validate_every)
    began = time.monotonic()
    late = Late(_teller(recipe, journal, progress), behind=behind(sampler.device))
    progress("train", done, recipe.iterations)
    numbers = range(done, recipe.iterations)
    drawn = Ahead(lambda n: sampler.batch(n, recipe.phase_at(n)), numbers, threads=sampler.threads)
    with closing(drawn) as blocks:
        for iteration in range(done, recipe.iterations + 1):
            if recipe.validates_after(iteration):
                used = network if average is None or not iteration else average.network
                plain = finished(used, sampler, recipe, done=iteration)
                if recipe.select == "fit":
                    checkpoint.keep(output, plain, iteration=iteration)
                _validate(plain, validator, journal, iteration, progress)
                if recipe.early_stop and is_past(journal.curves(), size=size):
                    log.info("iteration %d: the validation loss is past the fit regime, training ends", iteration)
                    break
            if iteration == recipe.iterations:
                break
            block = blocks.take()
            now = iteration + 1
            if recipe.settles_before(iteration):
                settle_statistics(network, sampler, recipe)
            rate = _set_rate(optimiser, recipe.rate_at(iteration))
            loss = step(model, optimiser, block, recipe, recipe.phase_at(iteration))
            if average is not None:
                average.update(network)
            seconds = time.monotonic() - began
            late.add(Taken(iteration=now, loss=loss, rate=rate, seconds=seconds, waited=blocks.waited))
            if recipe.validates_after(now) or now % recipe.checkpoint_every == 0 or now == recipe.iterations:
                late.flush()
            if now % recipe.checkpoint_every == 0 or now == recipe.iterations:
                save(iteration=now, network=model, average=average, optimiser=optimiser)
                # Only now: a killed run has then lost nothing that the journal it goes on with may choose.
                checkpoint.prune(output, may_be_chosen(journal.curves(), size=size))
    log.info("%.0f %% of the time was spent waiting for blocks", 100 * blocks.waited / (time.monotonic() - began))
    return iteration


def _teller(recipe: Recipe, journal: Journal, progress: TrainingProgress) -> Callable[[Taken, float], None]:
    """What is done with the loss of an iteration."""
    losses: deque[float] = deque(maxlen=50)

    def tell(taken: Taken, loss: float) -> None:
        if not math.isfinite(loss):
            raise RecipeError(
                f"training diverged: the loss of iteration {taken.iteration} is {loss}; begin anew (--overwrite) with "
                "a lower rate or a longer warm-up"
            )
        told = {"loss": loss, "rate": taken.rate, "seconds": taken.seconds, "waited": taken.waited}
        journal.write("train", taken.iteration, told)
        losses.append(loss)
        note = _note(losses, waiting=taken.waited / taken.seconds)
        progress("train", taken.iteration, recipe.iterations, note)

    return tell


def _conclude(output: Path, recipe: Recipe, journal: Journal, *, ended: int) -> TrainingResult:
    """Choose the weights where the recipe says so, and draw the curves."""
    curves = journal.curves()
    taken, regime = ended, None
    if recipe.select == "fit":
        regime = fit_regime(curves, size=regime_size(recipe.iterations, validate_every=recipe.validate_every))
        taken = regime.chosen
        write_saved(read_saved(checkpoint.kept_weights(output, taken)), output / WEIGHTS)
        checkpoint.prune(output, {regime.first, taken, regime.last, ended})
        journal.remark("selection", f"{regime}", taken)
    scores = next((point.volumes for point in curves.validated if point.iteration == taken), {})
    if regime is not None:
        chosen = {**attrs.asdict(regime), "scores": {name: attrs.asdict(found) for name, found in scores.items()}}
        (output / SELECTION).write_text(json.dumps(chosen, indent=2) + "\n")
    draw_curves(curves, output / CURVES, regime=regime)
    return TrainingResult(weights=output / WEIGHTS, iterations=ended, scores=scores, selection=regime)


def choose_device(name: str = "auto") -> torch.device:
    """The device ``name``: ``"cpu"``, ``"cuda"``, or ``"auto"`` for a GPU where there is one."""
    return torch.device(("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name)


def make_optimiser(network: nn.Module, settings: Optimiser) -> torch.optim.Optimizer:
    """Adam or AdamW over all weights of ``network``: in one group, as earlier checkpoints have it, or two by rate.

    Weights that are not to learn take no gradient from now on.
    """
    kind = torch.optim.AdamW if settings.decoupled else torch.optim.Adam
    if settings.convolutions and settings.normalisation == 1:
        return kind(network.parameters(), weight_decay=settings.weight_decay, fused=True)
    layers = [module for module in network.modules() if isinstance(module, nn.BatchNorm3d)]
    quick = [parameter for layer in layers for parameter in layer.parameters()]
    chosen = {id(parameter) for parameter in quick}
    others = [parameter for parameter in network.parameters() if id(parameter) not in chosen]
    groups = [{"params": quick, _MULTIPLE: settings.normalisation}]
    if settings.convolutions:
        groups.insert(0, {"params": others, _MULTIPLE: 1.0})
    else:
        for parameter in others:
            parameter.requires_grad_(False)
    return kind(groups, weight_decay=settings.weight_decay, fused=True)


def _note(losses: Collection[float], *, waiting: float) -> str:
    """What the progress says beside the iterations."""
    loss = f"loss {sum(losses) / len(losses):.4f}"
    return loss if waiting < _WORTH_SAYING else f"{loss}, {waiting:.0%} waiting for blocks"


def _set_rate(optimiser: torch.optim.Optimizer, rate: float) -> float:
    for group in optimiser.param_groups:
        group["lr"] = rate * group.get(_MULTIPLE, 1.0)
    return rate


def step(
    network: UNet | Describing, optimiser: torch.optim.Optimizer, block: Block, recipe: Recipe, phase: Phase
) -> Tensor:
    """One iteration: the loss of ``block`` before it, a scalar that may still be being computed."""
    network.train()
    if phase.frozen:
        freeze_statistics(network)
    network.pad(phase.padded)
    raw = block.raw.contiguous(memory_format=torch.channels_last_3d)
    with torch.autocast(raw.device.type, dtype=torch.bfloat16, enabled=recipe.mixed_precision):
        logits, described = network(raw) if isinstance(network, Describing) else (network(raw), None)
    loss = LOSSES[phase.loss or recipe.loss](logits.float(), block.labels, block.mask)
    if described is not None and block.descriptors is not None:
        loss = loss + descriptor_loss(described.float(), block.descriptors, block.mask)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    if recipe.optimiser.clip is not None:
        nn.utils.clip_grad_norm_(network.parameters(), recipe.optimiser.clip)
    optimiser.step()
    return loss.detach()


def _validate(
    network: UNet, validator: Validator, journal: Journal, iteration: int, progress: TrainingProgress
) -> None:
    progress("validate", 0, len(validator))
    for count, judged in enumerate(validator(network), start=1):
        name, found = judged.name, judged.validation
        progress("validate", count, len(validator), f"{name} F1 {found.f1_with_zone:.3f}")
        journal.write(f"{VALIDATION}{name}", iteration, attrs.asdict(found))
        log.info("iteration %d, %s: %s", iteration, name, found)


def _read_from(recipe: Recipe, folder: Path, *, own: Path) -> list[Input]:
    """The volumes that ``recipe`` names, and the package, unless it is the run's ``own``."""
    named = [path for data in (*recipe.training, *recipe.validation) for path in (data.raw, data.labels, data.mask)]
    start = [recipe.start] if recipe.start is not None and is_path(recipe.start) else []
    start = [path for path in start if local_path(path).resolve() != own.resolve()]
    return [*(beside(folder, path) for path in named if path is not None), *start]
