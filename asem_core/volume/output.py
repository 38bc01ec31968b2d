"""Outputs that are either complete or not there: written beside the destination and renamed at the end."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs

from asem_core.errors import OutputError
from asem_core.volume.formats import zarr_node
from asem_core.volume.formats.sections import is_tiff


@attrs.frozen(kw_only=True)
class Replaceable:
    """What a command writes, and therefore may replace."""

    name: str
    """In words: ``a volume``."""
    recognise: Callable[[Path], bool]


@contextmanager
def complete_or_absent(
    destination: Path, *, needed_bytes: int, overwrite: bool, kind: Replaceable | None = None
) -> Iterator[Path]:
    """A hidden path beside ``destination`` to write to; renamed at the end, removed on any failure or Ctrl-C.

    Parameters
    ----------
    destination
        File or folder that will be there afterwards.
    needed_bytes
        Room that is asked for beforehand.
    overwrite
        Whether a volume that is already there is replaced; it stays until the new one is complete.
    kind
        What may be replaced, if not a volume.

    Raises
    ------
    OutputError
        The destination exists, is no volume, has no room, or cannot be written.
    """
    check_destination(destination, overwrite=overwrite, kind=kind)
    check_room(destination.parent, needed_bytes)
    partial = destination.with_name(f".{destination.name}.partial")
    try:
        remove(partial)
        yield partial
        _replace(partial, destination)
    except OSError as exc:
        raise _explain(exc, destination) from exc
    finally:
        remove(partial)


def check_destination(destination: Path, *, overwrite: bool, kind: Replaceable | None = None) -> None:
    """Refuse a destination that exists (unless it is a volume, or a ``kind``, and ``overwrite``), or whose folder
    does not."""
    kind = kind or _VOLUME
    if not destination.parent.is_dir():
        raise OutputError(f"{destination.parent}: there is no such folder; create it first")
    if not destination.exists():
        return
    if not overwrite:
        raise OutputError(f"{destination} exists already; use --overwrite to replace it, or another name")
    if not kind.recognise(destination):
        raise OutputError(f"{destination} holds other things than {kind.name} and is not replaced; use another name")


def check_room(folder: Path, needed_bytes: int) -> None:
    """Refuse when the disk of ``folder`` has less room than ``needed_bytes``."""
    free = shutil.disk_usage(folder).free
    if free < needed_bytes:
        raise OutputError(
            f"{folder}: the disk has {free / 1e9:.1f} GB left, up to {needed_bytes / 1e9:.1f} GB are needed; "
            "make room, or use --roi"
        )


def remove(path: Path) -> None:
    """Delete a file or a folder; nothing there is fine."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _is_volume(path: Path) -> bool:
    if path.is_dir():
        return zarr_node.kind(path) is not None or all(is_tiff(child) for child in path.iterdir())
    return is_tiff(path)


_VOLUME = Replaceable(name="a volume", recognise=_is_volume)


def _replace(partial: Path, destination: Path) -> None:
    old = destination.with_name(f".{destination.name}.old")
    remove(old)
    if destination.exists():
        destination.rename(old)
    partial.rename(destination)
    remove(old)


def _explain(exc: OSError, destination: Path) -> OutputError:
    if exc.errno == errno.ENOSPC:
        return OutputError(f"{destination}: the disk is full; nothing was kept; make room, or use --roi")
    return OutputError(f"{destination}: cannot be written: {exc.strerror or exc}")
