"""Places where outputs lie, on a disk or in a bucket, and all that is done to them there.

A bucket knows no folders, no renaming and no appending; what is written to it appears as a whole, and is seen by all
at once (S3 since 2020, Google's and Azure's always, MinIO too). So what marks an output goes there first and goes away
last, see `publish` and `remove`.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from asem_core.errors import AsemError, OutputError, StorageError
from asem_core.volume.address import NO_BUCKET, Location, error_code, explain, is_denied, is_unreachable

if TYPE_CHECKING:
    from upath import UPath

_ABSENT = (FileNotFoundError, IsADirectoryError, NotADirectoryError)
_METADATA = (".zattrs", "zarr.json", ".zgroup", ".zarray")
"""Of a Zarr group or array: that which may hold the mark of an output comes first."""
_HOPELESS = frozenset(
    (NO_BUCKET, "ContainerNotFound", "InvalidBucketName", "InvalidToken", "TokenRefreshRequired", "NoCredentialsError")
)
"""What servers and clients call that which every further request would meet too, beside denials."""
_MADE_BY_ANOTHER = ("PreconditionFailed", "412", "ConditionalRequestConflict", "409")
"""What S3's servers answer to a conditional write of what is there already, or is being made at this moment."""


def exists(place: Location) -> bool:
    """Whether there is anything at ``place``: a file, a folder, an object, or objects below it.

    Raises
    ------
    StorageError
        The bucket cannot be asked, here as in all other functions.
    """
    if isinstance(place, Path):
        return place.exists()
    with told(place):
        try:
            place.fs.info(place.path)
        except _ABSENT:
            return False
        return True


def names(place: Location) -> list[str]:
    """Names of what is directly in the folder ``place``; none where there is none."""
    if isinstance(place, Path):
        return [child.name for child in place.iterdir()] if place.is_dir() else []
    with told(place):
        try:
            found = place.fs.ls(place.path, detail=False)
        except _ABSENT:
            return []
    return [name for name in (str(entry).rstrip("/").rpartition("/")[2] for entry in found) if name != place.name]


def read(place: Location) -> bytes | None:
    """The file or object ``place``; None where there is none."""
    if isinstance(place, Path):
        try:
            return place.read_bytes()
        except _ABSENT:
            return None
    with told(place):
        try:
            return bytes(place.fs.cat_file(place.path))
        except _ABSENT as problem:
            if error_code(problem) in _HOPELESS:
                raise
            return None


def read_below(root: UPath, below: Iterable[str]) -> dict[str, bytes | None]:
    """The objects with the names ``below`` in ``root``, fetched side by side; None where there is none."""
    paths = {name: f"{root.path.rstrip('/')}/{name}" for name in below}
    with told(root):
        found: Mapping[str, object] = root.fs.cat(list(paths.values()), on_error="return") if paths else {}
        contents: dict[str, bytes | None] = {}
        for name, path in paths.items():
            value = found[path.lstrip("/")] if path not in found else found[path]
            if isinstance(value, Exception) and (not isinstance(value, _ABSENT) or error_code(value) in _HOPELESS):
                raise value
            contents[name] = bytes(value) if isinstance(value, bytes | bytearray) else None
    return contents


def write(place: Location, content: bytes) -> None:
    """Make ``place`` a file or object that holds ``content``: as a whole, or not at all."""
    if isinstance(place, Path):
        partial = place.with_name(f"{place.name}.partial")
        partial.write_bytes(content)
        partial.replace(place)
        return
    with told(place), _into_bucket():
        place.fs.pipe_file(place.path, content)


def bring(file: Path, place: Location) -> None:
    """Make ``place`` a copy of ``file``; a bucket that keeps types of content is told that which the name implies."""
    if isinstance(place, Path):
        write(place, file.read_bytes())
        return
    with told(place):
        place.fs.put_file(str(file), place.path)


def create(place: UPath, content: bytes) -> bool:
    """Make the object ``place`` where there is none, and say whether there was none: of many who try, one succeeds."""
    with told(place), _into_bucket():
        try:
            place.fs.pipe_file(place.path, content, mode="create")
        except FileExistsError:
            return False
        except OSError as problem:
            if error_code(problem) not in _MADE_BY_ANOTHER:
                raise
            return False
        return True


def age_s(place: UPath, *, now: UPath) -> float | None:
    """Seconds from when ``place`` was written to when ``now`` was, by the server's clock; None: one is not there."""
    with told(place):
        try:
            then, later = (each.fs.modified(each.path) for each in (place, now))
        except _ABSENT:
            return None
        return float((later - then).total_seconds())


def remove(place: Location) -> None:
    """Delete a file or folder, an object or all below it; nothing there is fine. What marks an output goes last."""
    if isinstance(place, Path):
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)
        return
    with told(place):
        for together in reversed(_in_order(place, _objects(place))):
            place.fs.rm(together)
        if _objects(place):
            raise OutputError(f"{place}: not all of it could be deleted; may these credentials delete objects?")


def delete(place: Location) -> None:
    """Delete the file or object ``place``; none there is fine."""
    if isinstance(place, Path):
        place.unlink(missing_ok=True)
        return
    with told(place), suppress(*_ABSENT):
        place.fs.rm_file(place.path)


def publish(made: Path, place: Location) -> None:
    """Bring the folder or file ``made`` to ``place``, where nothing is; its mark is there before the rest."""
    if isinstance(place, Path):
        made.rename(place)
        return
    files = {f"{place.path}/{file.relative_to(made).as_posix()}": file for file in made.rglob("*") if file.is_file()}
    with told(place):
        for together in _in_order(place, files):
            place.fs.pipe({path: files[path].read_bytes() for path in together})
    remove(made)


@contextmanager
def told(place: Location) -> Iterator[None]:
    """What a bucket's client raises within this context, as one line; a disk's errors stay what they are.

    Raises
    ------
    StorageError
        Every further request would meet the same: no such bucket, no permission, no server.
    OutputError
        This one failed.
    """
    try:
        yield
    except AsemError:
        raise
    except Exception as problem:  # every client has its own kinds
        if isinstance(place, Path):
            raise
        name = error_code(problem) or type(problem).__name__
        lasting = is_denied(problem) or is_unreachable(problem) or name in _HOPELESS
        raise (StorageError if lasting else OutputError)(f"{place}: {explain(problem)}") from problem


class _NoBucketError(Exception):
    """As S3's client says it."""

    response: ClassVar = {"Error": {"Code": NO_BUCKET}}


@contextmanager
def _into_bucket() -> Iterator[None]:
    """Nothing but a bucket can be missing for what is written; Google's client does not say so."""
    try:
        yield
    except FileNotFoundError as problem:
        raise _NoBucketError from problem


def _objects(place: UPath) -> list[str]:
    """Paths of the object ``place``, or of all below it."""
    try:
        return [str(path) for path in place.fs.find(place.path)]
    except _ABSENT:
        return []


def _in_order(root: UPath, paths: Iterable[str]) -> list[list[str]]:
    """``paths`` below ``root`` in steps: an object is there before another that would be read without it.

    First the metadata of the root, one after the other, since its mark counts for all; then those of what is in it, and
    so on, for an array of which a group above is missing is taken for one that stands alone; last the rest.
    """

    def step(path: str) -> tuple[int, int]:
        *groups, name = path.removeprefix(f"{root.path}/").split("/")
        if name not in _METADATA:
            return sys.maxsize, 0
        return len(groups), 0 if groups else _METADATA.index(name)

    return [list(together) for _, together in groupby(sorted(paths, key=step), key=step)]
