"""Work beside the window: in a thread, with progress, and stopped on request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from napari.qt.threading import create_worker
from qtpy.QtCore import QTimer

from asem_core.errors import AsemError
from asem_core.progress import Progress

_T = TypeVar("_T")
_EVERY_MS = 100


class Cancelled(Exception):  # noqa: N818  # nothing went wrong
    """Somebody asked the work to stop."""


class Task(Generic[_T]):
    """A piece of work, from its start to one of ``done``, ``failed`` and nothing; then ``ended``.

    Parameters
    ----------
    work
        Called in a thread with a progress; stops where it next reports.
    show
        Told how far it is: sweep, done, total.
    done, failed, ended
        Called in the window's thread: with what ``work`` returned, with an `AsemError` that it raised, and last.
    """

    def __init__(
        self,
        work: Callable[[Progress], _T],
        *,
        show: Callable[[str, int, int], None],
        done: Callable[[_T], None],
        failed: Callable[[AsemError], None],
        ended: Callable[[], None],
    ) -> None:
        self._work, self._show, self._done, self._failed, self._ended = work, show, done, failed, ended
        self._told: tuple[str, int, int] | None = None
        self._cancelled = False
        self._timer = QTimer()
        self._timer.timeout.connect(self._look)
        self._worker = create_worker(self._run, _start_thread=False)
        self._worker.returned.connect(self._returned)
        self._worker.finished.connect(self._finished)

    def start(self) -> None:
        """Begin."""
        self._timer.start(_EVERY_MS)
        self._worker.start()

    def cancel(self) -> None:
        """Ask it to stop; what it has by then is dropped."""
        self._cancelled = True

    def _run(self) -> Any:
        def progress(sweep: str, done: int, total: int, note: str = "") -> None:
            self._told = (sweep, done, total)
            if self._cancelled or self._worker.abort_requested:
                raise Cancelled

        try:
            return self._work(progress)
        except Cancelled:
            return None
        except AsemError as error:
            return _Failure(error)

    def _look(self) -> None:
        if self._told is not None:
            self._show(*self._told)

    def _returned(self, found: Any) -> None:
        if isinstance(found, _Failure):
            self._failed(found.error)
        elif found is not None and not self._cancelled:
            self._done(found)

    def _finished(self) -> None:
        self._timer.stop()
        self._ended()


class _Failure:
    def __init__(self, error: AsemError) -> None:
        self.error = error
