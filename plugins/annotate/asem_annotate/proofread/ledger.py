"""The log: a file of JSON lines that is only ever appended to, and what it says of one label.

A line is on the disk before an operation returns, so a kill loses the operation that was being thought about, and
nothing else. What a kill cut short has no newline: it does not count, and the next line takes its place.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

import cattrs

from asem_annotate.proofread.operation import REPLAY, UNDO, Operation, read_line
from asem_core.errors import AsemError


def read_log(path: Path) -> list[Operation]:
    """Every line of the log at ``path``; none where there is no file.

    Raises
    ------
    AsemError
        A line is no operation; names it.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise AsemError(f"{path}: cannot be read: {error.strerror or error}") from error
    found = []
    for number, line in enumerate(content.split(b"\n")[:-1], start=1):
        try:
            operation = read_line(json.loads(line))
            if operation.number != number:
                raise ValueError(f"it is number {operation.number}")
        except (ValueError, TypeError, LookupError, AttributeError, cattrs.BaseValidationError) as error:
            raise AsemError(
                f"{path}, line {number}: expected an operation of `asem proofread`, found another thing "
                f"({type(error).__name__}): the log is only appended to, take back the file as it was"
            ) from error
        found.append(operation)
    return found


def append(path: Path, operation: Operation) -> None:
    """Add a line; it is on the disk when this returns. Whoever calls holds the log (`asem_core.volume.held`)."""
    with path.open("a+b") as file:
        whole = _end_of_lines(file.seek(0, os.SEEK_END), path)
        file.truncate(whole)
        file.write(operation.to_line().encode())
        file.flush()
        os.fsync(file.fileno())


def of_label(lines: Sequence[Operation]) -> list[Operation]:
    """The last lines that were all written on one label."""
    return list(takewhile(lambda line: line.label == lines[-1].label, reversed(lines)))[::-1]


def in_force(lines: Sequence[Operation]) -> list[Operation]:
    """The operations among ``lines`` that were not undone."""
    undone = {line.undoes for line in lines if line.operation == UNDO}
    return [line for line in lines if line.number not in undone and line.operation not in (UNDO, REPLAY)]


def _end_of_lines(size: int, path: Path) -> int:
    """Where the last whole line of the file ends."""
    with path.open("rb") as file:
        while size:
            file.seek(size - 1)
            if file.read(1) == b"\n":
                break
            size -= 1
    return size
