"""The journal beside an output: what it is made from, and every block that is done.

JSON lines, ``OUT.journal.jsonl``, kept as `asem_core.blocks.lines` has it. The first line is the head. A line with
``blocks`` says that a sweep has begun and how many blocks it has; a line with ``block`` records one of them, after what
it wrote is there; the last line says that all of it was verified. A line that a kill cut short or kept from being
written is missing, so its block is run again. Reading never changes them: another process may be writing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from typing import Any

import attrs
import cattrs

from asem_core.blocks.lines import Lines, begin_lines, read_lines, remove_lines
from asem_core.errors import OutputError
from asem_core.volume.address import Location

FORMAT = 2


def journal_path(output: Location) -> Location:
    """Where the journal of ``output`` lies: a file, in a bucket a folder."""
    return output.with_name(output.name + ".journal.jsonl")


@attrs.frozen(kw_only=True)
class Head:
    """What a run is, settled before its first block."""

    verb: str
    """Such as ``asem segment``."""
    command: str
    """What finishes the run."""
    fingerprint: str
    """Digest of ``settings``."""
    settings: Mapping[str, Any]
    """All that the output depends on."""
    chosen: Mapping[str, Any] = attrs.field(factory=dict)
    """What was chosen for this machine and is used again on resume."""
    replaces: bool = False
    """Whether an earlier output stands there until this one is whole, and is then replaced."""
    format: int = FORMAT


@attrs.frozen(kw_only=True)
class Begun:
    """A sweep that has begun."""

    sweep: str
    blocks: int
    cut: str
    """Digest of the keys of its blocks: records of another cut do not count."""
    scratch: bool = False
    """Whether it writes temporary copies, which are gone when the run has ended."""


@attrs.frozen(kw_only=True)
class Record:
    """One block that is done, or that failed."""

    sweep: str
    block: str
    pieces: Mapping[str, str] = attrs.field(factory=dict)
    """Digest of every piece (a chunk file, or bytes of a file) that the block wrote."""
    failed: str | None = None


@attrs.frozen(kw_only=True)
class End:
    """The output was verified."""

    ended: str
    """When, local time with its zone."""
    results: Mapping[str, Any] = attrs.field(factory=dict)
    """What the run found out beside its output; JSON types."""


@attrs.frozen(kw_only=True)
class Journal:
    """A journal that was read, or one being written; see `start` and `load`."""

    lines: Lines
    head: Head
    sweeps: dict[str, Begun] = attrs.field(factory=dict)
    records: dict[tuple[str, str], Record] = attrs.field(factory=dict)
    ends: list[End] = attrs.field(factory=list)
    """The last line of a run that ended well; at most one."""

    @property
    def complete(self) -> bool:
        """Whether the output was whole when the run ended."""
        return bool(self.ends)

    def of(self, sweep: str) -> list[Record]:
        """The records of ``sweep``, failed ones included."""
        return [record for (name, _), record in self.records.items() if name == sweep]

    def after(self, sweep: str) -> list[Record]:
        """The records of all other sweeps than ``sweep``."""
        return [record for (name, _), record in self.records.items() if name != sweep]

    def done(self, sweep: str) -> set[str]:
        """Keys of the blocks of ``sweep`` that are done."""
        return {record.block for record in self.of(sweep) if record.failed is None}

    def failed(self) -> list[Record]:
        """Blocks whose last attempt failed."""
        return [record for record in self.records.values() if record.failed is not None]

    def begin(self, sweep: Begun) -> None:
        """Note that ``sweep`` begins or goes on; records of the same sweep cut otherwise are forgotten."""
        if self.sweeps.get(sweep.sweep) == sweep:
            return
        self.forget([(r.sweep, r.block) for r in self.of(sweep.sweep)])
        self._append([attrs.asdict(sweep)])
        self.sweeps[sweep.sweep] = sweep

    def add(self, record: Record) -> None:
        """Append ``record``; it is kept when this returns, in a bucket some seconds later, see `flush`."""
        self._append([attrs.asdict(record, recurse=False)], wait=True)
        self.records[record.sweep, record.block] = record

    def forget(self, keys: Iterable[tuple[str, str]]) -> None:
        """Take blocks for not done, and the run for not ended, also in what is kept."""
        keys = [key for key in keys if key in self.records]
        if keys or self.ends:
            self._append([{"forget": keys}])
        self.ends.clear()
        for key in keys:
            del self.records[key]

    def end(self, end: End) -> None:
        """Note that the output was verified."""
        self._append([attrs.asdict(end)])
        self.ends[:] = [end]

    def flush(self) -> None:
        """Keep what was added by now."""
        self.lines.flush()

    def _append(self, lines: Sequence[Mapping[str, Any]], *, wait: bool = False) -> None:
        self.lines.append("".join(json.dumps(line) + "\n" for line in lines).encode(), wait=wait)


def start(output: Location, head: Head) -> Journal:
    """Begin a journal for ``output``, replacing one that is there; a kill leaves none, or a whole head."""
    return Journal(lines=begin_lines(journal_path(output), json.dumps(attrs.asdict(head)).encode() + b"\n"), head=head)


def load(output: Location) -> Journal | None:
    """The journal of ``output``, or None where there is none.

    Raises
    ------
    OutputError
        It cannot be read, is not a journal, or of another version.
    """
    path = journal_path(output)
    try:
        found = read_lines(path)
        if found is None:
            return None
        lines = BytesIO(found[0])
        head = json.loads(lines.readline())
        if head["format"] != FORMAT:
            raise ValueError(f"format {head['format']}, expected {FORMAT}")
        journal = Journal(lines=found[1], head=_CONVERTER.structure(head, Head))
        for line in lines:  # one at a time: there may be gigabytes
            _apply(journal, json.loads(line))
    except OSError as error:
        raise OutputError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (ValueError, LookupError, TypeError, AttributeError, cattrs.BaseValidationError) as error:
        raise OutputError(
            f"{path} is not a journal of this version ({error}); pass --overwrite to begin anew"
        ) from None
    return journal


def remove(output: Location) -> None:
    """Remove the journal of ``output``."""
    remove_lines(journal_path(output))


_CONVERTER = cattrs.Converter(forbid_extra_keys=True)


def _apply(journal: Journal, line: Mapping[str, Any]) -> None:
    if "forget" in line:
        journal.ends.clear()
        for sweep, block in line["forget"]:
            journal.records.pop((sweep, block), None)
    elif "ended" in line:
        journal.ends[:] = [_CONVERTER.structure(line, End)]
    elif "blocks" in line:
        begun = _CONVERTER.structure(line, Begun)
        journal.sweeps[begun.sweep] = begun
    else:
        record = _CONVERTER.structure(line, Record)
        journal.records[record.sweep, record.block] = record


def fingerprint(settings: Mapping[str, Any]) -> str:
    """Digest of ``settings``, which hold JSON types only."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()
