"""Joint training: what a network learns from one cell, from another, from both, and across fixations.

    python zoo/experiments/joint.py runs/joint [--organelles mito er] [--iterations 120 60] [--runs A B ...]

Trains every combination of cells by one recipe, and scores each network on the cells that it was trained on (the middle
of other parts of them) and on naive ones, with the exclusion zone, as in Tables S6 and S8 of Gallusser et al.
2022. Cells A and B are cf-1 and cf-2; CF is both, HPFS is hpfs-19 and hpfs-20. A run that was stopped goes on where it
was; what is done is not done again. Prints the tables with the paper's figures beside them, and the processor time that
all of it took. `--iterations` is one budget for all runs, first with each block's own statistics, then with fixed
ones: a network that sees four cells trains no longer than one that sees one.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
import yaml
from asem_dataset_simulated import Request, simulate_to

from asem_core.evaluation.scores import Score
from asem_core.geometry import VoxelSize
from asem_core.labels.zone import make_zone
from asem_core.registry import Registry, make_registry
from asem_core.training.loop import choose_device, train
from asem_core.training.recipe import Data, Recipe, load_recipe
from asem_core.training.unet import UNet
from asem_core.training.validate import predict
from asem_core.training.volumes import load_data

RUNS: Mapping[str, tuple[str, ...]] = {
    "A": ("cf-1",),
    "B": ("cf-2",),
    "CF": ("cf-1", "cf-2"),
    "HPFS": ("hpfs-19", "hpfs-20"),
    "both": ("cf-1", "cf-2", "hpfs-19", "hpfs-20"),
}
SCORED: Mapping[str, str] = {
    "cf-1": "validation", "cf-2": "validation", "cf-3": "evaluation", "cf-6": "evaluation",
    "hpfs-19": "validation", "hpfs-20": "validation", "hpfs-21": "evaluation", "hpfs-22": "evaluation",
}  # fmt: skip
MIDDLE: Mapping[str, str] = {
    "validation": "36:164,36:164,36:164",
    "evaluation": "66:194,66:194,66:194",
}
"""What is scored of a part, its middle."""
PAPER: Mapping[str, Mapping[str, tuple[float | None, ...]]] = {
    # F1 on cells 1, 2, 3, 6, 19, 20, 21, 22; None: not printed.
    "mito": {
        "A": (0.91, 0.47, 0.66, 0.81, None, None, None, None),
        "B": (0.89, 0.87, 0.74, 0.70, None, None, None, None),
        "CF": (0.96, 0.87, 0.75, 0.88, None, None, None, None),
        "HPFS": (None, None, None, None, 0.99, 0.99, 0.94, 0.93),
        "both": (0.95, 0.81, 0.73, 0.77, 0.93, 0.99, 0.96, 0.89),
    },
    "er": {
        "A": (0.86, 0.29, 0.70, 0.52, None, None, None, None),
        "B": (0.16, 0.90, 0.83, 0.55, None, None, None, None),
        "CF": (0.95, 0.90, 0.92, 0.77, None, None, None, None),
        "HPFS": (None, None, None, None, 0.91, 0.80, 0.48, 0.81),
        "both": (0.94, 0.90, 0.85, 0.82, 0.84, 0.74, 0.58, 0.81),
    },
}
GRID = VoxelSize((10.0, 10.0, 10.0))


def recipe_for(organelle: str, cells: tuple[str, ...], iterations: tuple[int, int], seed: int) -> dict[str, Any]:
    """Recipe of one run: the preset ``fast``, cells sampled by their volume, one budget for all runs."""
    own, frozen = iterations
    mild = {"contrast": [0.85, 1.15], "brightness": [-0.08, 0.08]}
    return {
        "organelle": organelle, "voxel_size_nm": list(GRID.zyx), "preset": "fast", "seed": seed,
        "training": [{"raw": _volume(cell, "training"), "labels": _volume(cell, "training")} for cell in cells],
        "phases": [
            {"iterations": own, "side": 64, "padded": True, "rate": [2.0e-3, 8.0e-4]},
            {"iterations": frozen, "side": 64, "padded": True, "frozen": True, "rate": [5.0e-4, 0.0], "augment": mild},
        ],
        "settle_blocks": 24,
        "validate_every": 10 * (own + frozen), "checkpoint_every": 50,
    }  # fmt: skip


def _volume(cell: str, part: str) -> str:
    return f"cells/{cell}-{part}.zarr"


def simulate_part(folder: Path, cell: str, part: str) -> None:
    """A part of a simulated cell, where it is missing."""
    volume = folder / _volume(cell, part)
    if not volume.exists():
        print(f"simulating {volume.name}", flush=True)
        volume.parent.mkdir(parents=True, exist_ok=True)
        simulate_to(volume, Request(preset=cell, part=part, voxel_size=GRID))


def simulate_all(folder: Path) -> None:
    """Every part that is trained or scored on, once."""
    wanted = {(cell, "training") for cells in RUNS.values() for cell in cells} | set(SCORED.items())
    for cell, part in sorted(wanted):
        simulate_part(folder, cell, part)


def run(name: str, organelle: str, folder: Path, iterations: tuple[int, int], registry: Registry) -> dict[str, Any]:
    """Train and score one combination; what ``result.json`` in its folder says where it is done already."""
    output = folder / organelle / name
    result = output / "result.json"
    if result.exists():
        found: dict[str, Any] = json.loads(result.read_text())
        return found
    output.mkdir(parents=True, exist_ok=True)
    (output / "plan.yaml").write_text(yaml.safe_dump(recipe_for(organelle, RUNS[name], iterations, seed=1)))
    recipe = load_recipe(output / "plan.yaml")
    began = time.process_time()
    weights = train(recipe, output, data_folder=folder, registry=registry).weights
    scores = dict(score_all(recipe, weights, folder, registry))
    found = {"f1": scores, "cpu_seconds": round(_earlier(output) + time.process_time() - began)}
    result.write_text(json.dumps(found, indent=2))
    return found


def _earlier(output: Path) -> float:
    """Processor time of attempts that were stopped: what their log says of wall time, on all cores."""
    lines = [json.loads(line) for line in (output / "log.jsonl").read_text().splitlines()]
    seconds = [line["seconds"] for line in lines if line["kind"] == "train"]
    stops = [a for a, b in pairwise(seconds) if b < a]
    return float(sum(stops) * torch.get_num_threads())


def score_all(recipe: Recipe, weights: Path, folder: Path, registry: Registry) -> Iterator[tuple[str, float]]:
    """F1 on every scored cell, with the organelle's exclusion zone."""
    network = UNet(recipe.base)
    network.load_state_dict(torch.load(weights, weights_only=True))
    device = choose_device()
    network.eval().to(device, memory_format=torch.channels_last_3d)
    organelle = registry.organelles[recipe.organelle]
    for cell, part in SCORED.items():
        data = load_data(
            Data(raw=_volume(cell, part), labels=_volume(cell, part), roi=MIDDLE[part]),
            folder=folder,
            organelle=recipe.organelle,
            grid=GRID,
            registry=registry,
        )
        predicted = predict(network, data.raw, device) >= organelle.threshold
        zone = make_zone(organelle.exclusion_zone, registry)
        counted = ~zone.excluded(data.labels > 0, voxel_size=GRID)
        yield cell, Score.of(predicted & counted, (data.labels > 0) & counted).f1


def table(organelle: str, results: Mapping[str, Mapping[str, Any]]) -> str:
    """Markdown: ours, with the paper's figure in brackets where it prints one."""
    lines = [f"| {organelle}, trained on | " + " | ".join(SCORED) + " |", "|---" * (len(SCORED) + 1) + "|"]
    for name, result in results.items():
        cells = []
        for index, cell in enumerate(SCORED):
            paper = PAPER[organelle][name][index]
            cells.append(f"{result['f1'][cell]:.2f}" + (f" ({paper:.2f})" if paper is not None else ""))
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Run what is missing, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="volumes (made where they are missing), runs, results")
    parser.add_argument("--organelles", nargs="+", default=["mito", "er"], choices=["mito", "er"])
    parser.add_argument("--runs", nargs="+", default=list(RUNS), choices=list(RUNS))
    parser.add_argument("--iterations", nargs=2, type=int, default=[120, 60], metavar=("OWN", "FROZEN"))
    args = parser.parse_args()
    simulate_all(args.folder)
    registry = make_registry()
    total = 0
    for organelle in args.organelles:
        results = {}
        for name in args.runs:
            results[name] = run(name, organelle, args.folder, tuple(args.iterations), registry)
            print(f"{organelle}, {name}: {results[name]}", flush=True)
            total += results[name]["cpu_seconds"]
        print("\n" + table(organelle, results) + "\n", flush=True)
    print("F1 with the exclusion zone; in brackets the paper's, on its cells 1, 2, 3, 6 and 19 to 22.")
    print(f"{total / 60:.0f} minutes of processor time.")


if __name__ == "__main__":
    main()
