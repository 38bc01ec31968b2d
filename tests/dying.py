"""Death by kill -9, within the process of the test: from some moment on nothing changes any file or object any more."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any


class Killed(BaseException):
    """What the dead meet when they go on: no handler of errors makes anything of it."""


class Steps:
    """Changes to files below a folder, counted from 1."""

    def __init__(self, folder: Path, last: int | None) -> None:
        self.folder, self.last, self.count = str(folder), last, 0
        self._lock = Lock()

    def take(self) -> None:
        """One more is asked for."""
        with self._lock:
            self.count += 1
            if self.last is not None and self.count >= self.last:
                raise Killed


@contextmanager
def dying(folder: Path, *, at: int | None = None) -> Iterator[Steps]:
    """Within this context change number ``at`` of a file below ``folder``, and all that follow, are refused.

    Never, if ``at`` is None: then they are counted only.
    """
    _install()
    _counting.append(Steps(folder, at))
    try:
        yield _counting[-1]
    finally:
        _end_of_writing()
        _counting.pop()


@contextmanager
def dying_in_memory(*, at: int | None = None) -> Iterator[Steps]:
    """The same for objects of ``memory://``, which stands for a bucket: number ``at`` that is written or deleted."""
    from fsspec.implementations.memory import MemoryFileSystem

    steps = Steps(Path("/"), at)

    def counted(change: Callable[..., Any]) -> Callable[..., Any]:
        def take(*words: Any, **more: Any) -> Any:
            steps.take()
            return change(*words, **more)

        return take

    changes = ("pipe_file", "rm_file")
    kept = {name: getattr(MemoryFileSystem, name) for name in changes}
    for name, change in kept.items():
        setattr(MemoryFileSystem, name, counted(change))
    try:
        yield steps
    finally:
        _end_of_writing()
        for name, change in kept.items():
            setattr(MemoryFileSystem, name, change)


def _end_of_writing() -> None:
    """Wait for what Zarr still writes in the background, which would have died too."""
    from zarr.core.sync import _get_loop

    loop = _get_loop()
    while asyncio.run_coroutine_threadsafe(_others(), loop).result():
        time.sleep(0.001)


async def _others() -> int:
    return len(asyncio.all_tasks()) - 1


_counting: list[Steps] = []
_installed: list[bool] = []
_CHANGES = ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.truncate")


def _install() -> None:
    if not _installed:  # hooks stay for good
        sys.addaudithook(_watch)
        _installed.append(True)


def _watch(event: str, about: tuple[Any, ...]) -> None:
    if not _counting or (event != "open" and event not in _CHANGES):
        return
    if event == "open" and not (set(about[1] or "") & set("wax+") or about[2] & (os.O_WRONLY | os.O_RDWR)):
        return
    if str(about[0]).startswith(_counting[-1].folder):
        _counting[-1].take()
