"""Selection: how far the checkpoint that a run chooses is from its best, on data that it did not choose by.

    python zoo/experiments/selection.py runs/selection --data DATA [--runs epfl er ...] [--seed 1]

Trains small networks with `select: fit`, keeps every checkpoint that was validated, scores each of them on a part of
the data that was neither trained on nor chosen by, and prints one row a run. DATA holds `epfl_hippocampus` and
`cdeep3m`; the cell of the run `er` is simulated. A run that was stopped goes on where it was, and what is scored is not
scored again.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import yaml
from asem_dataset_simulated import Request, simulate_to

from asem_core.geometry import VoxelSize
from asem_core.registry import Registry, make_registry
from asem_core.training.curves import read_curves
from asem_core.training.loop import choose_device, train
from asem_core.training.recipe import Data, Recipe, load_recipe
from asem_core.training.run import CHECKPOINTS, LOG
from asem_core.training.saved import read_saved
from asem_core.training.selection import fit_regime, regime_size
from asem_core.training.unet import UNet
from asem_core.training.validate import Validator
from asem_core.training.volumes import load_data

CELL = "cell.zarr"
GRID = VoxelSize((10.0, 10.0, 10.0))
EVERY = "every"
"""Folder of a run with all its checkpoints: the run itself prunes them."""


def _cell(roi: str) -> dict[str, Any]:
    return {"raw": CELL, "labels": CELL, "roi": roi}


def _epfl(roi: str) -> dict[str, Any]:
    folder = "DATA/epfl_hippocampus"
    return {"raw": f"{folder}/raw", "labels": f"{folder}/mito", "voxel_size_nm": [5, 5, 5], "roi": roi}


def _cdeep3m(roi: str) -> dict[str, Any]:
    return {"raw": "DATA/cdeep3m/raw", "labels": "DATA/cdeep3m/mito", "voxel_size_nm": [70, 10, 10], "roi": roi}


_EPFL_HELD_OUT = {"validation": [_epfl("0:160,0:192,0:240")], "scored": [_epfl("0:160,384:576,32:272")]}
_CDEEP3M_HELD_OUT = {
    "validation": [_cdeep3m("24:30,0:160,0:160"), _cdeep3m("24:30,0:160,512:672")],
    "scored": [_cdeep3m("24:30,480:640,160:320"), _cdeep3m("24:30,480:640,640:800")],
}
RUNS: Mapping[str, Mapping[str, Any]] = {
    "epfl": {"organelle": "mito", "training": [_epfl("0:165,0:768,320:1024")], **_EPFL_HELD_OUT},
    "epfl-few": {"organelle": "mito", "training": [_epfl("0:120,300:420,700:820")], **_EPFL_HELD_OUT},
    "cdeep3m": {"organelle": "mito", "training": [_cdeep3m("0:22,0:1024,0:1024")], **_CDEEP3M_HELD_OUT},
    "cdeep3m-few": {"organelle": "mito", "training": [_cdeep3m("8:16,400:480,400:480")], **_CDEEP3M_HELD_OUT},
    "er": {
        "organelle": "er",
        "training": [_cell("0:96,0:96,0:128")],
        "validation": [_cell("0:96,0:96,136:192")],
        "scored": [_cell("0:96,0:96,200:256")],
    },
}
"""What a run learns, chooses by, and is scored on; those called few learn one block of 0.2 to 0.4 cubic micrometres."""


def recipe_for(name: str, iterations: int, seed: int) -> dict[str, Any]:
    """The recipe of a run, and beside it under ``scored`` the volumes that it does not choose by."""
    every = max(1, iterations // 20)
    return {
        "voxel_size_nm": list(GRID.zyx), "preset": "fast", "seed": seed, "base": 8,
        "phases": [{"iterations": iterations, "side": 56, "padded": True, "rate": [3.0e-3, 3.0e-4]}],
        "settle_blocks": 12, "validate_every": every, "checkpoint_every": every, "select": "fit", **RUNS[name],
    }  # fmt: skip


def run(name: str, folder: Path, iterations: int, seed: int, registry: Registry) -> str:
    """Train, score every checkpoint; a row of the table."""
    output, plan = folder / f"{name}-{seed}", recipe_for(name, iterations, seed)
    if name == "er" and not (folder / CELL).exists():
        simulate_to(folder / CELL, Request(preset="hpfs", seed=7, shape=(96, 96, 256), voxel_size=GRID))
    output.mkdir(parents=True, exist_ok=True)
    scored = [Data(**data) for data in plan.pop("scored")]
    (output / "plan.yaml").write_text(yaml.safe_dump(plan))
    recipe = load_recipe(output / "plan.yaml")
    train(recipe, output / "run", data_folder=folder, registry=registry, progress=_keeping(output))
    f1 = _scores(recipe, output, scored, folder, registry)
    curves = read_curves(output / "run" / LOG)
    regime = fit_regime(curves, size=regime_size(recipe.iterations, validate_every=recipe.validate_every))
    best, last = max(f1, key=lambda iteration: f1[iteration]), max(f1)
    seconds = max(json.loads(line).get("seconds", 0) for line in (output / "run" / LOG).read_text().splitlines())
    return (
        f"| {name} | {seed} | {seconds / 60:.0f} | {len(f1)} | {regime.first} to {regime.last} | {regime.chosen} | "
        f"{f1[regime.chosen]:.3f} | {f1[best]:.3f} ({best}) | {f1[best] - f1[regime.chosen]:.3f} | {f1[last]:.3f} | "
        f"{regime.why} |"
    )


def _keeping(output: Path) -> Any:
    """A progress that links every checkpoint into a folder that the run does not prune."""
    (output / EVERY).mkdir(exist_ok=True)

    def progress(sweep: str, done: int, total: int, note: str = "", /) -> None:
        if sweep == "validate" and not done:
            for path in (output / "run" / CHECKPOINTS).glob("*.pt"):
                kept = output / EVERY / path.name
                kept.unlink(missing_ok=True)
                os.link(path, kept)

    return progress


def _scores(recipe: Recipe, output: Path, scored: list[Data], folder: Path, registry: Registry) -> dict[int, float]:
    """Mean F1 with zone of every checkpoint on the volumes ``scored``."""
    file = output / "scores.json"
    known = {int(iteration): f1 for iteration, f1 in json.loads(file.read_text()).items()} if file.exists() else {}
    volumes = [
        load_data(data, folder=folder, organelle=recipe.organelle, grid=GRID, registry=registry) for data in scored
    ]
    validator = Validator(volumes, recipe, choose_device(), registry=registry)
    for path in sorted((output / EVERY).glob("*.pt"), key=lambda path: int(path.stem)):
        if int(path.stem) not in known:
            network = UNet(recipe.base)
            network.load_state_dict(read_saved(path))
            found = [score.f1_with_zone for _, score in validator(network.eval())]
            known[int(path.stem)] = sum(found) / len(found)
            file.write_text(json.dumps(known))
    return known


def main() -> None:
    """Run what is missing, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="volumes (made where they are missing), runs, scores")
    parser.add_argument("--data", type=Path, required=True, help="folder of the real volumes")
    parser.add_argument("--runs", nargs="+", default=list(RUNS), choices=list(RUNS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--iterations", type=int, default=240)
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    if not (args.folder / "DATA").exists():
        (args.folder / "DATA").symlink_to(args.data.resolve())
    registry = make_registry()
    rows = [run(name, args.folder, args.iterations, args.seed, registry) for name in args.runs]
    print("| run | seed | minutes | checkpoints | fit regime | chosen | F1 | best | less | F1 of the last | why |")
    print("|---" * 11 + "|")
    print("\n".join(rows))
    print(f"F1 with the exclusion zone on data not chosen by; {torch.get_num_threads()} threads.")


if __name__ == "__main__":
    main()
