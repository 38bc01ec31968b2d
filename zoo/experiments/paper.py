"""The experiments of Gallusser et al. 2022 by one command: its tables, with the paper's figures beside ours.

    python zoo/experiments/paper.py TABLE runs/paper [--cells simulated|asem] [--organelles mito er] [--rows ROW ...]

======  ==============================================================================================
S5      six ways to normalise the image, trained on both chemically fixed cells
S6-S8   one cell, another, both; frozen ones; cells of either fixation
S9      voxels of 5 nm and of 10 nm
S10     a model fine-tuned to a naive cell, and the same labels from nothing beside it
few     a handful of annotated pits and pores (`few.py`); simulated cells only
======  ==============================================================================================

`--cells simulated` draws cells that are named after the paper's, at 10 nm. `--cells asem` fetches its own, as far as it
is published where they lie (see `cells.py`), and scores the authors' checkpoints beside ours; that has never been run
on the real bucket.

One recipe, the preset ``fast``, and one budget for every row: a network that sees four cells trains no longer than one
that sees one. F1 with the exclusion zone, on blocks that nothing was trained on or chosen by. A run that was stopped
goes on where it was; what is done is not done again, nor in another table.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
import yaml
from attrs import frozen
from cells import NAIVE, Cells, Published, Simulated, simulate_part, some
from few import CHOICES, write_masks
from tables import FINE_TUNED, TABLES, Figures, Row

from asem_core import finetune, open_volume
from asem_core.finetuning.run import SCRATCH, TUNED, UNTAUGHT, sample_of
from asem_core.geometry import Box, VoxelSize
from asem_core.registry import Registry, make_registry
from asem_core.training.export import load_rounded
from asem_core.training.importing import pull_checkpoint
from asem_core.training.loop import choose_device, train
from asem_core.training.package import package_run
from asem_core.training.recipe import Data, Phase, Recipe, load_recipe
from asem_core.training.run import WEIGHTS
from asem_core.training.start import network_of, with_stages
from asem_core.training.unet import UNet
from asem_core.training.validate import Validator
from asem_core.training.volumes import load_data

EXPERIMENTS = Path(__file__).parent
RUN = "run"
"""Folder of a training in that of its row."""
FEW_SCORED = ("cf-3-golgi", "cf-3-coverslip", "hpfs-21-golgi", "hpfs-21-coverslip")
"""Naive cells that what was trained on a handful of objects is scored on."""


@frozen(kw_only=True)
class Experiment:
    """What all runs of one call have in common."""

    folder: Path
    cells: Cells
    registry: Registry
    iterations: tuple[int, int]
    """With each block's own statistics, then with fixed ones."""
    seed: int


def recipe_for(ex: Experiment, organelle: str, row: Row) -> dict[str, Any]:
    """The recipe of ``row``: the preset ``fast``, cells sampled by their volume."""
    own, fixed = ex.iterations
    size = row.voxel_nm or ex.cells.voxel_nm
    mild = {"contrast": [0.85, 1.15], "brightness": [-0.08, 0.08]}
    return {
        "organelle": organelle, "voxel_size_nm": [size] * 3, "preset": "fast", "seed": ex.seed,
        "training": [dict(block) for block in some(ex.cells, row.cells, "training", organelle, size)],
        "preprocess": [dict(stage) for stage in row.stages] or None,
        "phases": [
            {"iterations": own, "side": 64, "padded": True, "rate": [2.0e-3, 8.0e-4]},
            {"iterations": fixed, "side": 64, "padded": True, "frozen": True, "rate": [5.0e-4, 0.0], "augment": mild},
        ],
        "settle_blocks": 24,
        "validate_every": 10 * (own + fixed), "checkpoint_every": 50,
    }  # fmt: skip


def place_of(ex: Experiment, organelle: str, row: Row) -> Path:
    """Folder of ``row``, for its plan, run, package and result: named by what it is, so that two tables share a row."""
    parts = ["+".join(map(str, row.cells)), f"{row.voxel_nm or ex.cells.voxel_nm:g}nm"]
    parts += [f"{stage['name']}{''.join(f'-{v}' for v in stage['params'].values())}" for stage in row.stages]
    own, fixed = ex.iterations
    return ex.folder / organelle / f"{'-'.join(parts)}-{own}+{fixed}-seed{ex.seed}"


def trained(ex: Experiment, organelle: str, row: Row) -> tuple[Recipe, UNet, float]:
    """The network of ``row``, its recipe, and the processor time that its training took, seconds."""
    place = place_of(ex, organelle, row)
    plan = place / "plan.yaml"
    if not plan.exists():
        place.mkdir(parents=True, exist_ok=True)
        plan.write_text(yaml.safe_dump(recipe_for(ex, organelle, row)))
    recipe = load_recipe(plan)
    weights = train(recipe, place / RUN, data_folder=ex.folder, registry=ex.registry).weights
    return recipe, load_rounded(weights, base=recipe.base), _seconds(place / RUN) * torch.get_num_threads()


def trained_package(ex: Experiment, organelle: str, row: Row) -> Path:
    """The package of the network of ``row``."""
    recipe, _, _ = trained(ex, organelle, row)
    place = place_of(ex, organelle, row)
    package = place / "model"
    if not package.exists():
        raw = open_volume(ex.folder / recipe.training[0].raw, registry=ex.registry)
        package_run(
            place / RUN, package, model_id=f"{organelle}-{'-'.join(map(str, row.cells))}", model_version="1.0.0",
            organelle=ex.registry.organelles[organelle], date=_today(),
            sample=sample_of(raw, raw.box, recipe, None, ex.registry),
        )  # fmt: skip
    return package


def _today() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d")


def _seconds(run: Path) -> float:
    """Wall time that a run has trained, with attempts that were stopped."""
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    seconds = [line["seconds"] for line in lines if line["kind"] == "train"]
    return float(sum(a for a, b in pairwise([*seconds, 0.0]) if b < a))


def published(ex: Experiment, organelle: str, checkpoint: str) -> tuple[Recipe, UNet]:
    """The authors' network, and a recipe that says what images it wants; nothing is trained by it."""
    spec = pull_checkpoint(ex.registry.checkpoints[checkpoint], date=_today())
    recipe = Recipe(
        organelle=organelle,
        voxel_size_nm=spec.voxel_size_nm,
        training=(Data(raw="none", labels="none"),),
        phases=(Phase(iterations=1, side=204),),
        start=spec.package,
    )
    return with_stages(recipe, ex.registry), network_of(spec.package, ex.registry)


def score(ex: Experiment, recipe: Recipe, network: UNet, cells: Sequence[int]) -> dict[str, float]:
    """F1 with the exclusion zone on every one of ``cells`` that there is, by number."""
    held = [
        Data(name=str(cell), **block)
        for cell in cells
        for block in ex.cells.blocks(cell, "scored", recipe.organelle, recipe.voxel_size_nm[0])
    ]
    return judged(ex, recipe, network, held)


def judged(ex: Experiment, recipe: Recipe, network: UNet, held: Sequence[Data]) -> dict[str, float]:
    """F1 with the exclusion zone of ``network``, which wants what ``recipe`` says, by the names of ``held``."""
    volumes = [
        load_data(
            data, folder=ex.folder, organelle=recipe.organelle, grid=VoxelSize(recipe.voxel_size_nm),
            registry=ex.registry, stages=recipe.preprocess or (),
        )
        for data in held
    ]  # fmt: skip
    organelle = ex.registry.organelles[recipe.organelle]
    judge = Validator(volumes, recipe, choose_device(), organelle=organelle, registry=ex.registry)
    return {found.name: found.scores.with_zone.f1 for found in judge(network.eval())}


def result_of(ex: Experiment, organelle: str, row: Row, scored: Sequence[int]) -> dict[str, Any]:
    """F1 of ``row`` by cell, and minutes of processor time; what its folder says where it is known already."""
    checkpoint = row.checkpoints.get(organelle)
    folder = place_of(ex, organelle, row) if checkpoint is None else ex.folder / organelle / Path(checkpoint).name
    file = folder / "result.json"
    found: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {"f1": {}, "cpu_seconds": 0.0}
    missing = [cell for cell in scored if str(cell) not in found["f1"]]
    if missing:
        if checkpoint is None:
            recipe, network, found["cpu_seconds"] = trained(ex, organelle, row)
        else:
            recipe, network = published(ex, organelle, checkpoint)
        began = time.process_time()
        found["f1"] |= score(ex, recipe, network, missing)
        found["cpu_seconds"] += time.process_time() - began
        folder.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(found, indent=2))
    return found


def make_table(ex: Experiment, title: str, organelle: str, rows: Sequence[str] | None) -> str:
    """Train and score what is missing of the table ``title``; in Markdown."""
    table, results = TABLES[title], {}
    for row in table.rows:
        wanted = row.name in rows if rows else isinstance(ex.cells, Published) or not row.checkpoints
        if wanted:
            results[row.name] = result_of(ex, organelle, row, table.scored)
            print(f"{organelle}, {row.name}: {results[row.name]}", flush=True)
    minutes = sum(result["cpu_seconds"] for result in results.values()) / 60
    lines = as_markdown(f"{organelle}, {title}", table.scored, results, table.paper.get(organelle, {}), ex.cells)
    return f"{lines}\n\n{table.remark} {minutes:.0f} minutes of processor time."


def as_markdown(
    title: str,
    scored: Sequence[int],
    results: Mapping[str, Mapping[str, Any]],
    paper: Mapping[str, Figures],
    cells: Cells,
) -> str:
    """Ours, with the paper's figure in brackets where it prints one."""
    lines = [f"| {title} | " + " | ".join(map(cells.name, scored)) + " |", "|---" * (len(scored) + 1) + "|"]
    for name, result in results.items():
        told = paper.get(name, (None,) * len(scored))
        shown = [
            (f"{result['f1'][str(cell)]:.2f}" if str(cell) in result["f1"] else "")
            + (f" ({theirs:.2f})" if theirs is not None else "")
            for cell, theirs in zip(scored, told, strict=True)
        ]
        lines.append(f"| {name} | " + " | ".join(shown) + " |")
    return "\n".join(lines)


def fine_tuned(ex: Experiment, organelle: str, cells: tuple[int, ...], target: int, minutes: float) -> dict[str, float]:
    """F1 on ``target`` of the model of ``cells``: before, fine-tuned to it, and trained on its labels alone."""
    row = Row(name="", cells=cells)
    output = place_of(ex, organelle, row) / f"to-{target}-{minutes:g}min"
    file = output / "result.json"
    if file.exists():
        known: dict[str, float] = json.loads(file.read_text())
        return known
    model = trained_package(ex, organelle, row)
    recipe, network, _ = trained(ex, organelle, row)
    (block, *_) = some(ex.cells, (target,), "fine-tuning", organelle, recipe.voxel_size_nm[0])
    roi = [Box.parse(block["roi"])] if "roi" in block else []
    tuned = finetune(
        ex.folder / block["raw"], ex.folder / block["labels"], organelle=organelle, model=model, rois=roi,
        minutes=minutes, from_scratch=True, keep=True, seed=ex.seed, output=output, registry=ex.registry,
    )  # fmt: skip
    weights = {TUNED: output / WEIGHTS, UNTAUGHT: output / SCRATCH / WEIGHTS}
    found = {"before": score(ex, recipe, network, [target])[str(target)], "iterations": tuned.training.iterations}
    for name, path in weights.items():
        found[name] = score(ex, recipe, load_rounded(path, base=recipe.base), [target])[str(target)]
    file.write_text(json.dumps(found, indent=2))
    return found


def make_fine_tuning(ex: Experiment, organelle: str, minutes: float) -> str:
    """Table S10: every naive cell, from the model of its fixation; in Markdown."""
    lines = [
        f"| {organelle}, S10: from, to | before | fine-tuned | from scratch | iterations | paper: before, after |",
        "|---" * 6 + "|",
    ]
    for cells, targets in NAIVE.items():
        for target in targets:
            found = fine_tuned(ex, organelle, cells, target, minutes)
            told = FINE_TUNED[organelle][target]
            paper = "" if told is None else f"{told[0]:.2f}, {told[1]:.2f}"
            f1 = " | ".join(f"{found[name]:.2f}" for name in ("before", TUNED, UNTAUGHT))
            pair = f"{'+'.join(map(str, cells))}, {ex.cells.name(target)}"
            lines.append(f"| {pair} | {f1} | {found['iterations']:.0f} | {paper} |")
            print(lines[-1], flush=True)
    return "\n".join(lines) + f"\n\n{minutes:g} minutes each, and as many iterations from scratch."


def make_few(ex: Experiment) -> str:
    """A handful of annotated pits and pores, with the zoo's models, which saw all of them, beside; in Markdown."""
    folder = ex.folder
    for choice in CHOICES:
        cell, _, part = choice.volume.rpartition("-")
        simulate_part(folder, cell, part)
    write_masks(folder, seed=ex.seed)
    lines = [f"| few annotations | {' | '.join(FEW_SCORED)} |", "|---" * (len(FEW_SCORED) + 1) + "|"]
    for organelle in ("ccp", "pore"):
        few = load_recipe(EXPERIMENTS / f"{organelle}_10nm_few.yaml")
        weights = train(few, folder / organelle / "few", data_folder=folder, registry=ex.registry).weights
        model = ex.registry.organelles[organelle].default_model
        for name, network in (
            ("few", load_rounded(weights, base=few.base)),
            (f"{model}, all", network_of(f"{model}", ex.registry)),
        ):
            found = _few_scores(ex, few, network)
            lines.append(f"| {organelle}, {name} | {' | '.join(f'{found[volume]:.2f}' for volume in FEW_SCORED)} |")
            print(lines[-1], flush=True)
    return "\n".join(lines)


def _few_scores(ex: Experiment, recipe: Recipe, network: UNet) -> dict[str, float]:
    held = []
    for volume in FEW_SCORED:
        cell, _, part = volume.rpartition("-")
        path = simulate_part(ex.folder, cell, part)
        held.append(Data(name=volume, raw=path, labels=path))
    return judged(ex, recipe, network, held)


def main() -> None:
    """Run what is missing of a table, and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", choices=[*TABLES, "S10", "few"])
    parser.add_argument("folder", type=Path, help="volumes (made or fetched where they are missing), runs, results")
    parser.add_argument("--cells", choices=["simulated", "asem"], default="simulated")
    parser.add_argument("--from", dest="source", help="folder or address of the paper's cells, if not the bucket")
    parser.add_argument("--organelles", nargs="+", default=["mito", "er"], choices=["mito", "er"])
    parser.add_argument("--rows", nargs="+", help="of the table; by default all")
    parser.add_argument("--iterations", nargs=2, type=int, default=[120, 60], metavar=("OWN", "FROZEN"))
    parser.add_argument("--minutes", type=float, default=5.0, help="of each fine-tuning")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    if args.table == "few" and args.cells == "asem":
        parser.error("few is of simulated cells: where the paper's annotated pits and pores lie is not published")
    known = [row.name for row in TABLES[args.table].rows] if args.table in TABLES else []
    unknown = [name for name in args.rows or () if name not in known]
    if unknown:
        there = ", ".join(known) or "none to choose from"
        parser.error(f"{args.table} has no row {', '.join(unknown)}; it has: {there}")
    registry = make_registry()
    cells: Cells = Simulated(folder=args.folder)
    if args.cells == "asem":
        cells = Published(folder=args.folder, registry=registry, source=args.source)
    own, fixed = args.iterations
    ex = Experiment(folder=args.folder, cells=cells, registry=registry, iterations=(own, fixed), seed=args.seed)
    if args.table == "few":
        made = [make_few(ex)]
    elif args.table == "S10":
        made = [make_fine_tuning(ex, organelle, args.minutes) for organelle in args.organelles]
    else:
        made = [make_table(ex, args.table, organelle, args.rows) for organelle in args.organelles]
    print("\n" + "\n\n".join(made))
    print("\nF1 with the exclusion zone; in brackets the paper's, on its own cells.")


if __name__ == "__main__":
    main()
