"""What a run of any size costs beside its networks: journal, driver's memory, scheduler, files; to 10^13 voxels.

    python tests/benchmarks/scale.py [--blocks 100000] [--tasks 1000000] [--minutes 60]

Measured with a network that does nothing: a sweep of tiles whose records have as many pieces as those of real ones, the
journal read again, the digests of files of usual size, a sweep through a Dask scheduler, which after so many minutes
ends where it is. The table counts blocks and
files of `asem segment` on a cube of the model's own grid, with tiles that keep 192 voxels a side, and multiplies.
Times are those of the processor, user and system; the driver's include its scheduler's. What is beyond the blocks and
tasks that were run is extrapolated, linearly: all of it is a loop over blocks or pieces.
"""

from __future__ import annotations

import argparse
import gc
import math
import os
import secrets
import tempfile
import time
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from cluster import nothing, workers

from asem_core.blocks import journal
from asem_core.blocks.executors import Task, running_on
from asem_core.blocks.fill import Run
from asem_core.cluster import Dask
from asem_core.geometry import Box
from asem_core.volume.pieces import digests
from asem_core.volume.pyramid import level_shapes

KEPT, SIDE, CHUNK = 192, 296, 64
"""Voxels a side: what a tile keeps, what it reads, and a chunk of in- and output."""
ARRAYS = ("", "labels/mito/")
"""Of an output: the probability map and the segmentation."""
FILE_BYTES = 60_000
"""Of a chunk, about, as zstd leaves a probability map."""


@attrs.frozen(kw_only=True)
class Unit:
    """What one of something costs."""

    piece_bytes: float
    """Of the journal, per piece."""
    piece_memory: float
    """Of the driver, per piece."""
    record_seconds: float
    """Until a tile's record is written."""
    load_seconds: float
    """Until a record is read again, per piece."""
    digest_seconds: float
    """Of a file that is compared with its digest."""
    task_seconds: float
    """Of driver and scheduler, per task."""


def pieces(box: Box) -> dict[str, str]:
    """Digests such as a tile's: one for every chunk of every array."""
    chunks = product(*(range(a // CHUNK, -(-b // CHUNK)) for a, b in zip(box.start, box.stop, strict=True)))
    names = ["/".join(map(str, chunk)) for chunk in chunks]
    return {f"{array}0/{name}": secrets.token_hex(16) for array in ARRAYS for name in names}


def resident() -> int:
    """Bytes of memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def measure_journal(blocks: int) -> dict[str, float]:
    """A sweep of ``blocks`` tiles by threads, and its journal read again."""
    side = KEPT * math.ceil(blocks ** (1 / 3))
    boxes = list(Box.of_shape((side, side, side)).tiles((KEPT,) * 3))[:blocks]
    with tempfile.TemporaryDirectory() as name:
        out = Path(name) / "out"
        head = journal.Head(verb="benchmark", command="", fingerprint="", settings={})
        run = Run(output=None, scratch=Path(name), progress=lambda *_: None, journal=journal.start(out, head))
        began = time.process_time()
        run.sweep("predict", boxes, Task(write=lambda box, _: pieces(box)))
        wrote = time.process_time() - began
        size = journal.journal_path(out).stat().st_size
        print(f"{blocks:,} tiles: {wrote:.0f} s, a journal of {size / 1e6:.0f} MB", flush=True)
        del run
        gc.collect()
        before, began = resident(), time.process_time()
        found = journal.load(out)
        assert found is not None
        assert len(found.done("predict")) == blocks
        count = sum(len(record.pieces) for record in found.of("predict"))
        return {
            "piece_bytes": size / count,
            "piece_memory": (resident() - before) / count,
            "record_seconds": wrote / blocks,
            "load_seconds": (time.process_time() - began) / count,
        }


def measure_digests(files: int = 2000) -> float:
    """Seconds of the processor for a file."""
    with tempfile.TemporaryDirectory() as name:
        for number in range(files):
            (Path(name) / str(number)).write_bytes(np.random.default_rng(number).bytes(FILE_BYTES))
        began = time.process_time()
        digests(Path(name), map(str, range(files)))
        return (time.process_time() - began) / files


class Enough(Exception):  # noqa: N818  it is no error
    """So many minutes were given."""


def measure_scheduler(tasks: int, dask: Dask, *, minutes: float) -> float:
    """Seconds of the driver, its scheduler included, for a task; prints how they and what they hold grow."""
    assert dask.client.cluster is not None
    known = dask.client.cluster.scheduler.tasks
    most = done_by_now = 0
    before, began, began_cpu = resident(), time.perf_counter(), time.process_time()

    def progress(sweep: str, done: int, total: int) -> None:
        nonlocal most, done_by_now
        if done % 100 == 0:
            most, done_by_now = max(most, len(known)), done
        seconds, passed = time.process_time() - began_cpu, time.perf_counter() - began
        enough = passed > 60 * minutes
        if done and (done == total or enough or done in (10**3, 10**4, 10**5, 10**6)):
            worker = max(dask.client.run(resident).values())
            print(
                f"{done:,} tasks: {1e3 * seconds / done:.2f} ms of driver and scheduler each, "
                f"{done / passed:.0f} a second, at most {most} with the scheduler, "
                f"driver and scheduler grew by {(resident() - before) / 1e6:.0f} MB, the worker has {worker / 1e6:.0f}",
                flush=True,
            )
        if enough:
            raise Enough

    with tempfile.TemporaryDirectory() as name, running_on(dask):
        out = Path(name) / "out"
        started = journal.start(out, journal.Head(verb="benchmark", command="", fingerprint="", settings={}))
        run = Run(output=None, scratch=Path(name), progress=progress, journal=started)
        with suppress(Enough):
            run.sweep("nothing", range(tasks), Task(write=nothing))
        found = (time.process_time() - began_cpu) / max(1, done_by_now)
        again = time.process_time()
        read = journal.load(out)
        assert read is not None
        print(f"{len(read.records):,} records are read again in {time.process_time() - again:.1f} s")
    return found


def table(unit: Unit) -> str:
    """A row for each size of volume."""
    head = (
        "voxels",
        "tiles",
        "tasks",
        "files",
        "output GB",
        "reads",
        "journal GB",
        "driver GB",
        "scheduler h",
        "resume h",
    )
    rows = [head]
    for power in range(9, 14):
        side = round(10 ** (power / 3))
        tiles = math.ceil(side / KEPT) ** 3
        levels = [math.prod(math.ceil(n / CHUNK) for n in shape) for shape in level_shapes((side,) * 3)]
        files = len(ARRAYS) * sum(levels)
        tasks = tiles + len(ARRAYS) * sum(levels[1:])
        reads = tiles * (SIDE // CHUNK + 1) ** 3
        resume = files * (unit.load_seconds + unit.digest_seconds)
        cells = (
            files * unit.piece_bytes / 1e9, files * unit.piece_memory / 1e9,
            tasks * unit.task_seconds / 3600, resume / 3600,
        )  # fmt: skip
        least = side**3 * len(ARRAYS) * 8 / 7 / 1e9
        rows.append((f"10^{power}", *(f"{n:,}" for n in (tiles, tasks, files)), f"{least:,.0f}", f"{reads:,}",
                     *(f"{cell:.2g}" for cell in cells)))  # fmt: skip
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def main(given: Any = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--blocks", type=int, default=100_000)
    parser.add_argument("--tasks", type=int, default=1_000_000)
    parser.add_argument("--minutes", type=float, default=60)
    args = parser.parse_args(given)
    with workers(1) as dask:
        measure_scheduler(200, dask, minutes=args.minutes)
        task_seconds = measure_scheduler(args.tasks, dask, minutes=args.minutes)
    found = measure_journal(args.blocks)
    unit = Unit(**found, digest_seconds=measure_digests(), task_seconds=task_seconds)
    for name, value in attrs.asdict(unit).items():
        print(f"{name}: {value:.3g}")
    print(table(unit))


if __name__ == "__main__":
    main()
