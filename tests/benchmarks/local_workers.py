"""Two Dask workers of one thread beside one pipeline of two: mito-10nm, the same tiles, in turns.

    python tests/benchmarks/local_workers.py [--pairs 3] [--shape 288,288,576] [--tile 200] [--precision auto]

Every run is a process of its own that segments noise on the model's grid. What is printed: seconds on the clock and of
the processor (user and system, of all processes), for the whole command and for its tiles but the first four, by which
all sessions are open, and the median over the pairs of the pipeline's by the workers'. What a command spends beside
its tiles does not grow with the volume. Where other programs want the processors too, the clock says little. That both
wrote the same bytes is checked. The pipeline is about a tile ahead when the fourth is written: there should be many.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path

from _volumes import MODEL, noise

from asem_core.geometry import triple

WAYS = {"pipeline": None, "workers": "local:2"}
OPEN = 4
"""Tiles after which every session is open."""
SECONDS = ("tiles", "tiles, processor", "whole", "whole, processor")


def segment_once(args: argparse.Namespace) -> None:
    """One run, here; prints the seconds of its tiles, on the clock and of the processor."""
    from asem_core import segment
    from asem_core.cluster import connect

    at: list[tuple[float, float]] = []
    where = WAYS[args.way]
    with connect(where) if where else nullcontext() as executor:

        def progress(sweep: str, done: int, total: int) -> None:
            if sweep == "predict" and done in (OPEN, total):
                theirs = executor.client.run(time.process_time).values() if executor is not None else ()
                at.append((time.perf_counter(), time.process_time() + sum(theirs)))

        segment(
            args.folder / "raw.zarr",
            args.folder / args.way,
            organelle="mito",
            model=MODEL,
            precision=args.precision,
            tile=args.tile,
            workers=None if where else 2,
            overwrite=True,
            executor=executor,
            progress=progress,
        )
    (began, began_cpu), (ended, ended_cpu) = at
    print(json.dumps({"tiles": ended - began, "tiles, processor": ended_cpu - began_cpu}))


def timed(way: str, folder: Path, args: argparse.Namespace) -> dict[str, float]:
    """One run in a process of its own."""
    words = ["--way", way, "--folder", str(folder), "--tile", str(args.tile), "--precision", args.precision]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    run = subprocess.run([sys.executable, __file__, *words], stdout=subprocess.PIPE, text=True, check=True)
    whole, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {**json.loads(run.stdout), "whole": whole, "whole, processor": spent}


def told(title: str, figures: Mapping[str, float]) -> str:
    """A line."""
    return f"{title}: " + "; ".join(f"{what} {figures[what]:.2f}" for what in SECONDS)


def digest(folder: Path) -> str:
    """Of all chunks of an output."""
    found = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".z")):
        found.update(str(path.relative_to(folder)).encode() + path.read_bytes())
    return found.hexdigest()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--shape", default="288,288,576")
    parser.add_argument("--tile", type=int, default=200)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--way", choices=list(WAYS), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.way:
        segment_once(args)
        return
    if len(os.sched_getaffinity(0)) != 2:
        sys.exit("two processors are wanted, neither more nor less: taskset -c 0,1 python ...")
    ratios: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        noise(folder / "raw.zarr", triple([int(n) for n in args.shape.split(",")]), voxel_nm=10)
        for pair in range(args.pairs):
            order = list(WAYS)[:: -1 if pair % 2 else 1]
            found = {way: timed(way, folder, args) for way in order}
            assert digest(folder / "pipeline") == digest(folder / "workers")
            ratios.append({what: found["pipeline"][what] / found["workers"][what] for what in SECONDS})
            for way in WAYS:
                print(told(way, found[way]), flush=True)
    print(told("median of pipeline / workers", {k: statistics.median(r[k] for r in ratios) for k in SECONDS}))


if __name__ == "__main__":
    main()
