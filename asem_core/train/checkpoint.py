"""Checkpoints: what a killed run needs to go on, written so that a kill never leaves a broken one."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import torch

from asem_core.errors import RecipeError
from asem_core.train.recipe import Recipe, recipe_values, structure_recipe
from asem_core.train.saved import read_saved

LATEST = "checkpoint.pt"


def save(folder: Path, *, iteration: int, network: torch.nn.Module, optimiser: Any, recipe: Recipe) -> None:
    """Write the state after ``iteration`` iterations, replacing the one before."""
    partial = folder / (LATEST + ".partial")
    state = {
        "iteration": iteration,
        "model_state_dict": network.state_dict(),
        "optimizer_state_dict": optimiser.state_dict(),
        "recipe": recipe_values(recipe),
    }
    torch.save(state, partial)
    os.replace(partial, folder / LATEST)


def restore(folder: Path, *, network: torch.nn.Module, optimiser: Any, recipe: Recipe) -> int:
    """Load the checkpoint in ``folder`` into ``network`` and ``optimiser``; the iterations done (0: there is none).

    Raises
    ------
    ModelError
        The checkpoint is damaged.
    RecipeError
        It was made by another recipe.
    """
    path = folder / LATEST
    if not path.exists():
        return 0
    state = read_saved(path)
    # Structured again, so that keys which a recipe has gained since have their defaults.
    before, now = recipe_values(structure_recipe(state["recipe"], where=str(path))), recipe_values(recipe)
    if before != now:
        changed = sorted(key for key, value in now.items() if before[key] != value)
        raise RecipeError(
            f"{path} was made by another recipe (changed: {', '.join(changed)}); "
            "restore that recipe, choose another output folder, or pass --overwrite"
        )
    network.load_state_dict(state["model_state_dict"])
    optimiser.load_state_dict(state["optimizer_state_dict"])
    return int(state["iteration"])


def discard(folder: Path) -> None:
    """Forget the run in ``folder``: its checkpoint, log and TensorBoard events."""
    for name in (LATEST, "log.jsonl", "grey.json", "weights.pt"):
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / "tensorboard", ignore_errors=True)
