"""A zip from elsewhere into a folder, and nothing beside that folder."""

from __future__ import annotations

import lzma
import shutil
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from asem_core.errors import ModelError
from asem_core.volume.output import complete_or_absent
from asem_core.zoo.guard.names import is_inside

MOST_FILES = 1000
MOST_BYTES = 8 * 2**30
"""Of all files, unpacked. Published 3D models take up to some hundred MB."""
MOST_RATIO = 200
"""Unpacked to packed bytes of an archive above `_SMALL`. Weights hardly shrink, test tensors that are mostly 0 do."""
_SMALL = 256 * 2**20
_ENCRYPTED = 0x1
_UNREADABLE = (zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, lzma.LZMAError, NotImplementedError, EOFError,
               RuntimeError, ValueError)  # fmt: skip
"""What zipfile raises on archives that are damaged or that use what it does not know."""


def unpack_safely(archive: Path, destination: Path) -> None:
    """Unpack the zip ``archive`` into the new folder ``destination``, which is complete afterwards or not there.

    Parameters
    ----------
    archive
        A zip file.
    destination
        Must not exist; the folder that holds it must.

    Raises
    ------
    ModelError
        It is no zip, is damaged or encrypted, an entry lies outside its folder, is a link, or has the name of another
        one (on any system: upper and lower case are one name), or the archive holds absurdly many files or bytes.
        Nothing has been written then.
    OutputError
        ``destination`` exists, or cannot be written.

    Examples
    --------
    >>> unpack_safely(Path("mito.zip"), Path("mito"))  # doctest: +SKIP
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            entries = opened.infolist()
            _check_entries(entries, archive)
            needed = sum(entry.file_size for entry in entries)
            with complete_or_absent(destination, needed_bytes=needed, overwrite=False) as partial:
                partial.mkdir()
                for entry in entries:
                    _extract(opened, entry, partial)
    except FileNotFoundError:
        raise ModelError(f"{archive}: there is no such file") from None
    except _UNREADABLE as error:
        raise ModelError(f"{archive}: is no zip that can be read ({error}); download it again") from None
    except OSError as error:
        raise ModelError(f"{archive}: cannot be read: {error.strerror or error}") from None


def _check_entries(entries: list[zipfile.ZipInfo], archive: Path) -> None:
    def refuse(reason: str) -> ModelError:
        return ModelError(f"{archive}: {reason}; it was not unpacked: get it from a source that you trust")

    if len(entries) > MOST_FILES:
        raise refuse(f"holds {len(entries)} files, expected at most {MOST_FILES}")
    seen: set[str] = set()
    for entry in entries:
        if not is_inside(entry.filename):
            raise refuse(f"the entry {entry.filename!r} does not lie inside the archive's folder")
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise refuse(f"the entry {entry.filename!r} is a link or a device, expected files and folders")
        if entry.flag_bits & _ENCRYPTED:
            raise refuse(f"the entry {entry.filename!r} is encrypted")
        name = str(PurePosixPath(entry.filename)).casefold()
        if name in seen:
            raise refuse(f"the name {entry.filename!r} occurs twice")
        seen.add(name)
    total, packed = sum(entry.file_size for entry in entries), archive.stat().st_size
    if total > MOST_BYTES:
        raise refuse(f"its files take {total / 1e9:.1f} GB unpacked, expected at most {MOST_BYTES / 1e9:.1f} GB")
    if total > max(_SMALL, MOST_RATIO * packed):
        raise refuse(f"{packed / 1e6:.1f} MB unpack to {total / 1e6:.0f} MB, more than {MOST_RATIO} times as much")


def _extract(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path) -> None:
    target = folder / entry.filename
    if entry.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    # zipfile gives no more bytes than the entry states, and checks their CRC.
    with opened.open(entry) as source, target.open("xb") as file:
        shutil.copyfileobj(source, file, 2**20)
