"""Where the lines of a journal are kept: in a file that grows, or in a bucket, where nothing grows.

::

    OUT.journal.jsonl                         a file; a line is in it when `append` returns
    OUT.journal.jsonl/00000, 00001, ...       objects of at most PART bytes and a line; the last is written anew

In a bucket a line waits up to `PAUSE_S` for others: every write is a request, and what is lost with a killed process is
done again. Objects are read by their numbers, none of them is looked for in a listing.
"""

from __future__ import annotations

import os
import time
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

import attrs

from asem_core.volume.address import Location
from asem_core.volume.places import delete, read, remove, write

if TYPE_CHECKING:
    from upath import UPath

PART = 4 * 2**20
"""Bytes of an object: what is sent again with a new line is less, and 10^6 blocks are some hundred objects."""
PAUSE_S = 5.0


class Lines(Protocol):
    """Lines that are kept."""

    def append(self, text: bytes, *, wait: bool = False) -> None:
        """Add whole lines; with ``wait`` they may be written later, with others."""
        ...

    def flush(self) -> None:
        """Write what waits."""
        ...


@attrs.frozen
class FileLines:
    """Lines of the file ``path``."""

    path: Path

    def append(self, text: bytes, *, wait: bool = False) -> None:
        """See `Lines.append`; nothing waits."""
        with self.path.open("r+b") as file:
            _after_last_line(file)
            file.write(text)

    def flush(self) -> None:
        """See `Lines.flush`."""


class ObjectLines:
    """Lines of the objects in ``folder``."""

    def __init__(self, folder: UPath, *, number: int, part: bytes) -> None:
        """``part`` is what the last object, ``number``, holds."""
        self._folder, self._number, self._part = folder, number, bytearray(part)
        self._written, self._waits = time.monotonic(), False

    def append(self, text: bytes, *, wait: bool = False) -> None:
        """See `Lines.append`."""
        if len(self._part) >= PART:
            self.flush()
            self._number, self._part = self._number + 1, bytearray()
        self._part += text
        self._waits = True
        if not wait or time.monotonic() - self._written >= PAUSE_S:
            self.flush()

    def flush(self) -> None:
        """See `Lines.flush`."""
        if self._waits:
            write(_part(self._folder, self._number), bytes(self._part))
            self._written, self._waits = time.monotonic(), False


def begin_lines(place: Location, first: bytes) -> Lines:
    """Lines at ``place`` that begin with the line ``first``, in place of what was there; a kill leaves none, or it."""
    if isinstance(place, Path):
        partial = place.with_name(place.name + ".partial")
        partial.write_bytes(first)
        os.replace(partial, place)
        return FileLines(place)
    remove_lines(place)
    lines = ObjectLines(place, number=0, part=b"")
    lines.append(first)
    return lines


def read_lines(place: Location) -> tuple[bytes, Lines] | None:
    """The whole lines at ``place``, and what adds to them; None: there are none.

    What follows the last newline of a file was cut short by a kill, or is being written.
    """
    if isinstance(place, Path):
        content = place.read_bytes() if place.exists() else None
        return None if content is None else (content[: content.rfind(b"\n") + 1], FileLines(place))
    parts: list[bytes] = []
    for number in count():
        part = read(_part(place, number))
        if part is None:
            break
        parts.append(part)
    if not parts:
        return None
    return b"".join(parts), ObjectLines(place, number=len(parts) - 1, part=parts[-1])


def remove_lines(place: Location) -> None:
    """Remove all lines at ``place``: in a bucket first those without which the others are none."""
    if not isinstance(place, Path):
        delete(_part(place, 0))
    remove(place)


def _part(folder: UPath, number: int) -> UPath:
    return folder / f"{number:05d}"


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
