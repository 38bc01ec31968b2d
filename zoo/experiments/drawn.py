"""What labels from strokes are worth: F1 of models that were fine-tuned on a graph cut, and on the truth that it is of.

    python zoo/experiments/drawn.py runs/drawn [--organelles er golgi] [--iterations 60] [--seeds 0 1] [--labelled ZARR]

On a cubic micrometre of the simulated cell `CELL` seeds are drawn in every `EVERY`-th section, as in
tests/benchmarks/annotate.py, and cut as `asem annotate cut` does, voxels of `VOXEL_NM`. Then the organelle's model is
fine-tuned on the truth, on the cut, and on what the cut leaves to train on, all else alike, and the same is trained
from nothing unless ``--tuned-only`` leaves that out. All are scored, by the engine, on another part of the cell.
``--labelled`` takes a part of the cell that is there already, all of it. What is done is not done again.
Prints a table; labels are as good as the truth where F1 is within `WITHIN` of what that gives.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from asem_annotate import choose_settings, cut
from asem_annotate.write import TRAINING
from attrs import evolve
from cells import simulate_part
from how_much import Shift, package, score
from scipy import ndimage

from asem_core import convert, evaluate, finetune, open_labels, open_volume
from asem_core.finetuning.run import SCRATCH
from asem_core.geometry import Box
from asem_core.registry import Registry, make_registry

CELL = "cf-3"
VOXEL_NM = 5.0
LABELLED_NM, SCORED_NM = (700, 1700), (660, 1940)
"""On every axis, of the part round its Golgi and of that which naive cells are scored on."""
EVERY = 8
OBJECT, BACKGROUND = 0.10, 0.05
"""Of the voxels of a section, one voxel away from outlines."""
RIM = 2.0
"""Voxels, left out of ``labels/training``."""
WITHIN = 0.03
LABELS = ("truth", "strokes", "training")
"""The last: ``labels/training`` of the same cut."""


def shift_of(organelle: str, folder: Path, model: str | None, labelled: Path | None, registry: Registry) -> Shift:
    """To `CELL`, from ``model``, by default the organelle's; ``labelled``: instead of a box round its Golgi."""
    whole = labelled and open_volume(labelled, registry=registry).box
    labelled = labelled or folder / simulate_part(folder, CELL, "golgi", voxel_nm=VOXEL_NM)
    scored = folder / simulate_part(folder, CELL, "evaluation")

    def box(path: Path, span: Sequence[float]) -> Box:
        step = open_volume(path, registry=registry).voxel_size.zyx
        return Box([round(span[0] / s) for s in step], [round(span[1] / s) for s in step])

    return Shift(
        organelle=organelle, model=model or str(registry.organelles[organelle].default_model), raw=labelled,
        labels=labelled, labelled=whole or box(labelled, LABELLED_NM), test_raw=scored, test_labels=scored,
        test=box(scored, SCORED_NM),
    )  # fmt: skip


def draw_seeds(truth: npt.NDArray[np.bool_], *, seed: int) -> npt.NDArray[np.uint8]:
    """Seeds in every `EVERY`-th section of ``truth`` ``(z, y, x)``: 1 background, 2 the organelle."""
    rng, seeds = np.random.default_rng(seed), np.zeros(truth.shape, np.uint8)
    for section in range(EVERY // 2, len(truth), EVERY):
        inside = ndimage.binary_erosion(truth[section])
        outside = ndimage.binary_erosion(~truth[section], border_value=1)
        seeds[section][outside & (rng.random(inside.shape) < BACKGROUND)] = 1
        seeds[section][(inside if inside.any() else truth[section]) & (rng.random(inside.shape) < OBJECT)] = 2
    return seeds


def label_by_strokes(shift: Shift, folder: Path, *, seed: int, registry: Registry) -> Path:
    """Labels of what could be labelled, by a cut from `draw_seeds`."""
    made = folder / f"cut-{seed}.zarr"
    if not made.exists():
        truth = open_labels(shift.labels, shift.organelle, registry=registry)
        seeds = np.zeros(truth.shape, np.uint8)
        seeds[shift.labelled.slices] = draw_seeds(truth.read(shift.labelled) > 0, seed=seed)
        drawn = folder / f"seeds-{seed}.zarr"
        volume = evolve(truth, array=seeds, uri="seeds", format="memory", identity={})
        convert(volume, drawn, labels=True, overwrite=drawn.exists(), registry=registry)
        settings = choose_settings(shift.organelle, rim=RIM)
        cut(shift.raw, drawn, output=made, organelle=shift.organelle, settings=settings, roi=shift.labelled,
            registry=registry)  # fmt: skip
    return made


def run(
    shift: Shift, labels: str, folder: Path, *, iterations: int, seed: int, scratch: bool, registry: Registry
) -> dict[str, Any]:
    """Fine-tune and score; what ``result.json`` in its folder says where it is done already."""
    output = folder / f"{labels}-{iterations}-{seed}"
    result = output / "result.json"
    if result.exists():
        found: dict[str, Any] = json.loads(result.read_text())
        return found
    truth = shift.labels
    drawn = truth if labels == "truth" else label_by_strokes(shift, folder, seed=seed, registry=registry)
    exact = None if drawn == truth else evaluate(drawn, truth, organelle=shift.organelle, registry=registry).scores
    rimless = labels == "training"
    learned = drawn / "labels" / TRAINING if rimless else drawn
    tuned = finetune(
        shift.raw, learned, organelle=shift.organelle, model=shift.model, rois=[shift.labelled], iterations=iterations,
        unlabelled=0 if rimless else None, from_scratch=scratch, keep=True, seed=seed, output=output, registry=registry,
    )  # fmt: skip
    trained = {"fine-tuned": output, **({"from scratch": output / SCRATCH} if scratch else {})}
    found = {
        "labels": labels,
        "seed": seed,
        "f1 of the labels": 1.0 if exact is None else exact.without_zone.f1,
        "f1": {name: score(shift, package(tuned, of, registry), output, registry) for name, of in trained.items()},
    }
    result.write_text(json.dumps(found, indent=2))
    return found


def table(results: Sequence[dict[str, Any]]) -> str:
    """Markdown: a row for every run, and by how much the mean of other labels is below that of the truth."""
    head = "| labels | seed | F1 of the labels | fine-tuned | from scratch |"
    rows = [
        f"| {each['labels']} | {each['seed']} | {each['f1 of the labels']:.3f} | "
        + " | ".join(_told(each["f1"].get(name)) for name in ("fine-tuned", "from scratch"))
        + " |"
        for each in results
    ]
    made = {each["labels"] for each in results}
    lost = {name: mean_of(results, "truth") - mean_of(results, name) for name in LABELS[1:] if name in made}
    verdict = "; ".join(
        f"{labels} cost {less:.3f}: {'within' if less <= WITHIN else 'more than'} {WITHIN}"
        for labels, less in lost.items()
    )
    return "\n".join([head, "|---" * 5 + "|", *rows, "", f"F1 with / without the exclusion zone; {verdict}"])


def mean_of(results: Sequence[dict[str, Any]], labels: str) -> float:
    """F1 without zone of what was fine-tuned on ``labels``, of all seeds."""
    return float(np.mean([each["f1"]["fine-tuned"]["without zone"] for each in results if each["labels"] == labels]))


def _told(f1: dict[str, float] | None) -> str:
    return "" if f1 is None else f"{f1['with zone']:.3f} / {f1['without zone']:.3f}"


def main() -> None:
    """Run what is missing, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="volumes, runs, results")
    parser.add_argument("--organelles", nargs="+", default=["er", "golgi"])
    parser.add_argument("--model", help="to begin from; by default the organelle's")
    parser.add_argument("--labelled", type=Path, help=f"OME-Zarr of a part of {CELL} to draw and label in, all of it")
    parser.add_argument("--tuned-only", action="store_true", help="train nothing from nothing")
    parser.add_argument("--iterations", type=int, default=60)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    args = parser.parse_args()
    registry = make_registry()
    for organelle in args.organelles:
        shift = shift_of(organelle, args.folder, args.model, args.labelled, registry)
        folder = args.folder / organelle
        folder.mkdir(parents=True, exist_ok=True)
        results = []
        for seed in args.seeds:
            for labels in LABELS:
                results.append(
                    run(shift, labels, folder, iterations=args.iterations, seed=seed, scratch=not args.tuned_only,
                        registry=registry)
                )  # fmt: skip
                print(f"{organelle}: {results[-1]}", flush=True)
        print(f"\n{organelle}\n\n{table(results)}\n", flush=True)


if __name__ == "__main__":
    main()
