"""The journal beside an output: what it is made from, and every block that is done.

A file of JSON lines, ``OUT.zarr.journal.jsonl``. The first line is the head; every further line records one block
after its chunks are on disk. A line cut short by a kill is ignored, so its block is run again. Reading never changes
the file: another process may be writing it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import attrs

from asem_core.errors import OutputError

FORMAT = 1


def journal_path(output: Path) -> Path:
    """Where the journal of ``output`` lies."""
    return output.with_name(output.name + ".journal.jsonl")


def digest(path: Path) -> str:
    """Digest of one chunk file."""
    return hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()


@attrs.frozen(kw_only=True)
class Record:
    """One block that is done, or that failed."""

    stage: str
    block: str
    chunks: Mapping[str, str] = attrs.field(factory=dict)
    """Digest of every chunk file that the block wrote, by its path inside the output."""
    failed: str | None = None


@attrs.frozen(kw_only=True)
class Journal:
    """A journal that was read, or one being written; see `start` and `load`."""

    path: Path
    head: Mapping[str, Any]
    """``fingerprint`` (what the output is made from), ``stages`` (blocks per stage), and more for the reader."""
    records: dict[tuple[str, str], Record]

    def done(self, stage: str) -> set[str]:
        """Keys of the blocks of ``stage`` that are done."""
        return {key for (s, key), record in self.records.items() if s == stage and record.failed is None}

    def failed(self) -> list[Record]:
        """Blocks whose last attempt failed."""
        return [record for record in self.records.values() if record.failed is not None]

    def missing(self) -> dict[str, int]:
        """Per stage, how many blocks are not done; stages without any are left out."""
        counts = {stage: total - len(self.done(stage)) for stage, total in self.head["stages"].items()}
        return {stage: count for stage, count in counts.items() if count}

    @property
    def complete(self) -> bool:
        """Whether every block of every stage is done."""
        return not self.missing()

    def add(self, records: Sequence[Record]) -> None:
        """Append ``records``; they are in the file when this returns."""
        text = "".join(json.dumps(attrs.asdict(record)) + "\n" for record in records)
        with self.path.open("r+b") as file:
            _after_last_line(file)
            file.write(text.encode())
        for record in records:
            self.records[record.stage, record.block] = record


def start(output: Path, head: Mapping[str, Any]) -> Journal:
    """Begin a journal for ``output``, replacing one that is there."""
    path = journal_path(output)
    head = {"format": FORMAT, **head}
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(head) + "\n")
    os.replace(partial, path)  # a kill leaves no journal or a whole head
    return Journal(path=path, head=head, records={})


def load(output: Path) -> Journal | None:
    """The journal of ``output``, or None where there is none.

    Raises
    ------
    OutputError
        The file is not a journal, or of another version.
    """
    path = journal_path(output)
    if not path.exists():
        return None
    try:
        # What follows the last newline was cut short, or is being written.
        parsed = [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]
        if parsed[0]["format"] != FORMAT:
            raise ValueError(f"format {parsed[0]['format']}, expected {FORMAT}")
        records = [Record(**values) for values in parsed[1:]]
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise OutputError(
            f"{path} is not a journal of this version ({error}); pass --overwrite to begin anew"
        ) from None
    return Journal(path=path, head=parsed[0], records={(r.stage, r.block): r for r in records})


def _after_last_line(file: BinaryIO) -> None:
    """Go to the end of ``file``, first cutting off a line that a kill cut short: it must not run into the next one."""
    end = file.seek(0, os.SEEK_END)
    while end:
        file.seek(end - 1)
        if file.read(1) == b"\n":
            break
        end -= 1
    file.seek(end)
    file.truncate()
