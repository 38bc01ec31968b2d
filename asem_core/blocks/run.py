"""Running blocks: while one is computed, the next are read and the last are written."""

from __future__ import annotations

import errno
import logging
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

import attrs

from asem_core.blocks.journal import Journal, Record
from asem_core.errors import AsemError, BlockError, OutputError
from asem_core.geometry import Box
from asem_core.progress import Progress

log = logging.getLogger(__name__)

Loaded = TypeVar("Loaded")
Result = TypeVar("Result")

_AHEAD = 2
"""Blocks read ahead, and blocks waiting to be written."""


@attrs.frozen(kw_only=True)
class Stage(Generic[Loaded, Result]):
    """What is done with each block. ``read`` and ``write`` run in threads of their own, ``compute`` in the caller's.

    The blocks of a stage write disjoint sets of whole chunks, so they may run in any order.
    """

    name: str
    read: Callable[[Box], Loaded]
    compute: Callable[[Box, Loaded], Result]
    write: Callable[[Box, Result], dict[str, str]]
    """Writes the block and returns the digest of every chunk file."""


def run_stage(stage: Stage[Loaded, Result], blocks: Sequence[Box], journal: Journal, *, progress: Progress) -> None:
    """Run the blocks that ``journal`` does not know as done.

    Raises
    ------
    BlockError
        Some blocks failed: the others are done, the message says how to go on.
    OutputError
        The disk is full: stopped at once, what is done is kept.
    """
    done = journal.done(stage.name)
    waiting = deque(block for block in blocks if str(block) not in done)
    finished, total = len(blocks) - len(waiting), len(blocks)
    progress(stage.name, finished, total)
    reading: deque[tuple[Box, Future[Loaded]]] = deque()
    writing: deque[tuple[Box, Future[dict[str, str]]]] = deque()
    failures: list[str] = []

    def advance() -> None:
        nonlocal finished
        finished += 1
        progress(stage.name, finished, total)

    def settle(block: Box, outcome: Future[dict[str, str]]) -> None:
        try:
            journal.add([Record(stage=stage.name, block=str(block), chunks=outcome.result())])
        except Exception as error:
            _note_failure(stage.name, block, error, journal, failures)
        advance()

    with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(1) as writer:
        while waiting or reading:
            while waiting and len(reading) < _AHEAD:
                block = waiting.popleft()
                reading.append((block, reader.submit(stage.read, block)))
            block, loaded = reading.popleft()
            try:
                result = stage.compute(block, loaded.result())
            except Exception as error:
                _note_failure(stage.name, block, error, journal, failures)
                advance()
                continue
            writing.append((block, writer.submit(stage.write, block, result)))
            while len(writing) > _AHEAD or (writing and writing[0][1].done()):
                settle(*writing.popleft())
        while writing:
            settle(*writing.popleft())
    if failures:
        raise BlockError(
            f"{len(failures)} of {total} blocks failed in stage {stage.name!r} (first: {failures[0]}); "
            "the others are kept: run the same command again to retry, `asem status` lists the failures"
        )


def _note_failure(stage: str, block: Box, error: Exception, journal: Journal, failures: list[str]) -> None:
    """Record a failed block; errors that every further block would meet too are raised at once."""
    if _disk_is_full(error):
        raise _no_space(journal) from error
    text = str(error) if isinstance(error, AsemError) else f"{type(error).__name__}: {error}"
    log.warning("block %s of stage %s failed: %s", block, stage, text, exc_info=not isinstance(error, AsemError))
    failures.append(f"block {block}: {text}")
    try:
        journal.add([Record(stage=stage, block=str(block), failed=text)])
    except OSError as full:
        if _disk_is_full(full):
            raise _no_space(journal) from full
        raise


def _disk_is_full(error: Exception) -> bool:
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def _no_space(journal: Journal) -> OutputError:
    return OutputError(
        f"no space left on the disk of {journal.path.parent}; free some and run the same command again to resume"
    )
