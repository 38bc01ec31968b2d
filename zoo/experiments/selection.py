"""Selection: how far the checkpoint that a run chooses is from its best, on data that it did not choose by.

    python zoo/experiments/selection.py runs/selection --data DATA [--runs epfl er ...] [--seed 1]

Trains small networks that are validated on several volumes, chooses by the curves of some of them, and says how good
the chosen checkpoint is on the others, on which every checkpoint was scored as well. DATA holds `epfl_hippocampus` and
`cdeep3m`; the cell of the run `er` is simulated. A run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import yaml
from asem_dataset_simulated import Request, simulate_to

from asem_core.geometry import VoxelSize
from asem_core.registry import Registry, make_registry
from asem_core.training.curves import Curves, read_curves
from asem_core.training.loop import train
from asem_core.training.recipe import load_recipe
from asem_core.training.run import LOG
from asem_core.training.selection import FitRegime, fit_regime, regime_size

GRID = VoxelSize((10.0, 10.0, 10.0))
CELL = "cell.zarr"
CHECKPOINTS = 20
FIXED = 0.4
"""Part of a run in which the statistics of the normalisation are fixed, as at the end of the preset `fast`: while
each block is normalised by its own, neighbouring checkpoints differ by more than any choice among them is worth."""


def _cell(roi: str) -> dict[str, Any]:
    return {"raw": CELL, "labels": CELL, "roi": roi}


def _epfl(roi: str) -> dict[str, Any]:
    folder = "DATA/epfl_hippocampus"
    return {"raw": f"{folder}/raw", "labels": f"{folder}/mito", "voxel_size_nm": [5, 5, 5], "roi": roi}


def _cdeep3m(roi: str) -> dict[str, Any]:
    return {"raw": "DATA/cdeep3m/raw", "labels": "DATA/cdeep3m/mito", "voxel_size_nm": [70, 10, 10], "roi": roi}


_EPFL_HELD_OUT = {"by": [_epfl("0:160,0:192,0:240")], "others": [_epfl("0:160,384:576,32:272")]}
_CDEEP3M_HELD_OUT = {"by": [_cdeep3m("24:30,0:160,0:160")], "others": [_cdeep3m("24:30,480:640,160:320")]}
RUNS: Mapping[str, Mapping[str, Any]] = {
    "epfl": {"organelle": "mito", "training": [_epfl("0:165,0:768,320:1024")], **_EPFL_HELD_OUT},
    "epfl-few": {"organelle": "mito", "training": [_epfl("0:120,300:420,700:820")], **_EPFL_HELD_OUT},
    "cdeep3m": {"organelle": "mito", "training": [_cdeep3m("0:22,0:512,0:512")], **_CDEEP3M_HELD_OUT},
    "cdeep3m-few": {"organelle": "mito", "training": [_cdeep3m("8:16,400:480,400:480")], **_CDEEP3M_HELD_OUT},
    "er": {
        "organelle": "er",
        "training": [_cell("0:96,0:96,0:128")],
        "by": [_cell("0:96,0:96,136:192")],
        "others": [_cell("0:96,0:96,200:256")],
    },
}
"""What a run learns, chooses by, and is scored on beside; those called few learn one block of 0.2 to 0.4 cubic
micrometres."""


def recipe_for(name: str, iterations: int, seed: int) -> dict[str, Any]:
    """The recipe of a run, which is validated on the volumes that it chooses by, then on the others."""
    every = max(1, iterations // CHECKPOINTS)
    fixed = round(FIXED * iterations)
    data = RUNS[name]
    return {
        "organelle": data["organelle"], "voxel_size_nm": list(GRID.zyx), "preset": "fast", "seed": seed, "base": 8,
        "training": data["training"], "validation": [*data["by"], *data["others"]],
        "phases": [
            {"iterations": iterations - fixed, "side": 56, "padded": True, "rate": [3.0e-3, 1.5e-3]},
            {"iterations": fixed, "side": 56, "padded": True, "frozen": True, "rate": [5.0e-4, 0.0]},
        ],
        "settle_blocks": 12, "validate_every": every, "checkpoint_every": every,
    }  # fmt: skip


def run(name: str, folder: Path, iterations: int, seed: int, registry: Registry) -> str:
    """Train and choose; a row of the table."""
    output = folder / f"{name}-{seed}"
    if name == "er" and not (folder / CELL).exists():
        simulate_to(folder / CELL, Request(preset="hpfs", seed=7, shape=(96, 96, 256), voxel_size=GRID))
    plan = folder / f"{name}-{seed}.yaml"
    plan.write_text(yaml.safe_dump(recipe_for(name, iterations, seed)))
    recipe = load_recipe(plan)
    train(recipe, output, data_folder=folder, registry=registry)
    size = regime_size(recipe.iterations, validate_every=recipe.validate_every)
    regime, f1 = choose(read_curves(output / LOG), by=len(RUNS[name]["by"]), size=size)
    best, last = max(f1, key=lambda iteration: f1[iteration]), max(f1)
    return (
        f"| {name} | {seed} | {_minutes(output):.0f} | {len(f1)} | {regime.first} to {regime.last} | {regime.chosen} | "
        f"{f1[regime.chosen]:.3f} | {f1[best]:.3f} ({best}) | {f1[best] - f1[regime.chosen]:.3f} | {f1[last]:.3f} | "
        f"{regime.why} |"
    )


def choose(curves: Curves, *, by: int, size: int) -> tuple[FitRegime, dict[int, float]]:
    """The fit regime by the first ``by`` volumes, and the mean F1 with zone of every iteration on the others."""
    names = list(curves.validated[0].volumes)
    regime = fit_regime(_only(curves, names[:by]), size=size)
    return regime, {point.iteration: point.f1 for point in _only(curves, names[by:]).validated}


def _only(curves: Curves, names: Sequence[str]) -> Curves:
    points = [attrs.evolve(point, volumes={name: point.volumes[name] for name in names}) for point in curves.validated]
    return attrs.evolve(curves, validated=tuple(points))


def _minutes(output: Path) -> float:
    """Wall time of the last attempt, validation included."""
    lines = [json.loads(line) for line in (output / LOG).read_text().splitlines()]
    return max(float(line.get("seconds", 0)) for line in lines) / 60


def main() -> None:
    """Run what is missing, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="runs, and the simulated cell")
    parser.add_argument("--data", type=Path, required=True, help="folder of the real volumes")
    parser.add_argument("--runs", nargs="+", default=list(RUNS), choices=list(RUNS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--iterations", type=int, default=240)
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    if not (args.folder / "DATA").exists():
        (args.folder / "DATA").symlink_to(args.data.resolve())
    registry = make_registry()
    print("| run | seed | minutes | checkpoints | fit regime | chosen | F1 | best | less | F1 of the last | why |")
    print("|---" * 11 + "|")
    for name in args.runs:
        print(run(name, args.folder, args.iterations, args.seed, registry), flush=True)
    print("F1 with the exclusion zone, on the volumes that the run was not chosen by.")


if __name__ == "__main__":
    main()
