"""Speed, memory and F1 of prediction: the published way, plain onnxruntime, and ours in every precision, in one run.

    python tests/benchmarks/predict.py [--quick] [--folder KEEP] [--data FOLDER] [--json FILE]

- one tile, or the published block, with a network of 32 features that is held in memory: nothing is read or written;
- end to end, `asem_core.segment` with mito-10nm, which is such a network, of noise on its own grid, and of noise of
  half its voxel size, which is resampled to its grid and back;
- F1 of mito-10nm in every precision, on the part of the EPFL volume that it was not trained on (x 0..287; left out,
  with a note, where the volume is not there) and on simulated tissue.

Every row runs in a process of its own, so that its peak memory is its own. Precisions are those that processor and
model have.
Ratios are to the published way, which has one speed: what it reads and writes takes hardly any of its time. With
--folder rows are kept, and a second call goes on.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from _process import peak_bytes
from _rows import Row, in_process, kept
from _volumes import COMPACT, DATA, EPFL, MODEL, SEED, SMALL, epfl, noise, score, simulated

PUBLISHED_SIDE, PUBLISHED_STRIDE = 204, 110
BASE = "published way"


def timed(run: Callable[[], object], repeats: int) -> float:
    """Median seconds of ``repeats`` runs after one that is not counted."""
    run()
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def published(repeats: int, quick: bool) -> Row:
    """Torch, fp32, blocks of 204 -> 110, stride 110; a smaller block where it must be quick."""
    import torch

    from asem_core.network import CONTEXT
    from asem_core.training.unet import UNet

    torch.manual_seed(SEED)
    network = UNet(32).eval()
    side = 100 if quick else PUBLISHED_SIDE
    block = torch.rand(1, 1, *[side] * 3)
    with torch.no_grad():
        seconds = timed(lambda: torch.softmax(network(block), dim=1), repeats)
    kept_side = side - CONTEXT if quick else PUBLISHED_STRIDE
    return {"seconds": seconds, "voxels": kept_side**3, "note": f"torch fp32, {side} -> {kept_side}"}


def plain_onnxruntime(repeats: int, quick: bool) -> Row:
    """The package's graph in onnxruntime with its defaults, blocks of the same size."""
    import onnxruntime as ort

    from asem_core.network import TILE_HALO

    graph = _model().onnx
    session = ort.InferenceSession(str(graph), providers=["CPUExecutionProvider"])
    side = 112 if quick else PUBLISHED_SIDE + 4
    block = {session.get_inputs()[0].name: np.zeros((1, 1, side, side, side), np.float32)}
    kept_side = side - 2 * TILE_HALO if quick else PUBLISHED_STRIDE
    seconds = timed(lambda: session.run(None, block), repeats)
    return {"seconds": seconds, "voxels": kept_side**3, "note": f"onnxruntime fp32, {side} -> {kept_side}"}


def bare(precision: str, folder: Path, repeats: int) -> Row:
    """Our session, alone, on the tile that the volume of noise gets."""
    from asem_core import make_registry, open_volume
    from asem_core.predict import plan as planning

    registry = make_registry()
    plan = planning.make_plan(
        open_volume(folder / "raw_10nm.zarr", registry=registry),
        folder / "bare.zarr",
        organelle=registry.organelles["mito"],
        model=_model(registry),
        registry=registry,
        settings=planning.Settings(precision=precision, runtime="openvino"),
        mask=None,
        overwrite=False,
    )
    session = planning.plan_session(plan, registry)
    block = np.random.default_rng(SEED).random((1, 1, *plan.lattice.side), np.float32)
    return {
        "seconds": timed(lambda: session.run(block), repeats),
        "voxels": math.prod(plan.lattice.keep),
        "note": f"{session.runtime} {precision}, {_tile(plan.lattice.side)} keeps {_tile(plan.lattice.keep)}",
    }


def end_to_end(precision: str, folder: Path, voxel_nm: int, model: str) -> Row:
    """Read, predict, write, verify."""
    from asem_core import segment

    raw, output = folder / f"raw_{voxel_nm}nm.zarr", folder / f"{model}_{voxel_nm}nm_{precision}.zarr"
    made = segment(raw, output, organelle="mito", model=model, precision=precision, runtime="openvino", overwrite=True)
    return {"seconds": made.seconds, "voxels": made.voxels, "note": f"{made.runtime} {precision}, {_tile(made.tile)}"}


def worth(precision: str, folder: Path, volume: str) -> Row:
    """F1."""
    raw = folder / f"{volume}_raw.zarr" if volume == "epfl" else folder / f"{volume}.zarr"
    labels = folder / f"{volume}_labels.zarr" if volume == "epfl" else raw
    return score(raw, labels, folder / f"{volume}_{precision}.zarr", precision=precision, runtime="openvino")


def _model(registry: Any = None, *, name: str = MODEL) -> Any:
    from asem_core import make_registry
    from asem_core.models.own import open_own
    from asem_core.zoo.find import model_named

    registry = registry or make_registry()
    return open_own(model_named(name, registry=registry).spec, registry=registry)


def _tile(side: Any) -> str:
    return " x ".join(map(str, side))


def offered(model: str) -> list[str]:
    """Precisions that this processor and ``model`` have, the most exact first."""
    from asem_core.models.runtimes.openvino_runtime import probe

    can = probe()
    if isinstance(can, str):
        sys.exit(can)
    has_int8 = _model(name=model).int8 is not None
    return [each.name for each in can.precisions if has_int8 or not each.quantised][::-1]


def prepare(folder: Path, data: Path, quick: bool) -> list[str]:
    """The volumes; which of them can be scored."""
    noise(folder / "raw_10nm.zarr", (32, 48, 48) if quick else (512, 512, 384), voxel_nm=10)
    noise(folder / "raw_5nm.zarr", (64, 64, 64) if quick else (165, 768, 1024), voxel_nm=5)
    simulated(folder / "simulated.zarr", (24, 48, 48) if quick else (96, 256, 256), voxel_nm=10)
    there = epfl(folder, data=data, roi=SMALL if quick else EPFL)
    return ["simulated", *(["epfl"] if there else [])]


def rows(scored: list[str]) -> dict[str, tuple[str, ...]]:
    """Titles, and the words that make them."""
    precisions = offered(MODEL)
    return {
        BASE: ("published",),
        "plain onnxruntime": ("plain",),
        **{f"ours, bare session, {p}": ("bare", p) for p in precisions},
        **{f"ours, end to end, {p}": ("end", p, "10", MODEL) for p in precisions},
        **{f"{MODEL}, two-fold finer input, {p}": ("end", p, "5", MODEL) for p in precisions},
        **{f"{COMPACT}, two-fold finer input, {p}": ("end", p, "5", COMPACT) for p in offered(COMPACT)},
        **{f"F1, {volume}, {p}": ("worth", p, volume) for volume in scored for p in precisions},
    }


def run_row(words: list[str], folder: Path, quick: bool) -> Row:
    """One row, here."""
    repeats = 1 if quick else 3
    kind, *rest = words
    made = {
        "published": lambda: published(repeats, quick),
        "plain": lambda: plain_onnxruntime(repeats, quick),
        "bare": lambda: bare(rest[0], folder, repeats),
        "end": lambda: end_to_end(rest[0], folder, int(rest[1]), rest[2]),
        "worth": lambda: worth(rest[0], folder, rest[1]),
    }[kind]()
    return {**made, "peak_bytes": peak_bytes()}


def cpu() -> str:
    """Name of the processor and the instructions that matter here."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor()
    name = next((line.split(":")[1].strip() for line in text.splitlines() if line.startswith("model name")), "?")
    flags = next((line.split() for line in text.splitlines() if line.startswith("flags")), [])
    known = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_bf16", "amx_int8")
    return f"{name}; " + ", ".join(f for f in known if f in flags)


def line(title: str, row: Row, base: Row) -> str:
    """Of the table."""
    if "error" in row:
        return f"| {title} | | | | {row['error'].splitlines()[-1]} |"
    if "f1_with_zone" in row:
        f1 = f"{row['f1_with_zone']:.4f} / {row['f1_without_zone']:.4f}"
        return f"| {title} | {f1} | | | with / without the zone; {row['runtime']}, {row['seconds']:.1f} s |"
    speed = row["voxels"] / row["seconds"]
    ratio = speed / (base["voxels"] / base["seconds"]) if "seconds" in base else math.nan
    return f"| {title} | {speed / 1e6:.3f} | {ratio:.2f} | {row['peak_bytes'] / 1e9:.2f} | {row['note']} |"


def main() -> None:
    """Run every row in its own process and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the smallest volumes, one repeat: to see that it runs")
    parser.add_argument("--folder", type=Path, help="keeps volumes and rows")
    parser.add_argument("--data", type=Path, default=DATA, help="holds epfl_hippocampus; by default $ASEM_DATA")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--row", nargs="+", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.row:
        print(json.dumps(run_row(args.row, args.folder, args.quick)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = args.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        scored = prepare(folder, args.data, args.quick)
        if "epfl" not in scored:
            print(f"{args.data / 'epfl_hippocampus'} is not there: its rows are left out (--data)", file=sys.stderr)
        print(cpu() + "\n\n| | million voxels/s, or F1 | ratio | peak GB | |\n|---|---|---|---|---|")
        found: dict[str, Row] = {}
        for title, words in rows(scored).items():
            command = ["--row", *words, "--folder", folder, *(["--quick"] if args.quick else [])]
            found[title] = kept(folder / "rows", title, partial(in_process, __file__, *command))
            print(line(title, found[title], found[BASE]), flush=True)
    for precision in offered(MODEL):
        whole, alone = (found[f"ours, {what}, {precision}"] for what in ("end to end", "bare session"))
        if "error" not in {**whole, **alone}:
            share = whole["voxels"] / whole["seconds"] * alone["seconds"] / alone["voxels"]
            print(f"{precision}: end to end / bare session {share:.3f}")
    if args.json:
        args.json.write_text(json.dumps({"cpu": cpu(), "rows": found}, indent=2))
    wrong = [title for title, row in found.items() if "error" in row]
    sys.exit(f"failed: {', '.join(wrong)}" if wrong else 0)


if __name__ == "__main__":
    main()
