"""What tells an input from another one, and from what it was before: digests. What lies on a disk is not read."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import numpy as np

from asem_core.volume.volume import LazyArray

_IN_MEMORY, _UNKNOWN = "array", "unknown"
"""How the digests of arrays begin that are in memory, and of those that nothing is known of."""


def files_digest(folder: Path, metadata: bytes) -> str:
    """How many files lie in ``folder``, at any depth, and a digest of ``metadata`` and of their names, sizes and times.

    Hidden files, as metadata of Zarr 2 are too, hold no voxels and do not count. 100,000 files take half a second.
    """
    found, count = hashlib.sha256(metadata), 0
    for name, status in _files(str(folder)):
        found.update(f"{name} {status.st_size} {status.st_mtime_ns}\n".encode())
        count += 1
    return f"{count} files {found.hexdigest()}"


def array_digest(array: LazyArray) -> str:
    """Digest of the voxels of an array in memory; another, which is not read for it, has a new one every time."""
    if not isinstance(array, np.ndarray) or isinstance(array, np.memmap):
        return f"{_UNKNOWN} {uuid4().hex}"
    found = hashlib.sha256(f"{array.dtype.str} {array.shape}".encode())
    for section in array:
        found.update(np.ascontiguousarray(section).data)
    return f"{_IN_MEMORY} {found.hexdigest()}"


def change_in_words(before: str, now: str) -> str:
    """What two digests of an input tell of it.

    >>> change_in_words("1024 1700000000", "1024 1700000001")
    'changed on disk'
    """
    if now.startswith(_UNKNOWN):
        return "has no `identity`, so it may be another one than before"
    if len(now.split()) > len(before.split()):
        return "may have changed: an earlier version of ASEM did not look at all of it"
    return "changed" if now.startswith(_IN_MEMORY) else "changed on disk"


def _files(folder: str, above: str = "") -> Iterator[tuple[str, os.stat_result]]:
    """Names, relative to the uppermost folder, and status of the files in ``folder``, always in the same order."""
    try:
        with os.scandir(folder) as entries:
            ordered = sorted(entries, key=lambda entry: entry.name)
    except FileNotFoundError:  # no voxel was written
        return
    for entry in ordered:
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from _files(entry.path, f"{above}{entry.name}/")
            continue
        with suppress(FileNotFoundError):  # what is being written has another name a moment later
            yield f"{above}{entry.name}", entry.stat()
