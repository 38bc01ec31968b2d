"""Proof that an output has no hole: the journal against the pieces on disk."""

from __future__ import annotations

from pathlib import Path

import attrs

from asem_core.blocks.executors import map_blocks
from asem_core.blocks.journal import Journal, Record, load
from asem_core.errors import OutputError
from asem_core.home import local_path
from asem_core.progress import Progress, silent
from asem_core.volume.formats.tiff_write import unfinished_place
from asem_core.volume.pieces import digest


@attrs.frozen(kw_only=True)
class Status:
    """How far a run is."""

    stages: dict[str, tuple[int, int]]
    """Per stage that has begun: blocks done, blocks in all."""
    failed: tuple[Record, ...]
    complete: bool
    """Whether every block is done and was verified when the run ended."""
    command: str
    """What finishes it."""


@attrs.frozen(kw_only=True)
class Damage:
    """Pieces on disk that are not what was written."""

    missing: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    blocks: frozenset[tuple[str, str]] = frozenset()
    """Stage and key of the blocks that wrote them."""
    scratch: bool = False
    """Whether they are temporary copies."""

    @property
    def pieces(self) -> tuple[str, ...]:
        """All of them."""
        return self.missing + self.changed

    def __bool__(self) -> bool:
        return bool(self.pieces)


@attrs.frozen(kw_only=True)
class Verification:
    """What is wrong with an output; empty lists where nothing is."""

    status: Status
    pieces: int
    """Chunk files, or bytes of files, that the journal vouches for."""
    missing: tuple[str, ...]
    changed: tuple[str, ...]

    @property
    def sound(self) -> bool:
        """Every block done, every piece there and as it was written."""
        return self.status.complete and not self.missing and not self.changed


def status(output: Path) -> Status:
    """How far the run that writes ``output`` is.

    Raises
    ------
    OutputError
        There is no journal beside it.
    """
    return _status(_journal(local_path(output).resolve()))


def verify(output: Path, *, progress: Progress = silent) -> Verification:
    """Compare every piece of ``output`` with the digest taken when it was written.

    Raises
    ------
    OutputError
        There is no journal beside it.
    """
    output = local_path(output).resolve()
    journal = _journal(output)
    there = output if output.exists() or not unfinished_place(output).exists() else unfinished_place(output)
    damage = find_damage(journal, there, progress=progress)
    pieces = sum(len(record.pieces) for record in _final(journal))
    return Verification(status=_status(journal), pieces=pieces, missing=damage.missing, changed=damage.changed)


def find_damage(journal: Journal, root: Path, *, scratch: bool = False, progress: Progress = silent) -> Damage:
    """Which pieces under ``root`` differ from their digests in ``journal``.

    Parameters
    ----------
    root
        The output; with ``scratch`` the folder of temporary copies.
    """
    records = [r for r in journal.records.values() if _is_scratch(journal, r) == scratch and r.pieces]
    missing: list[str] = []
    changed: list[str] = []

    def compare(number: int) -> list[tuple[str, str | None]]:
        wrong = []
        for piece, expected in records[number].pieces.items():
            found = digest(root, piece)
            if found != expected:
                wrong.append((piece, found))
        return wrong

    stage = "verify temporary copies" if scratch else "verify"
    found = map_blocks(compare, range(len(records)), stage=stage, progress=progress if records else silent)
    for wrong in found:
        missing += [piece for piece, value in wrong if value is None]
        changed += [piece for piece, value in wrong if value is not None]
    blocks = frozenset((r.stage, r.block) for r, wrong in zip(records, found, strict=True) if wrong)
    return Damage(missing=tuple(missing), changed=tuple(changed), blocks=blocks, scratch=scratch)


def _final(journal: Journal) -> list[Record]:
    return [record for record in journal.records.values() if not _is_scratch(journal, record)]


def _is_scratch(journal: Journal, record: Record) -> bool:
    begun = journal.stages.get(record.stage)
    return begun is not None and begun.scratch


def _journal(output: Path) -> Journal:
    journal = load(output)
    if journal is None:
        raise OutputError(f"{output} has no journal beside it: ASEM did not make it, or it was moved without its own")
    return journal


def _status(journal: Journal) -> Status:
    stages = {name: (len(journal.done(name)), begun.blocks) for name, begun in journal.stages.items()}
    return Status(
        stages=stages, failed=tuple(journal.failed()), complete=journal.complete, command=journal.head.command
    )
