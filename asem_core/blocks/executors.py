"""Who runs the blocks of a sweep: threads of this process, or a pipeline round one computation that uses every core.

An executor is given a `Task` and blocks, and hands back each block's outcome as it ends::

    Threads     read | compute | write of one block in one thread, as many blocks at once as there are processors
    Pipeline    while one block is computed, the next are read and the last are written

None knows of journals or outputs. A block that fails is an outcome like any other; who consumes the outcomes decides
whether to go on. When they stop, what is running ends and the rest does not begin.

A `Cluster` is an executor whose blocks run in other processes (`asem_core.cluster`). It is not handed from function to
function as the choice between threads and pipeline is: within `running_on` it takes all blocks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Hashable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from contextvars import ContextVar
from itertools import islice
from typing import Any, Generic, Protocol, TypeVar

import attrs

from asem_core.processors import processors
from asem_core.progress import Progress, silent

B = TypeVar("B", bound=Hashable)
T = TypeVar("T")

_AHEAD = 2
"""Blocks read ahead, and blocks waiting to be written, in a pipeline."""


def _nothing(_: Any) -> None:
    return None


def _unchanged(_: Any, result: Any) -> Any:
    return result


@attrs.frozen(kw_only=True)
class Task(Generic[B, T]):
    """What is done with each block; blocks do not depend on one another, so they may run in any order."""

    read: Callable[[B], Any] = _nothing
    """Gives what ``compute`` is handed."""
    compute: Callable[[B, Any], Any] = _unchanged
    """Gives what ``write`` is handed. In a pipeline it runs in the caller's thread."""
    write: Callable[[B, Any], T] = _unchanged
    """Gives the block's result: keep it small."""
    gpu: bool = False
    """Whether ``compute`` uses a GPU where there is one."""

    def __call__(self, block: B) -> T:
        """One block from beginning to end."""
        return self.write(block, self.compute(block, self.read(block)))


@attrs.frozen(kw_only=True)
class Outcome(Generic[B, T]):
    """How a block ended: with a result or with an error."""

    block: B
    result: T | None = None
    error: Exception | None = None
    where: str = ""
    """The process that it ended in, where that is another one."""


class Executor(Protocol):
    """Runs a task over blocks."""

    def run(self, task: Task[B, T], blocks: Sequence[B]) -> Generator[Outcome[B, T]]:
        """The outcome of every block, in the order in which they end; blocks begin in the order given.

        Closing the generator waits for what is running and begins nothing more.
        """
        ...


class Cluster(Executor, Protocol):
    """An executor whose blocks run in other processes, which see the same files."""

    @property
    def width(self) -> int:
        """How many blocks run at once."""
        ...

    def ask(self, question: Callable[[], T], *, gpu: bool = False) -> T:
        """What ``question`` returns in one of the processes; ``gpu``: of one with a GPU, if any has one."""
        ...


_CLUSTER: ContextVar[Cluster | None] = ContextVar("cluster", default=None)


@contextmanager
def running_on(cluster: Cluster) -> Iterator[None]:
    """Within this context all blocks run on ``cluster``, whatever executor a sweep would use on this machine."""
    token = _CLUSTER.set(cluster)
    try:
        yield
    finally:
        _CLUSTER.reset(token)


def ask(question: Callable[[], T], *, gpu: bool = False) -> T:
    """What ``question`` returns where blocks run: here, or on the cluster; see `Cluster.ask`."""
    cluster = _CLUSTER.get()
    return question() if cluster is None else cluster.ask(question, gpu=gpu)


def width() -> int:
    """How many processes work at once: 1, or those of the cluster."""
    cluster = _CLUSTER.get()
    return 1 if cluster is None else max(1, cluster.width)


def chosen(preferred: Executor | None) -> Executor:
    """Who runs blocks: the cluster within `running_on`, else ``preferred``, by default `Threads`."""
    return _CLUSTER.get() or preferred or Threads()


@attrs.frozen
class Threads:
    """Whole blocks in ``workers`` threads of this process."""

    workers: int = attrs.field(factory=lambda: processors())

    def run(self, task: Task[B, T], blocks: Sequence[B]) -> Generator[Outcome[B, T]]:
        """See `Executor.run`."""
        rest = iter(blocks)
        running: dict[Future[T], B] = {}
        with ThreadPoolExecutor(self.workers) as pool:
            try:
                while True:
                    # One more than there are threads, so that none waits for us.
                    for block in islice(rest, self.workers + 1 - len(running)):
                        running[pool.submit(task, block)] = block
                    if not running:
                        return
                    wait(running, return_when=FIRST_COMPLETED)
                    for future in [future for future in running if future.done()]:
                        yield _outcome(running.pop(future), future)
            finally:
                pool.shutdown(cancel_futures=True)


@attrs.frozen
class Pipeline:
    """One block is computed at a time, in the caller's thread; a thread reads ahead and another writes behind."""

    def run(self, task: Task[B, T], blocks: Sequence[B]) -> Generator[Outcome[B, T]]:
        """See `Executor.run`."""
        rest = iter(blocks)
        reading: deque[tuple[B, Future[Any]]] = deque()
        writing: deque[tuple[B, Future[T]]] = deque()
        with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(1) as writer:
            try:
                while True:
                    for block in islice(rest, _AHEAD - len(reading)):
                        reading.append((block, reader.submit(task.read, block)))
                    if not reading:
                        break
                    block, loaded = reading.popleft()
                    try:
                        result = task.compute(block, loaded.result())
                    except Exception as error:
                        yield Outcome(block=block, error=error)
                        continue
                    writing.append((block, writer.submit(task.write, block, result)))
                    del result, loaded
                    while len(writing) > _AHEAD or (writing and writing[0][1].done()):
                        yield _outcome(*writing.popleft())
                while writing:
                    yield _outcome(*writing.popleft())
            finally:
                for pool in (reader, writer):
                    pool.shutdown(cancel_futures=True)


def map_blocks(
    task: Callable[[B], T],
    blocks: Sequence[B],
    *,
    sweep: str,
    progress: Progress = silent,
    executor: Executor | None = None,
) -> list[T]:
    """``[task(block) for block in blocks]``, in parallel: for what is counted or measured, not written.

    Parameters
    ----------
    task
        Must not depend on the order of the blocks, and return what it finds: it may run in another process, where what
        it changes is lost.
    blocks
        Tasks begin in this order.
    sweep
        Name for ``progress``, which is called once per block.
    executor
        On this machine, by default `Threads`; see `chosen`.

    Raises
    ------
    Exception
        The first one of a task. Tasks that were running have ended by then, and the rest has not begun.
    """
    progress(sweep, 0, len(blocks))
    results: dict[B, T] = {}
    job: Task[B, T] = Task(compute=lambda block, _: task(block))
    with closing(chosen(executor).run(job, blocks)) as outcomes:
        for done, outcome in enumerate(outcomes, start=1):
            if outcome.error is not None:
                raise outcome.error
            results[outcome.block] = outcome.result  # type: ignore[assignment]  # there is one where no error is
            progress(sweep, done, len(blocks))
    return [results[block] for block in blocks]


def _outcome(block: B, future: Future[T]) -> Outcome[B, T]:
    error = future.exception()
    if error is None:
        return Outcome(block=block, result=future.result())
    if not isinstance(error, Exception):
        raise error
    return Outcome(block=block, error=error)
