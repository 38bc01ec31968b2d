"""Addresses: local paths and URLs behind one interface, pathlib's. The only module that knows about networks.

`locate` turns an address into a `pathlib.Path`, or for ``http://``, ``https://``, ``s3://`` and whatever else fsspec
knows into a `upath.UPath`. Metadata files are fetched once within `remembering`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from asem_core.errors import VolumeError
from asem_core.home import expand, local_path

if TYPE_CHECKING:
    from upath import UPath

Location: TypeAlias = "Path | UPath"

_ABSENT = (FileNotFoundError, IsADirectoryError, NotADirectoryError)
_EXTRAS = {"http": "http", "https": "http", "s3": "s3"}
"""Per scheme, the extra that brings its client."""

_fetched: ContextVar[dict[str, bytes | None] | None] = ContextVar("fetched", default=None)


def absolute(uri: str | Path) -> str:
    """``uri`` as an absolute path, also where it is written ``file://``; another URL without its trailing slash.

    >>> absolute("file:///data/cell%201.zarr")
    '/data/cell 1.zarr'
    >>> absolute("s3://bucket/cell.zarr/")
    's3://bucket/cell.zarr'
    """
    text = str(uri)
    if text.startswith("file://"):
        from urllib.parse import urlsplit
        from urllib.request import url2pathname

        text = url2pathname(urlsplit(text).path)
    return text.rstrip("/") if is_remote(text) else str(local_path(text).absolute())


def is_remote(uri: str) -> bool:
    """Whether ``uri`` is a URL."""
    return "://" in uri


def beside(folder: Path, uri: str) -> str:
    """``uri`` as it is meant in a file in ``folder``: a relative path is relative to that folder."""
    return uri if is_remote(uri) else str(folder / expand(uri))


def locate(uri: str) -> Location:
    """The place that ``uri`` (as `absolute` returns it) stands for.

    Raises
    ------
    VolumeError
        Nothing that is installed speaks the scheme of the URL.
    """
    if not is_remote(uri):
        return Path(uri)
    from upath import UPath

    scheme = uri.partition("://")[0]
    try:
        place = UPath(uri, **_storage_options(scheme))
        _ = place.fs  # the client is imported here
    except ImportError as exc:
        extra = _EXTRAS.get(scheme)
        remedy = f"pip install 'asem-core[{extra}]'" if extra else "install the package that the message names"
        raise VolumeError(f"{uri}: {scheme}:// cannot be read: {exc}; {remedy}") from exc
    except ValueError as exc:
        raise VolumeError(
            f"{uri}: unknown scheme {scheme}://; use a path, file://, http://, https:// or s3://"
        ) from exc
    return cast("UPath", place)


@contextmanager
def remembering() -> Iterator[None]:
    """Within this context every remote metadata file is fetched at most once."""
    if _fetched.get() is not None:
        yield
        return
    token = _fetched.set({})
    try:
        yield
    finally:
        _fetched.reset(token)


def read_bytes(path: Location) -> bytes | None:
    """The small file ``path``; None where there is none, or where a server denies it, as S3 does for what is absent.

    Raises
    ------
    VolumeError
        The server cannot be reached or answers with another error.
    """
    if isinstance(path, Path):
        try:
            return path.read_bytes()
        except _ABSENT:
            return None
    seen = _fetched.get()
    key = str(path)
    if seen is not None and key in seen:
        return seen[key]
    content, problem = _fetch(path)
    if problem is not None and not _is_denied(problem):
        raise VolumeError(f"{path}: {explain(problem)}") from problem
    if seen is not None:
        seen[key] = content
    return content


def read_json(path: Location) -> Mapping[str, Any] | None:
    """The JSON object in the file ``path``; None where there is no such file.

    Raises
    ------
    VolumeError
        As `read_bytes`; also when the file holds something else.
    """
    try:
        content = read_bytes(path)
        if content is not None and content.lstrip()[:1] == b"<":
            raise ValueError(
                "it is a web page (HTML), which some servers send for what they do not have; check the address"
            )
        found = None if content is None else json.loads(content.decode("utf-8"))
    except (OSError, ValueError) as exc:
        raise VolumeError(f"{path}: cannot read the metadata: {exc}") from exc
    if content is not None and not isinstance(found, Mapping):
        raise VolumeError(f"{path}: expected a JSON object, found {type(found).__name__}")
    return found


def stamp(path: Location) -> str | None:
    """Size and time, or size and ETag, of the file ``path``: what changes when it is written. None: no such file."""
    if isinstance(path, Path):
        if not path.is_file():
            return None
        status = path.stat()
        return f"{status.st_size} {status.st_mtime_ns}"
    try:
        found = path.fs.info(path.path)
    except Exception:  # a chunk that is not stored, or a server that answers no such question
        return None
    return f"{found.get('size')} {found.get('ETag')}"


def names_in(path: Location) -> list[str]:
    """Names of what is directly in the folder ``path``, sorted; none where nothing can be listed."""
    if isinstance(path, Path):
        return sorted(child.name for child in path.iterdir()) if path.is_dir() else []
    if not can_list(path):
        return []
    try:
        return sorted(str(entry).rstrip("/").rpartition("/")[2] for entry in path.fs.ls(path.path, detail=False))
    except Exception:  # listing is a courtesy that many buckets do not extend
        return []


def can_list(path: Location) -> bool:
    """Whether folders can be listed there: a web server has none."""
    return isinstance(path, Path) or path.protocol not in ("http", "https")


def describe_absence(path: Location) -> str:
    """Why nothing was found at the remote ``path``, and what to do."""
    assert not isinstance(path, Path)
    if path.suffix.lower() in _LOCAL:
        return "TIFF, HDF5, MRC and other single files are read from local disks only; download it first"
    _, problem = _fetch(path / "zarr.json")
    if problem is not None:
        return explain(problem)
    return "there is no Zarr or N5 metadata (404); check the address, which must be that of a group or an array"


_LOCAL = (".tif", ".tiff", ".h5", ".hdf5", ".ims", ".mrc", ".rec", ".nii", ".gz", ".nrrd", ".nhdr", ".npy")


def explain(problem: BaseException) -> str:
    """What went wrong between us and a server, in one sentence with what to do."""
    cause = problem.__cause__ if isinstance(problem, VolumeError) and problem.__cause__ else problem
    if _is_denied(cause):
        return "access is denied (403), or there is no such object; check the address and your credentials"
    status = getattr(cause, "status", None)
    if isinstance(status, int):
        return f"the server answers {status} {getattr(cause, 'message', '')}".rstrip() + "; try again later"
    text = " ".join(str(cause).split()) or type(cause).__name__
    if type(cause).__name__ in _UNREACHABLE or isinstance(cause, ConnectionError | TimeoutError):
        return f"the server cannot be reached: {text}; check the address and the network"
    return text


_UNREACHABLE = frozenset(
    (
        "ClientConnectorError",
        "ClientConnectorDNSError",
        "ServerDisconnectedError",
        "EndpointConnectionError",
        "ConnectTimeoutError",
        "ReadTimeoutError",
        "FSTimeoutError",
    )
)
"""By name: their packages are optional."""


def _fetch(path: UPath) -> tuple[bytes | None, Exception | None]:
    try:
        return bytes(path.fs.cat_file(path.path)), None
    except _ABSENT:
        return None, None
    except Exception as exc:  # every client has its own kinds
        return None, exc


def _is_denied(problem: BaseException) -> bool:
    return isinstance(problem, PermissionError) or getattr(problem, "status", None) in (401, 403)


@cache
def _storage_options(scheme: str) -> Mapping[str, Any]:
    """``anon`` for S3 where neither fsspec's configuration nor the AWS client's own search finds credentials."""
    if scheme != "s3":
        return {}
    from fsspec.config import conf

    if {"anon", "key", "profile"} & set(conf.get("s3", {})):
        return {}
    try:
        from botocore.session import Session
    except ImportError:
        return {}  # `locate` says what to install
    return {"anon": True} if Session().get_credentials() is None else {}
