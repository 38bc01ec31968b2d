"""Checkpoints: what a killed run needs to go on, and the networks that it may choose from; a kill breaks neither."""

from __future__ import annotations

from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any

import torch

from asem_core.errors import RecipeError
from asem_core.training.recipe import Recipe, recipe_values, structure_recipe
from asem_core.training.run import CHECKPOINT, CHECKPOINTS
from asem_core.training.saved import read_saved, write_saved


def save(
    folder: Path,
    *,
    iteration: int,
    network: torch.nn.Module,
    optimiser: Any,
    recipe: Recipe,
    inputs: Mapping[str, str],
    average: torch.nn.Module | None = None,
) -> None:
    """Write the state after ``iteration`` iterations on ``inputs`` (`digest_inputs`), replacing the one before."""
    state = {
        "iteration": iteration,
        "model_state_dict": network.state_dict(),
        "average_state_dict": None if average is None else average.state_dict(),
        "optimizer_state_dict": optimiser.state_dict(),
        "recipe": recipe_values(recipe),
        "inputs": dict(inputs),
    }
    write_saved(state, folder / CHECKPOINT)


def restore(
    folder: Path,
    *,
    network: torch.nn.Module,
    optimiser: Any,
    recipe: Recipe,
    inputs: Mapping[str, str],
    average: torch.nn.Module | None = None,
) -> int:
    """Load the checkpoint in ``folder``, each part into its own; the iterations done (0: there is none).

    Raises
    ------
    ModelError
        The checkpoint is damaged.
    RecipeError
        It was made by another recipe, or one of its ``inputs`` has changed since.
    """
    path = folder / CHECKPOINT
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
    begun = state.get("inputs", {})  # of which earlier versions kept nothing
    written = [name for name, digest in inputs.items() if begun.get(name, digest) != digest]
    if written:
        raise RecipeError(
            f"changed since the run in {folder} began: {', '.join(written)}; to train on that, pass --overwrite or "
            "choose another output folder"
        )
    network.load_state_dict(state["model_state_dict"])
    if average is not None:
        average.load_state_dict(state["average_state_dict"])
    optimiser.load_state_dict(state["optimizer_state_dict"])
    return int(state["iteration"])


def keep(folder: Path, network: torch.nn.Module, *, iteration: int) -> None:
    """Write the state dict (fp32) of a folded ``network`` into the run ``folder``, to be chosen later or pruned."""
    kept_weights(folder, iteration).parent.mkdir(exist_ok=True)
    write_saved(network.state_dict(), kept_weights(folder, iteration))


def prune(folder: Path, wanted: Container[int]) -> None:
    """Remove all that `keep` wrote but for the iterations ``wanted``."""
    for path in (folder / CHECKPOINTS).glob("*.pt"):
        if path.stem.isdecimal() and int(path.stem) not in wanted:
            path.unlink()


def kept_weights(folder: Path, iteration: int) -> Path:
    """The file that `keep` writes."""
    return folder / CHECKPOINTS / f"{iteration}.pt"
