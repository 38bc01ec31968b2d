"""Workers on one machine, each with processors and a GPU of its own. Imports Dask: import this inside functions."""

from __future__ import annotations

import os
from collections.abc import Sequence

from distributed import Worker, WorkerPlugin


class OwnDevices(WorkerPlugin):
    """Gives each of ``workers`` workers, which are named 0, 1, 2 ..., its share of the processors, and a GPU.

    A session then takes as many threads as its worker has processors, and two do not take them from each other. Only
    Linux can do that. The first workers get one of ``gpus`` each, and state it as the resource ``GPU``; the others see
    none.
    """

    def __init__(self, workers: int, gpus: Sequence[str] = ()) -> None:
        self._workers = workers
        self._gpus = tuple(gpus)

    async def setup(self, worker: Worker) -> None:
        """Called in every worker, also in one that takes the place of a dead one."""
        number = int(worker.name)
        if self._gpus:
            # Nothing has asked for a GPU yet: CUDA reads this when something does.
            os.environ["CUDA_VISIBLE_DEVICES"] = self._gpus[number] if number < len(self._gpus) else ""
            await worker.set_resources(GPU=int(number < len(self._gpus)))
        if hasattr(os, "sched_setaffinity"):
            cores = sorted(os.sched_getaffinity(0))
            own = cores[number * len(cores) // self._workers : (number + 1) * len(cores) // self._workers]
            # Threads that are begun later inherit it.
            os.sched_setaffinity(0, own or [cores[number % len(cores)]])
