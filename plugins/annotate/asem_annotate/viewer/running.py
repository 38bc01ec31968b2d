"""The row of a widget that shows work under way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from magicgui.widgets import Container, ProgressBar, PushButton
from napari.utils.notifications import show_error

from asem_annotate.viewer.task import Task
from asem_core.errors import AsemError
from asem_core.progress import Progress

_T = TypeVar("_T")


class Running(Container):
    """Progress and *Cancel*; not seen while nothing runs. One piece of work at a time."""

    def __init__(self, *, busy: Callable[[bool], None]) -> None:
        self._bar = ProgressBar(max=1)
        self._stop = PushButton(text="Cancel")
        super().__init__(widgets=[self._bar, self._stop], layout="horizontal", labels=False, visible=False)
        self.margins = (0, 0, 0, 0)
        self._busy = busy
        self._task: Task[Any] | None = None
        self._stop.changed.connect(self.cancel)

    @property
    def busy(self) -> bool:
        """Whether something runs."""
        return self._task is not None

    def run(self, work: Callable[[Progress], _T], done: Callable[[_T], None]) -> bool:
        """Run ``work`` beside the window and hand what it returns to ``done``; False where something runs already."""
        if self.busy:
            return False
        self._task = Task(work, show=self._show, done=done, failed=tell, ended=self._ended)
        self._show("beginning", 0, 0)
        self.visible = True
        self._busy(True)
        self._task.start()
        return True

    def cancel(self) -> None:
        """Ask the work to stop."""
        if self._task is not None:
            self._task.cancel()

    def _show(self, sweep: str, done: int, total: int) -> None:
        self._bar.max, self._bar.value = total, min(done, total)
        self._bar.native.setFormat(sweep)

    def _ended(self) -> None:
        self._task = None
        self.visible = False
        self._busy(False)


def tell(error: AsemError) -> None:
    """Show what the user should do, as the command line does: in one line."""
    show_error(str(error))
