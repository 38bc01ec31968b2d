"""What steps of a project have made, and from what: of those whose outputs do not state it themselves."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from asem_core.blocks.job import identity_as_read
from asem_core.blocks.journal import fingerprint, journal_path
from asem_core.errors import ProjectError
from asem_core.project.steps import Step

NAME = "steps.json"
"""In the folder of a project's results: a digest and the facts per step."""


class Records:
    """The file `NAME` of a project: written after every step, whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._known: dict[str, Any] = json.loads(self._path.read_text()) if self._path.exists() else {}

    def facts(self, step: Step, digest: str) -> dict[str, Any] | None:
        """What ``step`` found when it was made of the same; None: it was not, or its output is gone."""
        known = self._known.get(_key(step))
        if known is None or known["digest"] != digest or not step.output.exists():
            return None
        return dict(known["facts"])

    def keep(self, step: Step, digest: str, facts: Any) -> None:
        """Note what ``step`` found."""
        self._known[_key(step)] = {"digest": digest, "facts": dict(facts)}
        partial = self._path.with_suffix(".partial")
        partial.write_text(json.dumps(self._known, indent=2) + "\n")
        partial.replace(self._path)


def digest_of(step: Step) -> str:
    """Of all that the output of ``step`` depends on; of volumes what jobs take for their identity.

    Raises
    ------
    ProjectError
        A file that it reads cannot be read. Volumes: see `asem_core.open_volume`.
    """
    reads = [identity_as_read(opened()) for opened in step.reads]
    return fingerprint({"request": step.request, "reads": reads, "files": [_content(path) for path in step.files]})


def stamp(output: Path) -> tuple[int, int] | None:
    """Changes whenever a job has written at ``output``; None where no job has."""
    path = journal_path(output)
    found = path.stat() if path.exists() else None
    return None if found is None else (found.st_mtime_ns, found.st_size)


def _content(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ProjectError(
            f"{path}: cannot be read ({error.strerror}); an analysis of the project takes it, and relative paths start "
            "at the project's file"
        ) from None


def _key(step: Step) -> str:
    return f"{step.volume}/{step.name}"
