"""What the widgets that run a command of ASEM are made of: a form, a process of its own, its progress and result."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import Any

from magicgui.widgets import Container, LineEdit, ProgressBar, PushButton
from napari.utils.notifications import show_error
from qtpy.QtCore import QProcess
from qtpy.QtWidgets import QApplication

from asem_annotate.viewer.running import tell
from asem_annotate.viewer.tools import fields_of, reading, row
from asem_core.errors import AsemError

_GRACE_MS = 3000
_LINES = 8
"""Of what a command printed that are shown."""
_START = "from asem_core.cli.main import main; main()"
_STAMP = re.compile(r"^\d{4}-\d\d-\d\dT\S+ ")
_SWEEP = re.compile(r"(.+?) ([\d,]+)/([\d,]+) ")


class Command(Container):
    """A form that runs ``asem``.

    It runs in a process of its own: the window stays free, and what it takes is given back when it ends. *Stop* stops
    it as Ctrl-C does; the same form, run again, goes on where the command can.

    Parameters
    ----------
    fields
        What is asked for.
    verb
        What the button says.
    lines
        Of what it says that are seen at once; by default as many as there is room for.
    """

    def __init__(self, *fields: Any, verb: str, lines: int | None = None) -> None:
        self.run_button, self.stop_button = PushButton(text=verb), PushButton(text="Stop", enabled=False)
        self.bar, self.said = ProgressBar(max=1, visible=False), reading(lines=lines)
        self.printed = ""
        """What the command printed on standard output."""
        buttons = row(self.run_button, self.stop_button)
        super().__init__(widgets=[fields_of(*fields), buttons, self.bar, self.said], labels=False)
        self._last = ""
        self._process = QProcess()
        self._process.readyReadStandardError.connect(self._read_errors)
        self._process.readyReadStandardOutput.connect(self._read_output)
        self._process.finished.connect(self._finished)
        QApplication.instance().aboutToQuit.connect(self._leave)
        self.run_button.changed.connect(lambda _: self.run())
        self.stop_button.changed.connect(lambda _: self.stop())

    @property
    def running(self) -> bool:
        """Whether a command runs."""
        return bool(self._process.state() != QProcess.ProcessState.NotRunning)

    def words(self) -> Sequence[str]:
        """What stands after ``asem``.

        Raises
        ------
        AsemError
            Something is missing in the form.
        """
        raise NotImplementedError

    def done(self) -> None:
        """Show the result: `words` have been run, and `printed` is what they said."""
        raise NotImplementedError

    def run(self) -> None:
        """Run what the form says."""
        if self.running:
            return
        try:
            words = list(self.words())
        except AsemError as error:
            tell(error)
            return
        self.printed, self._last, self.said.value = "", "", ""
        self._busy(True)
        self._process.start(sys.executable, ["-c", _START, *words])

    def stop(self) -> None:
        """Stop it."""
        self._process.terminate()

    def _leave(self) -> None:
        """The window goes away: so does what runs, by itself if it is quick."""
        self._process.blockSignals(True)
        if self.running:
            self._process.terminate()
            self._process.waitForFinished(_GRACE_MS)

    def _busy(self, busy: bool) -> None:
        self.run_button.enabled, self.stop_button.enabled = not busy, busy
        self.bar.visible, self.bar.max, self.bar.value = busy, 0, 0

    def _read_output(self) -> None:
        self.printed += bytes(self._process.readAllStandardOutput().data()).decode(errors="replace")

    def _read_errors(self) -> None:
        """Progress comes as lines where there is no terminal."""
        for line in bytes(self._process.readAllStandardError().data()).decode(errors="replace").splitlines():
            self._last = _STAMP.sub("", line).strip() or self._last
            if sweep := _SWEEP.match(self._last):
                done, total = (int(number.replace(",", "")) for number in sweep.groups()[1:])
                self.bar.max, self.bar.value = total, min(done, total)
        self.said.value = self._last

    def _finished(self, code: int, _: object) -> None:
        self._read_errors()
        self._read_output()
        self._busy(False)
        if code:
            show_error(self._last or f"it ended with {code}")
            return
        self.said.value = "\n".join(self.printed.strip().splitlines()[-_LINES:])
        self.done()


def given(field: LineEdit, what: str) -> str:
    """What was written into a field.

    Raises
    ------
    AsemError
        Nothing; ``what`` says what is expected.
    """
    text = str(field.value).strip()
    if not text:
        raise AsemError(f"{field.label}: say {what}")
    return text


def option(name: str, field: LineEdit) -> list[str]:
    """The option ``name`` with what was written into a field; nothing where that is empty."""
    text = str(field.value).strip()
    return [name, text] if text else []
