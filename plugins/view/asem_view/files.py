"""What is answered to somebody who asks for a file, or for a part of it: on a disk, or in a bucket."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path

import attrs

from asem_core.volume import Location, read_bytes

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_BYTES = "application/octet-stream"


@attrs.frozen(kw_only=True)
class Answer:
    """Of a web server."""

    status: HTTPStatus
    about: Mapping[str, str] = attrs.field(factory=dict)
    """Headers."""
    content: bytes = b""
    length: int
    """Bytes of the content, which HEAD is not sent."""


ABSENT = Answer(status=HTTPStatus.NOT_FOUND, length=0)


def answer_for(place: Location, asked: str | None, *, body: bool) -> Answer:
    """The file at ``place``, or what the header ``Range`` asks for of it.

    A whole file of a bucket is one request there; a part is two, since its answer states the size of all.

    Raises
    ------
    Exception
        The disk has failed, or the server of a bucket, in whatever words its client has for that.
    """
    about = {"Accept-Ranges": "bytes", "Content-Type": mimetypes.guess_type(place.name)[0] or _BYTES}
    if asked is None and body:
        content = read_bytes(place)
        return ABSENT if content is None else _answer(HTTPStatus.OK, about, content)
    size = size_of(place)
    if size is None:
        return ABSENT
    if asked is None:
        return Answer(status=HTTPStatus.OK, about=about, length=size)
    part = part_of(asked, size)
    if not part:
        about["Content-Range"] = f"bytes */{size}"
        return Answer(status=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, about=about, length=0)
    about["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{size}"
    if not body:
        return Answer(status=HTTPStatus.PARTIAL_CONTENT, about=about, length=len(part))
    return _answer(HTTPStatus.PARTIAL_CONTENT, about, read_part(place, part))


def _answer(status: HTTPStatus, about: Mapping[str, str], content: bytes) -> Answer:
    return Answer(status=status, about=about, content=content, length=len(content))


def part_of(asked: str, size: int) -> range:
    """The bytes of a file of ``size`` bytes that the header ``Range`` asks for; none where they do not exist.

    >>> part_of("bytes=2-4", 10), part_of("bytes=7-", 10), part_of("bytes=-3", 10), part_of("bytes=10-", 10)
    (range(2, 5), range(7, 10), range(7, 10), range(0, 0))
    """
    found = _RANGE.fullmatch(asked)
    first, last = found.groups() if found else ("", "")
    if first:
        start, stop = int(first), min(int(last) + 1 if last else size, size)
    else:
        start, stop = max(0, size - int(last or 0)), size
    return range(start, stop) if start < stop else range(0)


def size_of(place: Location) -> int | None:
    """Bytes of the file at ``place``; None where there is none."""
    if isinstance(place, Path):
        return place.stat().st_size if place.is_file() else None
    try:
        about = place.fs.info(place.path)
    except (FileNotFoundError, PermissionError):  # what is absent S3 denies to those who may not list
        return None
    return int(about["size"]) if about.get("type") == "file" and about.get("size") is not None else None


def read_part(place: Location, part: range) -> bytes:
    """The bytes ``part`` of the file at ``place``."""
    if isinstance(place, Path):
        with place.open("rb") as file:
            file.seek(part.start)
            return file.read(len(part))
    return bytes(place.fs.cat_file(place.path, start=part.start, end=part.stop))
