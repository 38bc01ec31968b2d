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
from asem_core.volume.formats.zarr_array import chunk_path


def digest(root: Path, piece: str) -> str | None:
    """Digest of ``piece`` of the output at ``root``; None where it is not there, or not whole."""
    name, keys, span = _parts(piece)
    try:
        if keys:
            return _hash(json.dumps(_value(json.loads((root / name).read_bytes()), keys), sort_keys=True).encode())
        if not span:
            return _hash((root / name).read_bytes())
        start, stop = span
        with (root / name).open("rb") as file:
            file.seek(start)
            content = file.read(stop - start)
    except (OSError, ValueError, LookupError, TypeError):  # all but the first: no JSON, or other JSON
        return None
    return _hash(content) if len(content) == stop - start else None


def restore(piece: str, *, source: Path, root: Path) -> None:
    """Make ``piece``, a file or a value in one, of the output at ``root`` what it is at ``source``."""
    name, keys, _ = _parts(piece)
    content = (source / name).read_bytes()
    if keys:
        with suppress(OSError, ValueError, LookupError, TypeError):  # what is around the value stays where it can
            found = json.loads((root / name).read_bytes())
            _value(found, keys[:-1])[keys[-1]] = _value(json.loads(content), keys)
            content = json.dumps(found, indent=2).encode()
    partial = (root / name).with_name(f"{Path(name).name}.partial")
    partial.parent.mkdir(parents=True, exist_ok=True)
    partial.write_bytes(content)
    partial.replace(root / name)


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
