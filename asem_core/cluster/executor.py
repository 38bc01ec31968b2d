"""Dask as an executor: few blocks at a time are with the scheduler, and what ends is handed back at once.

::

    blocks ..... | at most MOST or 4 a thread, with the scheduler | outcomes, for the journal
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from functools import partial
from itertools import count, islice
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import attrs

from asem_core.blocks.executors import B, Outcome, T, Task
from asem_core.cluster import worker
from asem_core.cluster.failure import FailedError
from asem_core.cluster.gpus import shared
from asem_core.cluster.installed import difference, installed
from asem_core.cluster.parcel import Parcel, pack
from asem_core.cluster.summary import Summary
from asem_core.errors import BlockError, ClusterError

if TYPE_CHECKING:
    from distributed import Client, Future

MOST = 64
"""Blocks with the scheduler, where that is more than four for each thread of the workers."""
DEATHS = 10
"""Workers that may die with a block before it is the block's fault: they reach their walltime, or are preempted."""
RETRIES = 2
"""Of a block that met an error which may not come again, such as one of the file system."""
WAIT_S = 600.0
"""Without any worker for so long, the run is given up."""
_LOOK_S = 2.0
"""How often it is looked who is there."""
_ENDED = ("finished", "error", "cancelled")
"""What Dask calls it; what was lost with a worker is computed again."""
_PAUSE_S, _LONGEST_PAUSE_S = 0.01, 0.25
"""Between two looks at what has ended: short beside blocks, of which there are some more with the scheduler."""
_SHOWN = 80
"""Letters of a block's name on the dashboard and in logs."""
_LOST = "the connection to the Dask scheduler was lost: what is done is kept; run the same command again"
_GPU = {"GPU": 1}
"""What workers state that have one (``dask worker --resources GPU=1``)."""


@attrs.frozen(kw_only=True, eq=False)
class Dask:
    """An `asem_core.blocks.executors.Cluster` of Dask workers."""

    client: Client
    wait_s: float = WAIT_S
    """Without any worker for so long, it is given up."""
    summary: Summary = attrs.field(factory=Summary)
    """What was done on it so far."""

    @property
    def width(self) -> int:
        """Threads of all workers that are there."""
        if self.client.scheduler is None:
            raise ClusterError(_LOST)
        return sum(self.client.nthreads().values())

    def ask(self, question: Callable[[], T], *, gpu: bool = False) -> T:
        """See `asem_core.blocks.executors.Cluster.ask`."""
        parcel = pack(question)
        future = self.client.submit(worker.answer, parcel, key=f"ask-{uuid4().hex}", resources=self._wanted(gpu))
        with _told():
            report: worker.Report = future.result()
        if report.error is not None:
            raise report.error
        found: T = report.result
        return found

    def run(self, task: Task[B, T], blocks: Sequence[B]) -> Generator[Outcome[B, T]]:
        """See `asem_core.blocks.executors.Executor.run`; blocks begin in about the order given."""
        if not blocks:
            return
        parcel, name = pack(task), f"block-{uuid4().hex}"
        held = self.client.submit(worker.hold, parcel, key=f"task-{uuid4().hex}")
        submit = partial(
            self.client.map, worker.work, parcel=held, retries=RETRIES, resources=self._wanted(task.gpu), pure=False
        )
        rest, numbers = iter(blocks), count()
        running: dict[Future[Any], B] = {}
        most = _Most(self, gpu=task.gpu)
        try:
            while True:
                # Some at a time: what is said to the scheduler costs the same for one and for many.
                room = most() - len(running)
                more = list(islice(rest, room)) if 4 * room > most() else []
                keys = [(name, next(numbers), str(block)[:_SHOWN]) for block in more]
                for block, future in zip(more, submit(more, key=keys) if more else [], strict=True):
                    running[future] = block
                if not running:
                    return
                yield from self._outcomes(self._ended(running), running)
        except (OSError, CancelledError) as error:
            raise ClusterError(_LOST) from error
        finally:
            if running:
                self._stop(parcel, list(running))

    def check(self) -> None:
        """Wait for a worker, compare what all that are there have installed with what is here, and set `DEATHS`.

        Raises
        ------
        ClusterError
            No worker came, one has other versions, or two state the same GPU.
        """
        began = time.monotonic()
        while not self.width:
            if time.monotonic() - began > self.wait_s:
                raise ClusterError(self._deserted())
            time.sleep(0.2)
        self.client.run_on_scheduler(_forgive, DEATHS)
        self._compare()

    def _compare(self) -> None:
        """Refuse workers with other versions, and two that state the same GPU."""
        here, there = installed(), []
        for found in self.client.run(worker.introduce, on_error="return").values():
            if isinstance(found, OSError):
                continue  # it has left
            if isinstance(found, Exception):
                raise ClusterError(f"the workers cannot run ASEM ({found}): install it where they run") from found
            differs = difference(here, found.installed)
            if differs is not None:
                raise ClusterError(f"{found.name}: {differs}: install the same versions everywhere")
            there.append((found.name, found.gpu))
        one_gpu = shared(there)
        if one_gpu is not None:
            raise ClusterError(
                f"{one_gpu}: start one worker for each GPU, with CUDA_VISIBLE_DEVICES of its own, and only those with "
                "--resources GPU=1"
            )

    def _wanted(self, gpu: bool) -> dict[str, int] | None:
        """A GPU, where any worker states that it has one."""
        workers = self.client.scheduler_info(n_workers=-1)["workers"].values() if gpu else ()
        return _GPU if any(each["resources"].get("GPU") for each in workers) else None

    def _ended(self, running: Iterable[Future[Any]]) -> list[Future[Any]]:
        """All of ``running`` that has ended, at least one; it is asked for: what Dask tells of costs more per block."""
        deserted, looked, pause = None, time.monotonic(), _PAUSE_S
        while True:
            # Also before the first look: results are fetched together, for the same as one.
            time.sleep(pause)
            found = [future for future in running if future.status in _ENDED]
            if found:
                return found
            pause = min(1.5 * pause, _LONGEST_PAUSE_S)
            now = time.monotonic()
            if now - looked > _LOOK_S:
                looked, deserted = now, None if self.width else deserted or now
            if deserted is not None and now - deserted > self.wait_s:
                raise ClusterError(self._deserted())

    def _outcomes(self, ended: Sequence[Future[Any]], running: dict[Future[Any], B]) -> Iterator[Outcome[B, T]]:
        """What became of ``ended``, which is then no longer ``running``."""
        finished = [future for future in ended if future.status == "finished"]
        for future, report in zip(finished, self.client.gather(finished), strict=True):
            block = running.pop(future)
            self.summary.add(block, report)
            yield Outcome(block=block, result=report.result, error=report.error, where=report.where)
        for future in set(ended).difference(finished):
            if future.status == "error":
                self.summary.fail()
                error, where = _explained(future.exception())
                yield Outcome(block=running.pop(future), error=error, where=where)
            elif future.status == "cancelled":
                raise CancelledError

    def _deserted(self) -> str:
        return (
            f"no worker came to the scheduler {_address(self.client)} for {self.wait_s:.0f} s: do its jobs wait in the "
            "queue, or fail at once (see their logs)? What is done is kept"
        )

    def _stop(self, parcel: Parcel, running: list[Future[Any]]) -> None:
        """Begin nothing more, and wait for the blocks that are under way: they write."""
        with suppress(Exception):  # the scheduler may be gone
            self.client.cancel(running)
            while any(self.client.run(worker.busy, parcel.digest, on_error="ignore").values()):
                time.sleep(0.1)


@contextmanager
def _told() -> Iterator[None]:
    """What Dask raises, as one line."""
    from distributed import KilledWorker

    try:
        yield
    except (KilledWorker, FailedError) as error:
        found, where = _explained(error)
        raise ClusterError(f"{found} (on {where})" if where else str(found)) from error
    except CancelledError as error:
        raise ClusterError(_LOST) from error


class _Most:
    """How many blocks may be with the scheduler, looked at now and then: workers come and go.

    Of those that come to compute on a GPU, none may have that of another.
    """

    def __init__(self, dask: Dask, *, gpu: bool) -> None:
        self._dask, self._gpu = dask, gpu
        self._looked, self._found = -_LOOK_S, MOST
        self._known: set[str] = set()

    def __call__(self) -> int:
        if time.monotonic() - self._looked > _LOOK_S:
            self._looked, self._found = time.monotonic(), max(MOST, 4 * self._dask.width)
            there = set(self._dask.client.nthreads()) if self._gpu else set()
            if there - self._known:
                self._dask._compare()
            self._known = there
        return self._found


def _forgive(deaths: int, dask_scheduler: Any = None) -> None:
    dask_scheduler.allowed_failures = max(dask_scheduler.allowed_failures, deaths)


def _explained(error: BaseException | None) -> tuple[Exception, str]:
    """What ended a task of Dask's, as one of ours, and the worker that it happened on; empty: there is none to name."""
    from distributed import KilledWorker

    if isinstance(error, FailedError):
        return error.failure.error, error.where
    if isinstance(error, KilledWorker):
        died = BlockError(
            f"{error.allowed_failures + 1} workers died with it, the last one at {error.last_worker.address}: was "
            "there too little memory? Their logs say more"
        )
        return died, ""
    return error if isinstance(error, Exception) else RuntimeError(str(error)), ""


def _address(client: Client) -> str:
    return str(client.scheduler.address) if client.scheduler is not None else "(closed)"
