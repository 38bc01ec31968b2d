"""The folder of a training run: which files in it are the run's own, and how it is told from any other folder.

::

    RUN/
      recipe.yaml      what is trained, complete; its first line says that ASEM wrote it
      checkpoint.pt    what a killed run goes on from
      log.jsonl        numbers of every iteration;  tensorboard/  the same as events
      checkpoints/     ITERATION.pt: the network of a validation, as weights.pt holds it, while it may be chosen
      weights.pt       the network, when it is trained;  grey.json  the grey values that it was trained on
      selection.json   which checkpoint weights.pt is, and why;  curves.png  the same to look at
      organelle.yaml   what is trained, where the recipe names a file;  card.yaml  its card, where one was given
                       moments.json  what it gives on the training tissue
      start/           the model that it begins from, where that was made for it
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

import yaml

from asem_core.errors import ModelError, OutputError
from asem_core.organelles import find_organelle, is_organelle_file
from asem_core.registry import Registry
from asem_core.specs import OrganelleSpec
from asem_core.training.grey import GREY_NAME
from asem_core.training.recipe import Recipe, recipe_values
from asem_core.training.saved import read_saved
from asem_core.volume.address import beside
from asem_core.volume.output import Input, place_of
from asem_core.zoo.files import MOMENTS_NAME, ORGANELLE_NAME
from asem_core.zoo.organelle import write_organelle

RECIPE, CHECKPOINT, LOG, WEIGHTS, EVENTS = "recipe.yaml", "checkpoint.pt", "log.jsonl", "weights.pt", "tensorboard"
CHECKPOINTS, SELECTION, CURVES = "checkpoints", "selection.json", "curves.png"
CARD, START = "card.yaml", "start"
_MARK = "# Written by asem train: the recipe of this run with all that its preset says.\n"


def check_run(folder: Path, *, inputs: Iterable[Input]) -> Path:
    """Where a run in ``folder`` goes: it is new, empty, or holds a run that goes on or is discarded.

    Parameters
    ----------
    inputs
        What is trained on.

    Raises
    ------
    OutputError
        It lies in or round an input, holds something else than a run, or cannot be written.
    """
    found = place_of(folder, inputs=inputs)
    place_of(found / CHECKPOINT)
    if found.exists() and any(found.iterdir()) and not _is_run(found):
        raise OutputError(
            f"{found} is not used: it holds other things than a training run of ASEM; use another name, or remove them "
            "by hand"
        )
    return found


def write_recipe(folder: Path, recipe: Recipe) -> None:
    """Say what is trained, and that ``folder`` is a run's."""
    partial = folder / f"{RECIPE}.partial"
    partial.write_text(_MARK + yaml.safe_dump(recipe_values(recipe), sort_keys=False))
    partial.replace(folder / RECIPE)


def described_organelle(recipe: Recipe, *, folder: Path, registry: Registry) -> OrganelleSpec | None:
    """The organelle that ``recipe`` names a file of, ``folder`` being where its paths start; None: it gives a name.

    Raises
    ------
    OrganelleError
        As `asem_core.organelles.find_organelle`.
    """
    if not is_organelle_file(recipe.organelle):
        return None
    return find_organelle(beside(folder, recipe.organelle), registry)


def write_described(folder: Path, *, organelle: OrganelleSpec | None, card: Path | None) -> None:
    """Keep in ``folder`` what a package of the run takes: the organelle that a file describes, and its card."""
    if organelle is not None:
        write_organelle(organelle, folder)
    if card is not None:
        shutil.copyfile(card, folder / CARD)


def organelle_of_run(folder: Path, *, organelle: str, registry: Registry) -> OrganelleSpec:
    """What the run in ``folder``, whose recipe names ``organelle``, trains: as kept with it, else the installed one.

    Raises
    ------
    OrganelleError, PluginError
        As `asem_core.organelles.find_organelle`.
    """
    kept = folder / ORGANELLE_NAME
    return find_organelle(kept if kept.is_file() else organelle, registry)


def discard(folder: Path) -> None:
    """Remove the run in ``folder``, and nothing else; its recipe is written anew."""
    written = (CHECKPOINT, GREY_NAME, WEIGHTS)
    for name in (
        *written,
        *(f"{w}.partial" for w in written),
        LOG,
        MOMENTS_NAME,
        SELECTION,
        CURVES,
        ORGANELLE_NAME,
        CARD,
    ):
        (folder / name).unlink(missing_ok=True)
    for kept in (folder / CHECKPOINTS).glob("*.pt*"):
        kept.unlink()
    for events in (folder / EVENTS).glob("events.out.tfevents.*"):
        events.unlink()


def _is_run(folder: Path) -> bool:
    try:
        with (folder / RECIPE).open(errors="replace") as file:
            if file.readline() == _MARK:
                return True
        state = read_saved(folder / CHECKPOINT)  # runs of older versions have no first line
    except (OSError, ModelError):
        return False
    return isinstance(state, dict) and {"iteration", "model_state_dict", "recipe"} <= state.keys()
