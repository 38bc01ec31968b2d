"""How much to label: F1 on a new cell against the labels that a model is fine-tuned on, and against iterations.

    python zoo/experiments/how_much.py runs/how-much --data DATA [--shifts tissue fixation] [--seed 0]

Fine-tunes as `asem finetune` does: from blocks of `SIZES` for `ITERATIONS`, there from `ONE` with the same from nothing
beside it; from the block of `ONE` for `MORE` too, and from larger ones for `BORNE`. Scores what comes of it, by the
engine, on another part of the cell. Budgets are iterations, not minutes, so that a busy machine gives the same curve.

- tissue: mitochondria, mito-10nm 2.0.0 (EPFL hippocampus and simulated cells) to `cdeep3m`, which DATA holds;
- fixation: ER, a model of chemically fixed simulated cells only, trained here, to a frozen one.

Blocks are nested, where the organelle is about as frequent as in all that could be labelled. What is done is not done
again. Prints tables and draws `SHIFT.png`, the figures of docs/how-much-to-label.md.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from attrs import asdict, frozen
from cells import CF, Simulated, simulate_part
from matplotlib.figure import Figure
from paper import Experiment, trained_package
from tables import Row

from asem_core import convert, evaluate, finetune, open_labels, open_volume, segment
from asem_core.finetuning.run import SCRATCH, FineTuned, sample_of
from asem_core.geometry import Box, VoxelSize
from asem_core.registry import Registry, make_registry
from asem_core.reporting.figures import BLUE, GREY, ORANGE
from asem_core.training.package import package_run
from asem_core.training.recipe import load_recipe

SIZES = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Cubic micrometres that are labelled; a quarter of them is held back."""
ITERATIONS = 60
ONE = 1.0
MORE = (30, 120, 240)
BORNE = {2.0: 120, 4.0: 240}
"""A little more iterations than `asem finetune` takes at most of that much."""
CF_ITERATIONS = (240, 120)
_STEP_NM = 100.0
"""Between places that are tried for the blocks."""
GRID = VoxelSize((10.0, 10.0, 10.0))


@frozen(kw_only=True)
class Shift:
    """From a model to a cell that it has not seen."""

    organelle: str
    model: str
    raw: Path
    labels: Path
    labelled: Box
    """What could be labelled, in voxels of ``raw``."""
    test_raw: Path
    test_labels: Path
    test: Box


@frozen(kw_only=True)
class Case:
    """One fine-tuning."""

    um3: float
    iterations: int = ITERATIONS
    scratch: bool = False

    @property
    def name(self) -> str:
        """Of its folder."""
        return f"{self.um3:g}um3-{self.iterations}"


CASES = (
    *(Case(um3=um3, scratch=um3 == ONE) for um3 in SIZES),
    *(Case(um3=ONE, iterations=iterations) for iterations in MORE),
    *(Case(um3=um3, iterations=iterations) for um3, iterations in BORNE.items()),
)


def tissue(folder: Path, data: Path | None, registry: Registry) -> Shift:
    """EPFL to ``cdeep3m``: labels of x 512..1023, scored on y and x 0..511; all of sections 0..19."""
    if data is None:
        raise SystemExit("the shift of tissue needs --data, the folder that holds cdeep3m")
    raw, labels = folder / "cdeep3m_raw.zarr", folder / "cdeep3m_mito.zarr"
    size = VoxelSize((70.0, 10.0, 10.0))
    for source, output, organelle in (("raw", raw, None), ("mito", labels, "mito")):
        if not output.exists():
            convert(data / "cdeep3m" / source, output, organelle=organelle, voxel_size=size, registry=registry)
    return Shift(
        organelle="mito", model="mito-10nm@2.0.0", raw=raw, labels=labels, labelled=Box((0, 0, 512), (20, 1024, 1024)),
        test_raw=raw, test_labels=labels, test=Box((0, 0, 0), (20, 512, 512)),
    )  # fmt: skip


def fixation(folder: Path, data: Path | None, registry: Registry) -> Shift:
    """Chemically fixed simulated cells to hpfs-20: labels of its training part, scored on its validation part."""
    for part in ("training", "validation"):
        simulate_part(folder, "hpfs-20", part)
    ex = Experiment(folder=folder, cells=Simulated(folder=folder), registry=registry, iterations=CF_ITERATIONS, seed=1)
    model = trained_package(ex, "er", Row(name="CF", cells=CF))
    labelled, test = (folder / "cells" / f"hpfs-20-{part}.zarr" for part in ("training", "validation"))
    boxes = [open_volume(path, registry=registry).box for path in (labelled, test)]
    return Shift(
        organelle="er", model=str(model), raw=labelled, labels=labelled, labelled=boxes[0],
        test_raw=test, test_labels=test, test=boxes[1],
    )  # fmt: skip


SHIFTS = {"tissue": tissue, "fixation": fixation}


def block_of(um3: float, centre: Sequence[int], within: Box, voxel_size: VoxelSize) -> Box:
    """About ``um3`` round ``centre``, moved into ``within``: a cube, or longer along the axes that have room.

    Examples
    --------
    >>> block_of(1.0, (10, 60, 60), Box((0, 0, 0), (20, 200, 200)), VoxelSize((70.0, 10.0, 10.0)))
    Box(start=(3, 10, 10), stop=(17, 110, 110))
    """
    limits = [n * v / 1000 for n, v in zip(within.shape, voxel_size.zyx, strict=True)]
    sides = [0.0] * 3
    left, free = um3, [0, 1, 2]
    while free:
        cube = left ** (1 / len(free))
        short = [axis for axis in free if limits[axis] <= cube]
        for axis in short or free:
            sides[axis] = limits[axis] if short else cube
            left /= sides[axis]
        free = [axis for axis in free if short and axis not in short]
    shape = [max(1, round(1000 * s / v)) for s, v in zip(sides, voxel_size.zyx, strict=True)]
    start = [
        min(max(c - n // 2, a), b - n) for c, n, a, b in zip(centre, shape, within.start, within.stop, strict=True)
    ]
    return Box(start, [a + n for a, n in zip(start, shape, strict=True)])


def choose_centre(labels: npt.NDArray[np.bool_], within: Box, voxel_size: VoxelSize) -> tuple[int, ...]:
    """Where blocks of all `SIZES` hold the organelle about as often as ``labels`` ``(z, y, x)`` of ``within`` do."""
    whole = labels.mean()
    largest = block_of(max(SIZES), within.start, within, voxel_size).shape
    spans = []
    for a, b, n, v in zip(within.start, within.stop, largest, voxel_size.zyx, strict=True):
        low, high = a + n // 2, b - (n - n // 2)
        spans.append(range(low, high + 1, max(1, round(_STEP_NM / v))))

    def oddness(centre: Sequence[int]) -> float:
        odd = 0.0
        for um3 in SIZES:
            box = block_of(um3, centre, within, voxel_size).shift([-a for a in within.start])
            odd = max(odd, abs(np.log(max(labels[box.slices].mean(), 1e-6) / whole)))
        return float(odd)

    return min(product(*spans), key=oddness)


def run(shift: Shift, case: Case, folder: Path, centre: Sequence[int], seed: int, registry: Registry) -> dict[str, Any]:
    """Fine-tune and score; what ``result.json`` in its folder says where it is done already."""
    output = folder / f"{case.name}-{seed}"
    result = output / "result.json"
    if result.exists():
        found: dict[str, Any] = json.loads(result.read_text())
        return found
    size = open_volume(shift.raw, registry=registry).voxel_size
    block = block_of(case.um3, centre, shift.labelled, size)
    tuned = finetune(
        shift.raw, shift.labels, organelle=shift.organelle, model=shift.model, rois=[block], iterations=case.iterations,
        from_scratch=case.scratch, keep=True, seed=seed, output=output, registry=registry,
    )  # fmt: skip
    trained = {"fine-tuned": output, **({"from scratch": output / SCRATCH} if case.scratch else {})}
    found = {
        "block": str(block),
        "um3": case.um3,
        "iterations": case.iterations,
        "kept": tuned.better,
        "f1": {name: score(shift, package(tuned, of, registry), output, registry) for name, of in trained.items()},
    }
    result.write_text(json.dumps(found, indent=2))
    return found


def package(tuned: FineTuned, of: Path, registry: Registry) -> Path:
    """The network that was trained in the folder ``of``, for the engine."""
    folder = of / "scored"
    recipe = load_recipe(of / "recipe.yaml")
    first = tuned.parts.training[0]
    raw = open_volume(recipe.training[0].raw, registry=registry)
    package_run(
        of, folder, model_id=f"{recipe.organelle}-scored", model_version="1.0.0", date=_today(), overwrite=True,
        organelle=registry.organelles[recipe.organelle], sample=sample_of(raw, first.box, recipe, None, registry),
    )  # fmt: skip
    return folder


def score(shift: Shift, model: Path | str, folder: Path, registry: Registry) -> dict[str, float]:
    """F1 of ``model`` on the test part, with and without the exclusion zone."""
    found = folder / "found.zarr"
    segment(
        shift.test_raw, found, model=model, organelle=shift.organelle, roi=shift.test, overwrite=True, registry=registry
    )
    scores = evaluate(found, shift.test_labels, organelle=shift.organelle, registry=registry).scores
    return {"with zone": scores.with_zone.f1, "without zone": scores.without_zone.f1}


def table(results: Sequence[dict[str, Any]], parent: dict[str, float]) -> str:
    """Markdown, F1 with / without zone."""

    def said(f1: dict[str, float] | None) -> str:
        return "" if f1 is None else f"{f1['with zone']:.3f} / {f1['without zone']:.3f}"

    rows = [
        f"| {r['um3']:g} | {r['iterations']} | {said(r['f1']['fine-tuned'])} | "
        f"{said(r['f1'].get('from scratch'))} | {'new' if r['kept'] else 'old'} |"
        for r in results
    ]
    head = "| um3 | iterations | fine-tuned | from scratch | better on what is held back |"
    return "\n".join([head, "|---" * 5 + "|", f"| 0 | 0 | {said(parent)} | | |", *rows])


def draw(results: Sequence[dict[str, Any]], parent: dict[str, float], picture: Path) -> None:
    """F1 without zone against labels, and against iterations."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    sized = sorted((r for r in results if r["iterations"] == ITERATIONS), key=lambda r: r["um3"])
    timed = sorted((r for r in results if r["um3"] == ONE), key=lambda r: r["iterations"])
    for axes, chosen, by in ((left, sized, "um3"), (right, timed, "iterations")):
        for name, colour in (("fine-tuned", BLUE), ("from scratch", ORANGE)):
            points = [(r[by], r["f1"][name]["without zone"]) for r in chosen if name in r["f1"]]
            if points:
                axes.plot(*zip(*points, strict=True), "o-", color=colour, label=name)
        axes.axhline(parent["without zone"], color=GREY, linestyle=(0, (4, 3)), label="not fine-tuned")
        axes.set_xscale("log", base=2)
        axes.set_xticks([r[by] for r in chosen], [f"{r[by]:g}" for r in chosen])
        axes.spines[["top", "right"]].set_visible(False)
    left.set(ylim=(0, 1), ylabel="F1 without exclusion zone", xlabel=f"labelled um3 ({ITERATIONS} iterations)")
    right.set(xlabel=f"iterations ({ONE:g} um3)")
    left.legend(frameon=False, loc="lower right")
    figure.savefig(picture, dpi=150, facecolor="white")


def _today() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d")


def main() -> None:
    """Run what is missing, print the tables, draw the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="volumes, runs, results")
    parser.add_argument("--data", type=Path, help="folder of the real volumes")
    parser.add_argument("--shifts", nargs="+", default=list(SHIFTS), choices=list(SHIFTS))
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    registry = make_registry()
    for name in args.shifts:
        folder = args.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        shift = SHIFTS[name](folder, args.data, registry)
        known = folder / "parent.json"
        if not known.exists():
            known.write_text(json.dumps(score(shift, shift.model, folder, registry)))
        parent = json.loads(known.read_text())
        print(f"{name}: not fine-tuned {parent}", flush=True)
        labels = open_labels(shift.labels, shift.organelle, registry=registry)
        centre = choose_centre(labels.read(shift.labelled) > 0, shift.labelled, labels.voxel_size)
        results = []
        for case in CASES:
            results.append(run(shift, case, folder, centre, args.seed, registry))
            print(f"{asdict(case)}: {results[-1]}", flush=True)
        print("\n" + table(results, parent) + "\n", flush=True)
        draw(results, parent, folder / f"{name}.png")


if __name__ == "__main__":
    main()
