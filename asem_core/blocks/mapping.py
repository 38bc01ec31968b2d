"""A function over many blocks, through Dask."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from asem_core.geometry import Box
from asem_core.progress import Progress, silent

T = TypeVar("T")


def map_blocks(task: Callable[[Box], T], blocks: Sequence[Box], *, stage: str, progress: Progress = silent) -> list[T]:
    """``[task(block) for block in blocks]``, in parallel.

    Parameters
    ----------
    task
        Must not depend on the order of the blocks.
    blocks
        Tasks start in this order.
    stage
        Name for ``progress``, which is called once per block.

    Raises
    ------
    Exception
        The first one of a task. Tasks that were running have ended by then, and the rest has not begun.

    Notes
    -----
    Dask chooses where tasks run: threads of this process, or the workers of an active ``dask.distributed.Client``;
    ``dask.config.set(scheduler=...)`` overrides that. Results come back to the caller: keep them small, and write
    voxels inside the task.
    """
    from dask.base import compute
    from dask.callbacks import Callback
    from dask.delayed import delayed

    done = 0
    failures: list[Exception] = []

    def attempt(block: Box) -> T | Exception:
        # Dask raises while other tasks still run, and they may be writing.
        if failures:
            return failures[0]
        try:
            return task(block)
        except Exception as error:
            failures.append(error)
            return error

    def report(*_: Any) -> None:
        nonlocal done
        done += 1
        progress(stage, done, len(blocks))

    progress(stage, 0, len(blocks))
    if not blocks:
        return []
    tasks = delayed(attempt, pure=False, traverse=False)
    with Callback(posttask=report):  # type: ignore[no-untyped-call]
        results = compute(*(tasks(block) for block in blocks), optimize_graph=False)  # type: ignore[no-untyped-call]
    for result in results:
        if isinstance(result, Exception):
            raise result
    if done < len(blocks):
        progress(stage, len(blocks), len(blocks))  # a cluster reports no single tasks
    return list(results)
