"""Outputs: where one may be written, what may be replaced, and who is writing it.

The one guard of every verb that writes. No verb removes what it reads, or what ASEM did not write; one process writes
an output at a time; a refusal comes before the first byte.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import attrs

from asem_core.errors import OutputError
from asem_core.home import local_path
from asem_core.volume.address import Location, absolute, is_remote, lacks_credentials, locate, no_credentials
from asem_core.volume.formats import zarr_node
from asem_core.volume.formats.ome import PROVENANCE
from asem_core.volume.formats.ome_write import FOLDERS, LABEL_IMAGES
from asem_core.volume.formats.sections import is_tiff
from asem_core.volume.formats.tiff_write import is_own_tiff
from asem_core.volume.lease import leased
from asem_core.volume.places import names, remove
from asem_core.volume.unfinished import MARK_FILE
from asem_core.volume.volume import Volume

if TYPE_CHECKING:
    from upath import UPath

Input: TypeAlias = "Volume | str | Location"
"""What a verb reads: a volume, or an address."""


@attrs.frozen(kw_only=True)
class Replaceable:
    """What a command writes, and therefore may replace."""

    name: str
    """In words: ``a volume``."""
    recognise: Callable[[Any], bool]
    """Whether all that lies at a path was written by ASEM."""


@contextmanager
def complete_or_absent(
    destination: Path,
    *,
    needed_bytes: int,
    overwrite: bool,
    kind: Replaceable | None = None,
    inputs: Iterable[Input] = (),
) -> Iterator[Path]:
    """A hidden path beside ``destination`` to write to; renamed at the end, removed on any failure or Ctrl-C.

    Parameters
    ----------
    destination
        File or folder that will be there afterwards; folders above it are made.
    needed_bytes
        Room that is asked for beforehand.
    overwrite
        Whether a volume that is already there is replaced; it stays until the new one is complete.
    kind
        What may be replaced, if not a volume.
    inputs
        What is read, and must therefore lie elsewhere.

    Raises
    ------
    OutputError
        The destination exists, is no volume, has no room, cannot be written, lies inside an input or round it, or is
        being written by another process.
    """
    inputs = tuple(inputs)
    destination = check_destination(destination, inputs=inputs, overwrite=overwrite, kind=kind)
    check_room(destination.parent, needed_bytes)
    partial = destination.with_name(f".{destination.name}.partial")
    with held(destination):
        try:
            # Once more: another process may have ended a moment ago.
            check_destination(destination, inputs=inputs, overwrite=overwrite, kind=kind)
            remove(partial)
            yield partial
            check_destination(destination, overwrite=overwrite, kind=kind)  # somebody may have put something there
            _replace(partial, destination)
        except OSError as exc:
            raise explain_os(exc, destination) from exc
        finally:
            remove(partial)


def check_destination(
    destination: Path,
    *,
    overwrite: bool,
    kind: Replaceable | None = None,
    inputs: Iterable[Input] = (),
) -> Path:
    """Where an output for ``destination`` goes: the path itself, without ``~`` and links.

    Raises
    ------
    OutputError
        It exists (unless all of it was written by ASEM, as a ``kind`` by default a volume, and ``overwrite``), it is a
        link to nothing, it lies inside an input or round it, or its folder cannot be written.
    """
    destination = place_of(destination, inputs=inputs)
    if destination.exists():
        if not overwrite:
            raise OutputError(f"{destination} exists already; use --overwrite to replace it, or another name")
        check_replaceable(destination, kind)
    return destination


def check_folder(folder: Path, *, inputs: Iterable[Input] = ()) -> Path:
    """Where files are added to the folder ``folder``, which may hold other things too: without ``~`` and links.

    Raises
    ------
    OutputError
        It is a file, a link to nothing, it lies inside an input, or it cannot be written.
    """
    return _settled(folder, inputs=inputs, shared=True)


def check_replaceable(destination: Location, kind: Replaceable | None = None) -> None:
    """Refuse to replace what is not a ``kind`` (by default a volume) that ASEM wrote, and nothing else."""
    kind = kind or VOLUME
    if not kind.recognise(destination):
        raise OutputError(
            f"{destination} is not replaced: it is not, or not only, {kind.name} that ASEM wrote; "
            "remove it by hand if you no longer need it, or use another name"
        )


def place_of(destination: Path, *, inputs: Iterable[Input] = ()) -> Path:
    """``destination`` without ``~`` and links, once it is known that something can be written there.

    Raises
    ------
    OutputError
        It is a URL or a link to nothing, it lies inside an input or round it, or its folder cannot be written.
    """
    return _settled(destination, inputs=inputs, shared=False)


def place_of_volume(destination: Location, *, inputs: Iterable[Input] = ()) -> Location:
    """As `place_of`, for what may also lie in a bucket.

    Raises
    ------
    OutputError
        As `place_of`; of a URL: nobody can write there, no credentials are found, or it lies in or round an input.
    """
    if isinstance(destination, Path):
        return place_of(destination, inputs=inputs)
    _check_bucket(destination, inputs)
    return destination


def check_apart(destination: Path, inputs: Iterable[Input], *, shared: bool = False) -> None:
    """Refuse a destination that is an input, lies inside one or (unless ``shared``) holds one, through whatever links.

    Raises
    ------
    OutputError
        Names the input.
    """
    for read in inputs:
        address = read.uri if isinstance(read, Volume) else absolute(read)
        if is_remote(address) or not Path(address).is_absolute():
            continue  # somewhere else, or in memory
        source = _container(Path(address))
        for written in (destination,) if shared else (destination, *_beside(destination)):
            if _holds(source, written) or (not shared and _holds(written, source)):
                raise OutputError(
                    f"{destination}: what is written would lie in, or replace, what is read ({source}); "
                    "use another name, outside of it"
                )


def check_ome_name(destination: Location, what: str) -> None:
    """Refuse a name that says another format than OME-Zarr, the only one of ``what``, such as ``"a segmentation"``.

    Raises
    ------
    OutputError
        It ends in something else than ``.zarr``.
    """
    if destination.suffix not in ("", ".zarr"):
        raise OutputError(
            f"{destination}: {what} is an OME-Zarr; name it {destination.with_suffix('.zarr').name}, and take it out "
            "as something else afterwards (asem convert)"
        )


def hidden(destination: Location, what: str) -> Path:
    """Where a run keeps ``what`` for a while: beside the output, or for one in a bucket among temporary files."""
    folder = destination.parent if isinstance(destination, Path) else _temporary(destination)
    return folder / f".{destination.name}.{what}"


def check_room(folder: Path, needed_bytes: int, *, remedy: str = "make room, or use --roi") -> None:
    """Refuse when the disk of ``folder``, which need not exist yet, has less room than ``needed_bytes``."""
    free = shutil.disk_usage(_nearest(folder)).free
    if free < needed_bytes:
        raise OutputError(
            f"{folder}: the disk has {_size(free)} left, up to {_size(needed_bytes)} are needed; {remedy}"
        )


def _size(count: int) -> str:
    factor, unit = next((pair for pair in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")) if count >= pair[0]), (1, "bytes"))
    return f"{count / factor:.4g} {unit}"


@contextmanager
def held(destination: Location) -> Iterator[Callable[[], None]]:
    """Within this context no other process of ASEM writes ``destination``; folders above it are made.

    Yields
    ------
    callable
        Raises `OutputError` where that is so no longer, which happens in buckets only, see `asem_core.volume.lease`.

    Raises
    ------
    OutputError
        Another process writes it, or a lock cannot be made there.

    Notes
    -----
    The lock is a file beside it, held through the operating system, so it ends with the process however that ends;
    where a file system has no such locks, process and host in the file tell whether its owner still lives.
    """
    from filelock import FileLock, Timeout

    if not isinstance(destination, Path):
        with leased(destination) as check:
            yield check
        return
    path = _lock_of(destination)
    missing = [folder for folder in destination.parents if not folder.exists()]
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path, timeout=0)
        lock.acquire()
    except Timeout:
        raise OutputError(
            f"{destination} is being written by another process: wait until it has ended, or use another name"
        ) from None
    except OSError as exc:
        raise explain_os(exc, destination) from exc
    try:
        yield lambda: None
    finally:
        with suppress(OSError):  # while it is held, so that whoever waits for this very file sees that it is gone
            path.unlink()
        lock.release()
        with suppress(OSError):  # folders that were made for nothing
            for folder in missing:
                folder.rmdir()


def check_ended(folder: Path) -> None:
    """Refuse to read what a process of ASEM still writes, see `held`.

    Raises
    ------
    OutputError
        Another process writes ``folder``.
    """
    from filelock import FileLock, Timeout

    path = _lock_of(folder)
    if path.exists():
        try:
            with FileLock(path, timeout=0):
                pass
        except Timeout:
            raise OutputError(f"{folder} is being written by another process: wait until it has ended") from None
        except OSError:  # of somebody else, or on a disk that is read only: it cannot be asked
            return


def _lock_of(destination: Path) -> Path:
    return destination.with_name(f".{destination.name}.lock")


@contextmanager
def scratch_beside(destination: Path) -> Iterator[Path]:
    """A folder for temporary files beside ``destination``, which is `held`: empty at first, removed at the end."""
    folder = destination.with_name(f".{destination.name}.work")
    remove(folder)
    folder.mkdir()
    try:
        yield folder
    finally:
        remove(folder)


def is_no_space(error: Exception) -> bool:
    """Whether the disk, or the user's share of it, is full."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def explain_os(exc: OSError, destination: Location) -> OutputError:
    """What went wrong with the disk while ``destination`` was written, in one line."""
    if is_no_space(exc):
        return OutputError(f"{destination}: no space left on the disk; free some, then run the same command again")
    if isinstance(exc, shutil.Error):  # of every file that was not copied: from, to, why
        return OutputError(f"{destination}: cannot be written: {exc.args[0][0][2]}")
    elsewhere = exc.filename is not None and destination.name not in str(exc.filename)
    file = f" ({exc.filename})" if elsewhere else ""
    return OutputError(f"{destination}: cannot be written: {exc.strerror or exc}{file}")


def _settled(destination: Path, *, inputs: Iterable[Input], shared: bool) -> Path:
    if is_remote(str(destination)) or str(destination).startswith(_REMOTE_AS_PATH):
        raise OutputError(f"{destination}: this is written to a local disk; give a path (volumes may go to a URL)")
    try:
        given = local_path(destination)
        for place in (given, *given.parents):
            if place.is_symlink() and not place.exists():
                raise OutputError(
                    f"{place} is a link to {os.readlink(place)}, which does not exist; remove the link, or use another "
                    "name"
                )
        found = given.resolve()
        check_apart(found, inputs, shared=shared)
        _check_writable(found, folder=found if shared else found.parent)
    except (OSError, RuntimeError) as exc:  # RuntimeError: links in a circle
        raise OutputError(f"{destination}: cannot be written: {getattr(exc, 'strerror', None) or exc}") from exc
    return found


def _check_bucket(destination: UPath, inputs: Iterable[Input]) -> None:
    """Refuse what cannot be written to, and what lies in or round what is read."""
    if destination.protocol in ("http", "https"):
        raise OutputError(f"{destination}: web servers are read, not written; give a path, s3://, gs:// or az://")
    if set("*?[]") & set(destination.path) or not destination.name:
        raise OutputError(f"{destination}: give the URL of an OME-Zarr, such as s3://BUCKET/NAME.zarr, without * ? [ ]")
    if lacks_credentials(destination):
        raise OutputError(f"{destination}: {no_credentials(destination.protocol)}")
    for read in inputs:
        address = read.uri if isinstance(read, Volume) else str(read)
        place = locate(address) if is_remote(address) else None
        if place is None or isinstance(place, Path) or place.protocol != destination.protocol:
            continue
        source = _outermost(place)
        if _within(destination, source) or _within(source, destination):
            raise OutputError(
                f"{destination}: what is written would lie in, or replace, what is read ({source}); "
                "use another name, outside of it"
            )


def _outermost(place: Location) -> Location:
    """The outermost Zarr container that ``place`` lies in."""
    found = place
    for parent in place.parents:
        if zarr_node.kind(parent) is None:
            break
        found = parent
    return found


def _within(inner: Location, outer: Location) -> bool:
    return f"{inner}/".startswith(f"{outer}/")


def _temporary(destination: UPath) -> Path:
    """The folder of this user's temporary files for ``destination``; the same one for the next run."""
    user = os.getuid() if hasattr(os, "getuid") else None
    name = hashlib.sha256(f"{user} {destination}".encode()).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"asem-{name}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if user is not None and folder.stat().st_uid != user:
        raise OutputError(f"{folder} belongs to somebody else; set TMPDIR to a folder of your own")
    return folder


def _is_own_volume(place: Location) -> bool:
    if zarr_node.kind(place) is not None:
        return not _foreign(place)
    if not isinstance(place, Path):
        return False
    if not place.is_dir():
        return is_own_tiff(place)
    children = [child for child in place.iterdir() if child.name != MARK_FILE]
    return bool(children) and all(is_tiff(child) and is_own_tiff(child) for child in children)


def _foreign(folder: Location) -> bool:
    """Whether the Zarr ``folder`` is not ASEM's, or holds anything that ASEM did not put there."""
    provenance = zarr_node.attributes(folder).get(PROVENANCE)
    if not isinstance(provenance, dict):
        return True
    levels = {str(level["path"]) for level in _datasets(folder)}
    expected = {*zarr_node.METADATA_FILES, *levels, "labels", *provenance.get(FOLDERS, ())}
    labels = {*zarr_node.METADATA_FILES, *provenance.get(LABEL_IMAGES, zarr_node.children(folder / "labels"))}
    return bool(_others(folder, expected) or _others(folder / "labels", labels))


def _datasets(folder: Location) -> list[dict[str, str]]:
    found = zarr_node.multiscale(folder)
    multiscales = found["multiscales"] if found is not None else []
    return list(multiscales[0].get("datasets", [])) if multiscales else []


def _others(folder: Location, expected: set[str]) -> list[str]:
    return [name for name in names(folder) if name not in expected and not name.endswith(".partial")]


VOLUME = Replaceable(name="a volume", recognise=_is_own_volume)


_REMOTE_AS_PATH = ("http:/", "https:/", "s3:/", "gs:/", "az:/")
"""How a URL looks after `pathlib.Path` took away a slash."""


def _beside(destination: Path) -> list[Path]:
    """Paths beside ``destination`` that a run writes or removes."""
    hidden = ("partial", "old", "lock", "unfinished", "work")
    name = destination.name
    return [destination.with_name(f".{name}.{what}") for what in hidden] + [
        destination.with_name(f"{name}.journal.jsonl")
    ]


def _container(path: Path) -> Path:
    """The outermost Zarr or N5 container, or the file or folder, that ``path`` lies in."""
    path = path.resolve()
    # The path of a data set inside an HDF5 file goes on behind the file.
    found = next((place for place in (path, *path.parents) if place.is_file()), path)
    for parent in (found, *found.parents):
        if zarr_node.kind(parent) is not None or (parent / "attributes.json").is_file():
            found = parent
        elif parent != found:
            break
    return found


def _holds(outer: Path, inner: Path) -> bool:
    """Whether ``inner`` is ``outer`` or lies in it."""
    if outer == inner or outer in inner.parents:
        return True
    if not outer.exists():
        return False
    status = outer.stat()
    return any(p.exists() and os.path.samestat(p.stat(), status) for p in (inner, *inner.parents))


def _nearest(folder: Path) -> Path:
    """``folder``, or the first folder above it that exists."""
    return next(place for place in (folder, *folder.parents) if place.exists())


def _check_writable(destination: Path, *, folder: Path) -> None:
    folder = _nearest(folder)
    if not folder.is_dir():
        raise OutputError(f"{destination}: cannot be written: {folder} is a file, not a folder")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"{destination}: cannot be written: no permission to write in {folder}")


def _replace(partial: Path, destination: Path) -> None:
    old = destination.with_name(f".{destination.name}.old")
    remove(old)
    if destination.exists():
        destination.rename(old)
    try:
        partial.rename(destination)
    except OSError:
        if old.exists():
            old.rename(destination)
        raise
    remove(old)
