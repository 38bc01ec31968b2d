"""Proof that an output has no hole: the journal against the chunks on disk."""

from __future__ import annotations

from pathlib import Path

import attrs

from asem_core.blocks.journal import Journal, Record, digest, load
from asem_core.errors import OutputError
from asem_core.home import local_path
from asem_core.progress import Progress, silent


@attrs.frozen(kw_only=True)
class Status:
    """How far a run is."""

    stages: dict[str, tuple[int, int]]
    """Per stage: blocks done, blocks in all."""
    failed: tuple[Record, ...]

    @property
    def complete(self) -> bool:
        """Whether every block is done."""
        return all(done == total for done, total in self.stages.values())


@attrs.frozen(kw_only=True)
class Verification:
    """What is wrong with an output; empty lists where nothing is."""

    status: Status
    chunks: int
    """Chunk files that the journal vouches for."""
    missing: tuple[str, ...]
    changed: tuple[str, ...]

    @property
    def sound(self) -> bool:
        """Every block done, every chunk there and as it was written."""
        return self.status.complete and not self.missing and not self.changed


def status(output: Path) -> Status:
    """How far the run that writes ``output`` is.

    Raises
    ------
    OutputError
        There is no journal beside it.
    """
    output = local_path(output)
    return _status(_journal(output))


def verify(output: Path, *, progress: Progress = silent) -> Verification:
    """Compare every chunk file of ``output`` with the digest taken when it was written.

    Raises
    ------
    OutputError
        There is no journal beside it.
    """
    output = local_path(output)
    journal = _journal(output)
    expected = {name: value for record in journal.records.values() for name, value in record.chunks.items()}
    missing, changed = [], []
    progress("verify", 0, len(expected))
    for count, (name, value) in enumerate(expected.items(), start=1):
        path = output / name
        if not path.is_file():
            missing.append(name)
        elif digest(path) != value:
            changed.append(name)
        progress("verify", count, len(expected))
    return Verification(status=_status(journal), chunks=len(expected), missing=tuple(missing), changed=tuple(changed))


def _journal(output: Path) -> Journal:
    journal = load(output)
    if journal is None:
        raise OutputError(
            f"{output} has no journal beside it: it was not made by `asem segment` or `asem datasets fetch`, "
            "or was moved without it"
        )
    return journal


def _status(journal: Journal) -> Status:
    stages = {name: (len(journal.done(name)), total) for name, total in journal.head["stages"].items()}
    return Status(stages=stages, failed=tuple(journal.failed()))
