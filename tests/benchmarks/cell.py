"""A whole simulated volume of 5 nm: minutes, peak memory and share of the bare session, at two sizes 8 times apart.

    python tests/benchmarks/cell.py [--sides 500 1000] [--folder KEEP] [--preset cf] [--precision auto] [--json FILE]

A cube of a cell is simulated once (1000^3 voxels take 1 GB of disk or less, and a while: `simulate.py`), then
segmented by the command ``asem segment`` in a process of its own with mito-10nm and all defaults; the bare session
runs the same tile alone. Cost should grow with the volume, memory should not. With --folder all of it is resumable:
volumes and rows that are there are taken, and a segmentation that was stopped goes on, but its seconds are then those
of its last part, which is said.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
from _process import run_asem
from _rows import Row, in_process, kept
from _volumes import MODEL, SEED, simulated

VOXEL_NM = 5.0


def bare(raw: Path, precision: str) -> Row:
    """Seconds of the tile that ``raw`` gets, alone, and how many of them it takes."""
    from asem_core import make_registry, open_volume
    from asem_core.models.own import open_own
    from asem_core.predict import plan as planning
    from asem_core.zoo.find import model_named

    registry = make_registry()
    plan = planning.make_plan(
        open_volume(raw, registry=registry),
        raw.with_name(f"{raw.stem}_bare.zarr"),
        organelle=registry.organelles["mito"],
        model=open_own(model_named(MODEL, registry=registry).spec, registry=registry),
        registry=registry,
        settings=planning.Settings(precision=precision),
        mask=None,
        overwrite=False,
    )
    session = planning.plan_session(plan, registry)
    tile = np.random.default_rng(SEED).random((1, 1, *plan.lattice.side), np.float32)
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        session.run(tile)
        seconds.append(time.perf_counter() - began)
    return {
        "seconds": len(plan.tiles) * statistics.median(seconds[1:]), "tiles": len(plan.tiles),
        "tile": list(plan.lattice.side), "runtime": f"{session.runtime} {session.precision}",
    }  # fmt: skip


def segmented(raw: Path, precision: str) -> Row:
    """The command, from its start to its end."""
    output = raw.with_name(f"{raw.stem}_{precision}.zarr")
    words = ["segment", str(raw), "--organelle", "mito", "--model", MODEL, "--precision", precision, "-o", str(output)]
    gone_on = output.exists()
    return {**in_process(__file__, "--asem", *words), "gone_on": gone_on}


def line(side: int, whole: Row, alone: Row) -> str:
    """Of the table."""
    if "error" in {**whole, **alone}:
        return f"| {side}^3 | {whole.get('error', alone.get('error'))} |"
    note = f"{alone['runtime']}, {alone['tiles']} tiles of {' x '.join(map(str, alone['tile']))}"
    return (
        f"| {side}^3 | {whole['seconds'] / 60:.1f} | {whole['cpu_seconds'] / 60:.1f} "
        f"| {side**3 / whole['seconds'] / 1e6:.2f} | {whole['peak_bytes'] / 1e9:.2f} "
        f"| {alone['seconds'] / whole['seconds']:.2f} | {note}{', gone on with' if whole['gone_on'] else ''} |"
    )


def main() -> None:
    """Measure what is not measured yet, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sides", type=int, nargs="+", default=[500, 1000], help="of the volumes, voxels")
    parser.add_argument("--folder", type=Path, help="keeps volumes, results and rows")
    parser.add_argument("--preset", default="cf", help="of asem simulate: cf, hpfs, tissue")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--asem", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    parser.add_argument("--bare", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.asem:
        run_asem(args.asem)
        return
    if args.bare:
        print(json.dumps(bare(args.bare, args.precision)))
        return
    print("| voxels | minutes | of the processors | million voxels/s | peak GB | share of the bare session | |")
    print("|---|---|---|---|---|---|---|")
    found: dict[str, dict[str, Row]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = args.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        for side in args.sides:
            raw = simulated(folder / f"cell_{side}.zarr", (side,) * 3, voxel_nm=VOXEL_NM, preset=args.preset)
            name, words = f"{side} {args.precision}", ["--bare", raw, "--precision", args.precision]
            alone = kept(folder, f"bare {name}", partial(in_process, __file__, *words))
            whole = kept(folder, f"segmented {name}", partial(segmented, raw, args.precision))
            found[str(side)] = {"bare": alone, "segmented": whole}
            print(line(side, whole, alone), flush=True)
    if args.json:
        args.json.write_text(json.dumps(found, indent=2))
    sys.exit(any("error" in row for rows in found.values() for row in rows.values()))


if __name__ == "__main__":
    main()
