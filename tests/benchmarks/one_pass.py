"""What it saves to segment several organelles in one pass: two runs against one, their networks left out.

    python tests/benchmarks/one_pass.py [--side 384] [--rounds 2] [--rows TEXT ...]

The volumes and the runtime of path.py: the graphs of mito-10nm and er-10nm are never run, so what is measured is
reading, copying, resampling and writing. In every round mito, then er, then both together with the same tile. Seconds
are those of the processor, of all threads, from plan to verification, the least of the rounds; files are openings of
those of the input from the first sweep on.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import importlib_metadata
import numpy as np
from path import ROWS, RUNTIME, Nothing, make

from asem_core import Registry, open_volume, segment_together
from asem_core.plugins import make_manager
from asem_core.predict.segment import Wanted

ORGANELLES = ("mito", "er")
TILE = 296
KINDS = (
    "OME-Zarr, 10 nm",
    "OME-Zarr, 5 -> 10 nm and back",
    "TIFF sections, 10 nm",
    "TIFF sections, 5 -> 10 nm and back",
)

opened: list[int] = []
"""Bytes of every file of an input that was opened."""


def watch(event: str, about: tuple[Any, ...]) -> None:
    """Note what is opened of an input: of `make`, in ``raw``."""
    if event == "open" and "/raw/" in str(about[0]) and os.path.exists(about[0]):
        opened.append(os.stat(about[0]).st_size)


def cost(kind: str, source: Path, organelles: Sequence[str], registry: Registry) -> tuple[float, int, int]:
    """Seconds, files and bytes of one run."""
    volume = open_volume(source, voxel_size=(ROWS[kind].voxel_nm,) * 3, registry=registry)
    sweeps: list[str] = []

    def progress(sweep: str, done: int, total: int) -> None:
        if not sweeps:
            opened.clear()
        sweeps.append(sweep)

    with tempfile.TemporaryDirectory() as name:
        wanted = [Wanted(output=Path(name) / f"{each}.zarr", model=f"{each}-10nm") for each in organelles]
        began = time.process_time()
        segment_together(volume, wanted, registry=registry, runtime=RUNTIME, tile=TILE, progress=progress)
        return time.process_time() - began, len(opened), sum(opened)


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=384, help="of the volume, voxels")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--rows", nargs="*", default=[""], help="only kinds whose names hold one of these")
    args = parser.parse_args()
    point = SimpleNamespace(name=RUNTIME, load=Nothing, dist=SimpleNamespace(name=RUNTIME, version="1"))
    registry = Registry(make_manager([*importlib_metadata.entry_points(group="asem"), point]))
    sys.addaudithook(watch)
    print("| | two runs, s | one pass, s | two runs, files (MB) | one pass, files (MB) |\n|---|---|---|---|---|")
    for kind in (kind for kind in KINDS if any(part in kind for part in args.rows)):
        with tempfile.TemporaryDirectory() as name:
            source = make(Path(name), ROWS[kind], args.side)
            rounds = []
            for _ in range(args.rounds):
                alone = [cost(kind, source, (each,), registry) for each in ORGANELLES]
                rounds.append((np.sum(alone, axis=0), cost(kind, source, ORGANELLES, registry)))
        two, one = np.min(rounds, axis=0)
        read = [f"{found[1]:.0f} ({found[2] / 1e6:.0f})" for found in (two, one)]
        print(f"| {kind} | {two[0]:.1f} | {one[0]:.1f} | {' | '.join(read)} |", flush=True)


if __name__ == "__main__":
    main()
