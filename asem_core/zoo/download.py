"""A file from a server into a local folder: piece by piece, resumable, complete or absent."""

from __future__ import annotations

from pathlib import Path

from asem_core.errors import ModelError
from asem_core.progress import Progress, silent
from asem_core.volume.address import Location, absolute, explain, locate, stamp
from asem_core.volume.output import check_room, explain_os
from asem_core.zoo.files import file_sha256

PIECE_BYTES = 4 * 2**20


def download(uri: str, destination: Path, *, sha256: str | None = None, progress: Progress = silent) -> str:
    """Copy the file ``uri`` to ``destination``, replacing what is there, and return its sha256.

    What has come when the network breaks stays beside the destination, and the same call goes on from there; unless
    size or ETag of the source have changed, then it begins anew.

    Parameters
    ----------
    uri
        Path or URL: ``https://``, ``s3://`` and what else `asem_core.volume.address` knows.
    destination
        File to write; its folder is made if missing.
    sha256
        What the file must have; nothing is kept of a file that has another.
    progress
        Told about pieces of 4 MiB.

    Raises
    ------
    ModelError
        There is no such file, the server cannot be reached or stops, or the sha256 is another.
    OutputError
        The disk is full, or cannot be written.

    Examples
    --------
    >>> download("https://example.org/model.zip", Path("model.zip"))  # doctest: +SKIP
    """
    source = locate(absolute(uri))
    size = _size(source)
    destination.parent.mkdir(parents=True, exist_ok=True)
    check_room(destination.parent, size)
    partial = _partial(destination, source)
    try:
        have = _fetch(source, size, partial, progress)
    except OSError as error:
        raise explain_os(error, destination) from error
    found = file_sha256(partial)
    if have != size or sha256 not in (None, found):
        partial.unlink()
        wanted = f"sha256 {sha256}" if have == size else f"{size} bytes"
        raise ModelError(f"{uri}: got {have} bytes, sha256 {found}, expected {wanted}; nothing was kept, try again")
    partial.replace(destination)
    return found


def _fetch(source: Location, size: int, partial: Path, progress: Progress) -> int:
    """Append to ``partial`` what it lacks of ``source``; the bytes that it then has."""
    pieces = max(1, -(-size // PIECE_BYTES))
    have = partial.stat().st_size if partial.exists() else 0
    progress("download", min(pieces, have // PIECE_BYTES), pieces)
    with partial.open("ab") as file:
        while have < size:
            file.write(_read(source, have, min(have + PIECE_BYTES, size), size))
            file.flush()
            have = file.tell()
            progress("download", min(pieces, have // PIECE_BYTES), pieces)
    progress("download", pieces, pieces)
    return have


def _size(source: Location) -> int:
    try:
        size = source.stat().st_size if isinstance(source, Path) else source.fs.info(source.path)["size"]
    except Exception as error:  # every client has its own kinds; that of http says that nothing is there of any trouble
        cause = error.__cause__ or error
        absent = isinstance(cause, FileNotFoundError) or getattr(cause, "status", None) == 404
        reason = "there is no such file; check the address" if absent else explain(cause)
        raise ModelError(f"{source}: {reason}") from error
    if size is None:
        raise ModelError(f"{source}: the server does not say how large the file is: download it by other means")
    return int(size)


def _partial(destination: Path, source: Location) -> Path:
    """Where pieces of this state of ``source`` are gathered; those of another state are removed."""
    import hashlib

    state = hashlib.sha256(f"{source} {stamp(source)}".encode()).hexdigest()[:12]
    partial = destination.with_name(f".{destination.name}.{state}.partial")
    for other in destination.parent.glob(f".{destination.name}.*.partial"):
        if other != partial:
            other.unlink()
    return partial


def _read(source: Location, start: int, stop: int, size: int) -> bytes:
    """Bytes from ``start``: up to ``stop``, or to the end where the server does not know ranges."""
    try:
        if isinstance(source, Path):
            with source.open("rb") as file:
                file.seek(start)
                return file.read(stop - start)
        content = bytes(source.fs.cat_file(source.path, start=start, end=stop))
    except Exception as error:  # every client has its own kinds
        raise ModelError(
            f"{source}: {explain(error)}; {start} of {size} bytes are here, the same command goes on from there"
        ) from error
    if len(content) == size:
        return content[start:]
    if not 0 < len(content) <= stop - start:
        raise ModelError(f"{source}: asked for bytes {start} to {stop}, the server sent {len(content)}; try again")
    return content
