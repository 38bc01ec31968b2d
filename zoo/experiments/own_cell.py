"""Fine-tuning to `cdeep3m` as somebody would who has labelled half of it: all of that, or strokes on three sections.

    python zoo/experiments/own_cell.py runs/own-cell --data DATA [--labels dense strokes] [--iterations 340] [--seed 0]

Runs `asem finetune` of mito-10nm 2.0.0, which has not seen this tissue, on sections 0..19, x 512..1023, and from all
labels the same from nothing; scores them, by the engine, on sections 0..19, y and x 0..511. What is done is not done
again.
For one block of a cubic micrometre, and more and less, there is `how_much.py`.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from attrs import evolve
from how_much import Shift, package, score, tissue
from scipy import ndimage
from skimage.morphology import skeletonize

from asem_core import convert, finetune, open_labels
from asem_core.finetuning.run import SCRATCH
from asem_core.registry import Registry, make_registry

SECTIONS = (4, 10, 16)
"""On which somebody drew."""
LENGTH = 80
"""Voxels of a stroke of background."""
CLEAR = 3
"""Voxels that it keeps from what is labelled."""
BACKGROUND = 3
"""Times as much of it as of the organelle."""
_DISC = ndimage.generate_binary_structure(2, 1)


def strokes(labels: npt.NDArray[np.bool_], *, seed: int) -> npt.NDArray[np.uint8]:
    """What somebody draws on `SECTIONS` of ``labels`` ``(z, y, x)``: 2 along the middle of every object, 1 elsewhere.

    Strokes are three voxels wide; those of background are straight, anywhere. 0 is where nobody drew.
    """
    rng = np.random.default_rng(seed)
    drawn = np.zeros(labels.shape, np.uint8)
    for z in SECTIONS:
        section = labels[z]
        spine = skeletonize(section)  # type: ignore[no-untyped-call]
        middle = ndimage.binary_dilation(spine, _DISC) & section
        free = ndimage.distance_transform_edt(~section) > CLEAR
        ground = np.zeros_like(section)
        while ground.sum() < BACKGROUND * middle.sum():
            start, turn = rng.uniform((0, 0), section.shape), rng.uniform(0, 2 * np.pi)
            end = start + LENGTH * np.array([np.sin(turn), np.cos(turn)])
            at = np.round(np.linspace(start, end, LENGTH)).astype(int)
            rows, columns = at[((at >= 0) & (at < section.shape)).all(1)].T
            stroke = np.zeros_like(section)
            stroke[rows, columns] = True
            ground |= ndimage.binary_dilation(stroke, _DISC) & free
        drawn[z][ground] = 1
        drawn[z][middle] = 2
    return drawn


def draw_strokes(shift: Shift, folder: Path, *, seed: int, registry: Registry) -> Path:
    """The `strokes` on what could be labelled of ``shift``, as labels on its grid."""
    path = folder / f"strokes-{seed}.zarr"
    if not path.exists():
        labels = open_labels(shift.labels, shift.organelle, registry=registry)
        drawn = np.zeros(labels.shape, np.uint8)
        drawn[shift.labelled.slices] = strokes(labels.read(shift.labelled) > 0, seed=seed)
        volume = evolve(labels, array=drawn, uri="strokes", format="memory", identity={})
        convert(volume, path, labels=True, registry=registry)
    return path


def run(name: str, folder: Path, data: Path, iterations: int, seed: int, registry: Registry) -> dict[str, Any]:
    """Fine-tune and score; what ``result.json`` in its folder says where it is done already."""
    output = folder / f"{name}-{iterations}-{seed}"
    result = output / "result.json"
    if result.exists():
        found: dict[str, Any] = json.loads(result.read_text())
        return found
    shift = tissue(folder, data, registry)
    if name == "strokes":
        labelled: dict[str, Any] = {"unlabelled": 0}
        labels = draw_strokes(shift, folder, seed=seed, registry=registry)
    else:
        labelled, labels = {"rois": [shift.labelled]}, shift.labels
    tuned = finetune(
        shift.raw, labels, **labelled, organelle=shift.organelle, model=shift.model, iterations=iterations,
        from_scratch=name == "dense", keep=True, seed=seed, output=output, registry=registry,
    )  # fmt: skip
    trained = [output, output / SCRATCH] if name == "dense" else [output]
    f1 = [score(shift, package(tuned, of, registry), output, registry) for of in trained]
    found = {"winner": tuned.winner, "better": tuned.better, "f1": f1}
    result.write_text(json.dumps(found, indent=2))
    return found


def main() -> None:
    """Run what is missing, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="volumes, runs, results")
    parser.add_argument("--data", type=Path, required=True, help="folder of the real volumes")
    parser.add_argument("--labels", nargs="+", default=["dense", "strokes"], choices=["dense", "strokes"])
    parser.add_argument("--iterations", type=int, default=340, help="2.5 s each on two cores with bfloat16")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    registry = make_registry()
    print("| labels | iterations | fine-tuned | from scratch | better on what is held back |")
    print("|---" * 5 + "|")
    for name in args.labels:
        found = run(name, args.folder, args.data, args.iterations, args.seed, registry)
        tuned, scratch, *_ = [*(f"{f1['with zone']:.3f} / {f1['without zone']:.3f}" for f1 in found["f1"]), ""]
        better = found["winner"] if found["better"] else "not fine-tuned"
        print(f"| {name} | {args.iterations} | {tuned} | {scratch} | {better} |", flush=True)
    print("F1 with / without the exclusion zone.")


if __name__ == "__main__":
    main()
