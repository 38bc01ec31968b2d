"""Overhead of a cluster: blocks per second through driver, scheduler and journal, where a block does nothing.

    python tests/benchmarks/cluster.py [--blocks 5000] [--workers 2]

A sweep of blocks that return a digest and write nothing, by threads of this process and by Dask workers. Driver,
scheduler and workers share this machine, so what Dask gives is a lower bound. Prints blocks per second, of the clock
and of the driver's processor time (its scheduler's included), the most tasks that the scheduler held, and the size of
the journal.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from asem_core.blocks import journal
from asem_core.blocks.executors import Task, running_on
from asem_core.blocks.fill import Run
from asem_core.cluster import Dask, connect


def nothing(number: int, _: None) -> dict[str, str]:
    """The digest of a piece that is not there."""
    return {f"0/{number}": f"{number:032x}"}


def most_tasks(dask: Dask, seen: list[int]) -> None:
    """Note how many tasks the scheduler holds."""
    assert dask.client.cluster is not None
    seen.append(len(dask.client.cluster.scheduler.tasks))


def measure(blocks: int, dask: Dask | None) -> str:
    """A sweep of ``blocks`` blocks, in a line."""
    seen: list[int] = []

    def progress(sweep: str, done: int, total: int) -> None:
        if dask is not None and done % 50 == 0:
            most_tasks(dask, seen)

    with tempfile.TemporaryDirectory() as name, running_on(dask) if dask is not None else nullcontext():
        folder = Path(name)
        head = journal.Head(verb="benchmark", command="", fingerprint="", settings={})
        run = Run(output=None, scratch=folder, progress=progress, journal=journal.start(folder / "out", head))
        began, began_cpu = time.perf_counter(), time.process_time()
        run.sweep("nothing", range(blocks), Task(write=nothing))
        seconds, cpu = time.perf_counter() - began, time.process_time() - began_cpu
        size = journal.journal_path(folder / "out").stat().st_size
    held = f", at most {max(seen)} tasks with the scheduler" if seen else ""
    return (
        f"{blocks / seconds:.0f} blocks/s, {blocks / cpu:.0f} per second of the driver's processor time, "
        f"journal {size / blocks:.0f} bytes a block{held}"
    )


@contextmanager
def workers(count: int) -> Iterator[Dask]:
    """``local:count``, its functions sent by value: workers do not find this file."""
    import sys

    import cloudpickle

    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    with connect(f"local:{count}") as found:
        yield found


def main(given: Any = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--blocks", type=int, default=5000)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args(given)
    print(f"threads: {measure(args.blocks, None)}")
    with workers(args.workers) as dask:
        measure(200, dask)
        print(f"{args.workers} workers: {measure(args.blocks, dask)}")


if __name__ == "__main__":
    main()
