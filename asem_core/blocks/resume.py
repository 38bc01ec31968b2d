"""Going on with an unfinished output: only with the same settings, never over something else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from asem_core.blocks.journal import Journal, load
from asem_core.errors import ResumeError
from asem_core.volume.output import check_destination


def fingerprint(settings: Mapping[str, Any]) -> str:
    """Digest of ``settings``, which hold JSON types only."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def unfinished(output: Path, *, overwrite: bool) -> Journal | None:
    """The journal of an unfinished run in ``output``, or None where a new one may begin.

    Raises
    ------
    OutputError
        Something else is in the way.
    """
    journal = None if overwrite else load(output)
    if journal is not None and output.exists() and not journal.complete:
        return journal
    check_destination(output, overwrite=overwrite)
    return None


def check_same(earlier: Journal, settings: Mapping[str, Any], output: Path) -> None:
    """Refuse to go on with a run that had other settings.

    Raises
    ------
    ResumeError
        Names what changed.
    """
    if earlier.head["fingerprint"] == fingerprint(settings):
        return
    before = earlier.head["settings"]
    changed = [
        f"{key} was {before.get(key)}, now {value}" for key, value in settings.items() if before.get(key) != value
    ]
    raise ResumeError(
        f"{output} is an unfinished run with other settings ({'; '.join(changed)}): repeat them to resume, "
        "or pass --overwrite to begin anew"
    )
