"""The folder of a training run: which files in it are the run's own, and how it is told from any other folder.

::

    RUN/
      recipe.yaml      what is trained, complete; its first line says that ASEM wrote it
      checkpoint.pt    what a killed run goes on from
      log.jsonl        numbers of every iteration;  tensorboard/  the same as events
      checkpoints/     ITERATION.pt: the network of a validation, as weights.pt holds it, while it may be chosen
      weights.pt       the network, when it is trained;  grey.json  the grey values that it was trained on
      selection.json   which checkpoint weights.pt is, and why;  curves.png  the same to look at
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import yaml

from asem_core.errors import ModelError, OutputError
from asem_core.training.grey import GREY_NAME
from asem_core.training.recipe import Recipe, recipe_values
from asem_core.training.saved import read_saved
from asem_core.volume.output import Input, place_of

RECIPE, CHECKPOINT, LOG, WEIGHTS, EVENTS = "recipe.yaml", "checkpoint.pt", "log.jsonl", "weights.pt", "tensorboard"
CHECKPOINTS, SELECTION, CURVES = "checkpoints", "selection.json", "curves.png"
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


def discard(folder: Path) -> None:
    """Remove the run in ``folder``, and nothing else; its recipe is written anew."""
    for name in (CHECKPOINT, f"{CHECKPOINT}.partial", LOG, GREY_NAME, WEIGHTS, f"{WEIGHTS}.partial", SELECTION, CURVES):
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
