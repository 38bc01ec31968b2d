"""Proof that an output has no hole: the journal against the pieces on disk."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path

import attrs

from asem_core.blocks.executors import Threads, map_blocks
from asem_core.blocks.journal import Journal, Record, load
from asem_core.errors import OutputError, VolumeError
from asem_core.progress import Progress, silent
from asem_core.volume.address import Location, destination_of, on_disk
from asem_core.volume.formats.ome_write import run_of
from asem_core.volume.pieces import digests_found
from asem_core.volume.places import exists
from asem_core.volume.unfinished import find_unfinished, unfinished_place


@attrs.frozen(kw_only=True)
class Status:
    """How far a run is."""

    sweeps: dict[str, tuple[int, int]]
    """Per sweep that has begun: blocks done, blocks in all."""
    failed: tuple[Record, ...]
    complete: bool
    """Whether every block is done and was verified when the run ended, and the output says nothing else."""
    command: str
    """What finishes it."""


@attrs.frozen(kw_only=True)
class Damage:
    """Pieces on disk that are not what was written."""

    missing: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    blocks: frozenset[tuple[str, str]] = frozenset()
    """Sweep and key of the blocks that wrote them."""

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


def status(output: Location | str) -> Status:
    """How far the run that writes ``output`` is.

    Raises
    ------
    OutputError
        There is no journal beside it, or no output of this journal.
    """
    return _status(*_find(output))


def verify(output: Location | str, *, progress: Progress = silent) -> Verification:
    """Compare every piece of ``output`` with the digest taken when it was written.

    Raises
    ------
    OutputError
        There is no journal beside it, or no output of this journal.
    """
    journal, place = _find(output)
    damage = find_damage(journal, place, progress=progress)
    pieces = sum(len(record.pieces) for record in _written(journal, scratch=False))
    return Verification(status=_status(journal, place), pieces=pieces, missing=damage.missing, changed=damage.changed)


def find_damage(journal: Journal, root: Location, *, scratch: bool = False, progress: Progress = silent) -> Damage:
    """Which pieces under ``root`` differ from their digests in ``journal``.

    Parameters
    ----------
    root
        The output; with ``scratch`` the folder of temporary copies.
    """
    records = _written(journal, scratch=scratch)
    missing: list[str] = []
    changed: list[str] = []

    sweep = "verify temporary copies" if scratch else "verify"
    pieces = [tuple(record.pieces.items()) for record in records]
    found = map_blocks(
        partial(_differing, root),
        pieces,
        sweep=sweep,
        progress=progress if records else silent,
        executor=None if isinstance(root, Path) else Threads(_REQUESTING),
    )
    for wrong in found:
        missing += [piece for piece, value in wrong if value is None]
        changed += [piece for piece, value in wrong if value is not None]
    blocks = frozenset((r.sweep, r.block) for r, wrong in zip(records, found, strict=True) if wrong)
    return Damage(missing=tuple(missing), changed=tuple(changed), blocks=blocks)


def _differing(root: Location, pieces: Iterable[tuple[str, str]]) -> list[tuple[str, str | None]]:
    """Those of ``pieces`` whose digest is another than the one given, with the one that they have."""
    expected = dict(pieces)
    return [(piece, value) for piece, value in digests_found(root, expected).items() if value != expected[piece]]


_REQUESTING = 16
"""Blocks of which the pieces are fetched from a bucket at once, for one waits for its answers, not for a processor."""


def is_scratch(journal: Journal, sweep: str) -> bool:
    """Whether ``sweep`` writes temporary copies."""
    begun = journal.sweeps.get(sweep)
    return begun is not None and begun.scratch


def _written(journal: Journal, *, scratch: bool) -> list[Record]:
    return [r for r in journal.records.values() if r.pieces and is_scratch(journal, r.sweep) == scratch]


def _find(output: Location | str) -> tuple[Journal, Location]:
    """The journal of ``output``, and where the output lies at present: what is unfinished may be hidden."""
    place = destination_of(output)
    output = place.resolve() if isinstance(place, Path) else place
    journal = load(output)
    if journal is None:
        raise OutputError(f"{output} has no journal beside it: ASEM did not make it, or it was moved without its own")
    hides = isinstance(output, Path) and unfinished_place(output).exists()
    place = unfinished_place(on_disk(output)) if hides else output
    if not exists(place):
        raise OutputError(f"{output} is not there, only its journal; to make it again: {journal.head.command}")
    if place.suffix == ".zarr" and run_of(place) not in (None, journal.head.fingerprint):
        raise OutputError(f"{output}: the journal beside it is that of another run; the output was replaced since")
    return journal, place


def _status(journal: Journal, place: Location) -> Status:
    sweeps = {name: (len(journal.done(name)), begun.blocks) for name, begun in journal.sweeps.items()}
    whole = journal.complete and not _is_marked(place)
    return Status(sweeps=sweeps, failed=tuple(journal.failed()), complete=whole, command=journal.head.command)


def _is_marked(place: Location) -> bool:
    try:
        return find_unfinished(place) is not None
    except VolumeError:  # its metadata is damaged, which is for `verify` to say
        return False
