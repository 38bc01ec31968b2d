"""Rows of a table that are measured once: what an earlier call has measured is not measured again."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

Row = dict[str, Any]


def kept(folder: Path, name: str, make: Callable[[], Row]) -> Row:
    """What ``make`` gave, in this call or an earlier one that was given the same ``folder``; an error is not kept."""
    file = _file(folder, name)
    if not file.exists():
        made = make()
        if "error" in made:
            return made
        folder.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part")
        part.write_text(json.dumps(made, indent=2))
        os.replace(part, file)
    found: Row = json.loads(file.read_text())
    return found


def is_kept(folder: Path, name: str) -> bool:
    """Whether an earlier call has measured it."""
    return _file(folder, name).exists()


def _file(folder: Path, name: str) -> Path:
    return folder / (re.sub(r"[^a-z0-9]+", "_", name.lower()) + ".json")


def in_process(script: str, *words: object, seconds: float | None = None) -> Row:
    """What ``script`` with ``words`` prints last, a line of JSON; or its error, as ``{"error": ...}``."""
    command = [sys.executable, script, *map(str, words)]
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        return {"error": f"not done in {seconds:.0f} s", "late": True}
    if run.returncode:
        return {"error": "\n".join((run.stderr or run.stdout).strip().splitlines()[-3:])}
    found: Row = json.loads(run.stdout.splitlines()[-1])
    return found
