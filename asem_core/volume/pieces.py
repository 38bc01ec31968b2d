"""Pieces of an output on disk: what one block wrote, and the digest by which damage is found later.

A piece is named by its path inside the output, such as ``labels/mito/0/0/0/0``; part of a file by its bytes too,
``section_0004.tif@256:65792``, and a value in a JSON file by its keys, ``.zattrs#multiscales``. The name ``.`` is the
output itself, where that is one file.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from asem_core.geometry import Box
from asem_core.volume.address import Location
from asem_core.volume.places import read, read_below, write


def digest(root: Location, piece: str) -> str | None:
    """Digest of ``piece`` of the output at ``root``; None where it is not there, or not whole."""
    return digests_found(root, [piece])[piece]


def digests_found(root: Location, pieces: Iterable[str]) -> dict[str, str | None]:
    """The `digest` of every one of ``pieces``; those in a bucket are fetched side by side."""
    parts = {piece: _parts(piece) for piece in pieces}
    if isinstance(root, Path):
        return {piece: _digest(_read(root / name, span), keys, span) for piece, (name, keys, span) in parts.items()}
    contents = read_below(root, {name for name, _, _ in parts.values()})
    return {piece: _digest(contents[name], keys, None) for piece, (name, keys, _) in parts.items()}


def restore(piece: str, *, source: Path, root: Location) -> None:
    """Make ``piece``, a file or a value in one, of the output at ``root`` what it is at ``source``."""
    name, keys, _ = _parts(piece)
    content = (source / name).read_bytes()
    if keys:
        with suppress(OSError, ValueError, LookupError, TypeError):  # what is around the value stays where it can
            found = json.loads(read(root / name) or b"")
            _value(found, keys[:-1])[keys[-1]] = _value(json.loads(content), keys)
            content = json.dumps(found, indent=2).encode()
    if isinstance(root, Path):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
    write(root / name, content)


def digests(root: Location, pieces: Iterable[str]) -> dict[str, str]:
    """Digest of every one of ``pieces``, which were just written.

    Raises
    ------
    OSError
        One of them is not there.
    """
    found = digests_found(root, pieces)
    for piece, value in found.items():
        if value is None:
            raise FileNotFoundError(f"{root / piece} was written but is not there")
    return {piece: value for piece, value in found.items() if value is not None}


def chunk_pieces(array: Any, box: Box) -> list[str]:
    """The files or objects of the Zarr array ``array`` that ``box`` touches: a chunk each, or a shard of them."""
    unit = array.shards or array.chunks
    grid = Box(
        [a // c for a, c in zip(box.start, unit, strict=True)],
        [-(-b // c) for b, c in zip(box.stop, unit, strict=True)],
    )
    folder = f"{array.path}/" if array.path else ""
    return [f"{folder}{array.metadata.encode_chunk_key(index.start)}" for index in grid.tiles(1)]


def _read(file: Path, span: tuple[int, int] | None) -> bytes | None:
    try:
        if not span:
            return file.read_bytes()
        with file.open("rb") as opened:
            opened.seek(span[0])
            return opened.read(span[1] - span[0])
    except OSError:
        return None


def _digest(content: bytes | None, keys: list[str], span: tuple[int, int] | None) -> str | None:
    if content is None or (span and len(content) < span[1] - span[0]):
        return None
    if not keys:
        return _hash(content)
    try:
        return _hash(json.dumps(_value(json.loads(content), keys), sort_keys=True).encode())
    except (ValueError, LookupError, TypeError):  # no JSON, or other JSON
        return None


def _parts(piece: str) -> tuple[str, list[str], tuple[int, int] | None]:
    """File, keys of a value in it, first byte and the one behind the last."""
    match = _PIECE.fullmatch(piece)
    assert match is not None
    name, start, stop, keys = match.groups()
    return name, keys.split("/") if keys else [], (int(start), int(stop)) if start else None


def _value(found: Any, keys: Iterable[str]) -> Any:
    for key in keys:
        found = found[key]
    return found


_PIECE = re.compile(r"(.*?)(?:@(\d+):(\d+)|#(.+))?")


def _hash(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()
