"""The numbers of a run: lines of JSON in its log, which are what it chooses by, and the same as TensorBoard events."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from asem_core.training.curves import Curves, read_curves
from asem_core.training.events import Events
from asem_core.training.run import EVENTS, LOG


class Journal:
    """The log and the events in the run ``folder``, of which ``resumed_at`` iterations stand; what follows is dropped.

    So is a validation after the last of these, which may be half written: it is made again.
    """

    def __init__(self, folder: Path, *, resumed_at: int) -> None:
        self._log = folder / LOG
        if self._log.exists():
            lines = [line for line in self._log.read_text().splitlines(keepends=True) if line.endswith("}\n")]
            self._log.write_text("".join(line for line in lines if _stays(json.loads(line), resumed_at)))
        self._file = self._log.open("a", buffering=1)
        self._events = Events(folder / EVENTS, begins_at=resumed_at + 1)

    def write(self, kind: str, iteration: int, values: Mapping[str, float]) -> None:
        """One line, and an event for each value."""
        rounded = {key: float(f"{value:.6g}") for key, value in values.items()}
        self._file.write(json.dumps({"kind": kind, "iteration": iteration, **rounded}) + "\n")
        for key, value in values.items():
            self._events.add(f"{kind}/{key}", value, iteration)

    def remark(self, name: str, text: str, iteration: int) -> None:
        """An event in words; the log has none."""
        self._events.add_text(name, text, iteration)

    def curves(self) -> Curves:
        """All that stands in the log."""
        return read_curves(self._log)

    def close(self) -> None:
        """No more numbers."""
        self._file.close()
        self._events.close()


def _stays(line: Mapping[str, Any], resumed_at: int) -> bool:
    iteration = line["iteration"]
    return bool(iteration < resumed_at or (line["kind"] == "train" and iteration == resumed_at))
