"""Judges checkpoints of the runs of drawn.py by the truth, with no regard to which of them was chosen.

    python zoo/experiments/last.py runs/drawn/er/truth-20-0 --checkpoints runs/drawn/er/*/checkpoints/20.pt

On what the first run, of the truth, held back, and on `OTHER` voxels of the part of the cell that drawn.py scores.
``checkpoints/0.pt`` is the model that it began from. Prints F1 (precision, recall), with / without the exclusion zone.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

import attrs
import torch

from asem_core.evaluation.scores import Score
from asem_core.geometry import VoxelSize
from asem_core.registry import make_registry
from asem_core.training.export import load_rounded
from asem_core.training.recipe import load_recipe
from asem_core.training.validate import Validator
from asem_core.training.volumes import open_data

OTHER = "10:90,10:90,10:90"


def main() -> None:
    """Judge what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="folder of the run of the truth")
    parser.add_argument("--checkpoints", type=Path, nargs="+", required=True)
    args = parser.parse_args()
    registry, recipe = make_registry(), load_recipe(args.run / "recipe.yaml")
    cell = str(args.run.parents[1] / "cells" / "cf-3-evaluation.zarr")
    held = recipe.validation
    other = attrs.evolve(held[0], raw=cell, labels=cell, roi=OTHER, context=True, name="another part")
    with TemporaryDirectory() as scratch:
        volumes = [
            open_data(
                data, folder=args.run, organelle=recipe.organelle, grid=VoxelSize(recipe.voxel_size_nm),
                registry=registry, stages=recipe.preprocess or (), room=2**33, scratch=Path(scratch),
            ).held()
            for data in (*held, other)
        ]  # fmt: skip
        organelle = registry.organelles[str(recipe.organelle)]
        judge = Validator(volumes, recipe, torch.device("cpu"), organelle=organelle, registry=registry, padded=True)
        for path in args.checkpoints:
            for found in judge(load_rounded(path, base=recipe.base)):
                both = " / ".join(map(_told, (found.scores.with_zone, found.scores.without_zone)))
                print(f"{path}, {found.name}: {both}", flush=True)


def _told(score: Score) -> str:
    return f"{score.f1:.3f} ({score.precision:.3f}, {score.recall:.3f})"


if __name__ == "__main__":
    main()
