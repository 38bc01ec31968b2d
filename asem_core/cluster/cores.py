"""Several workers on one machine, each with processors of its own. Imports Dask: import this inside functions."""

from __future__ import annotations

import os

from distributed import Worker, WorkerPlugin


class OwnCores(WorkerPlugin):
    """Gives each of ``workers`` workers, which are named 0, 1, 2 ..., its share of the processors.

    A session then takes as many threads as its worker has processors, and two do not take them from each other. Only
    Linux can do that.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers

    def setup(self, worker: Worker) -> None:
        """Called in every worker, also in one that takes the place of a dead one."""
        if not hasattr(os, "sched_setaffinity"):
            return
        cores = sorted(os.sched_getaffinity(0))
        number = int(worker.name)
        own = cores[number * len(cores) // self._workers : (number + 1) * len(cores) // self._workers]
        # Threads that are begun later inherit it.
        os.sched_setaffinity(0, own or [cores[number % len(cores)]])
