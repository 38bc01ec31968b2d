"""Pieces of an output on disk: what one block wrote, and the digest by which damage is found later.

A piece is named by its path inside the output, such as ``labels/mito/0/0/0/0``; part of a file by its bytes too,
``section_0004.tif@256:65792``. The name ``.`` is the output itself, where that is one file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from asem_core.geometry import Box
from asem_core.volume.formats.zarr_array import chunk_path


def digest(root: Path, piece: str) -> str | None:
    """Digest of ``piece`` of the output at ``root``; None where it is not there, or not whole."""
    name, _, span = piece.partition("@")
    try:
        if not span:
            return _hash((root / name).read_bytes())
        start, stop = (int(end) for end in span.split(":"))
        with (root / name).open("rb") as file:
            file.seek(start)
            content = file.read(stop - start)
    except OSError:
        return None
    return _hash(content) if len(content) == stop - start else None


def digests(root: Path, pieces: Iterable[str]) -> dict[str, str]:
    """Digest of every one of ``pieces``, which were just written.

    Raises
    ------
    OSError
        One of them is not there.
    """
    found = {piece: digest(root, piece) for piece in pieces}
    for piece, value in found.items():
        if value is None:
            raise FileNotFoundError(f"{root / piece} was written but is not there")
    return {piece: value for piece, value in found.items() if value is not None}


def chunk_pieces(array: Any, box: Box) -> list[str]:
    """The chunk files of the Zarr array ``array`` that ``box`` touches."""
    grid = Box(
        [a // c for a, c in zip(box.start, array.chunks, strict=True)],
        [-(-b // c) for b, c in zip(box.stop, array.chunks, strict=True)],
    )
    root = Path(array.store.root)
    return [chunk_path(array, unit.start).relative_to(root).as_posix() for unit in grid.tiles(1)]


def _hash(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()
