"""Addresses: local paths and URLs behind one interface, pathlib's. The only module that knows about networks.

`locate` turns an address into a `pathlib.Path`, or for ``http://``, ``https://``, ``s3://``, ``gs://``, ``az://`` and
whatever else fsspec knows into a `upath.UPath`. Metadata files are fetched once within `remembering`. What an output
needs of the place where it lies is in `asem_core.volume.places`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from asem_core.errors import OutputError, VolumeError
from asem_core.home import expand, local_path

if TYPE_CHECKING:
    from upath import UPath

Location: TypeAlias = "Path | UPath"

_ABSENT = (FileNotFoundError, IsADirectoryError, NotADirectoryError)
_EXTRAS = {"http": "http", "https": "http", "s3": "s3", "gs": "gcs", "az": "azure"}
"""Per scheme, the extra that brings its client."""
_CREDENTIALS = {
    "s3": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
    "gs": "set GOOGLE_APPLICATION_CREDENTIALS, or run `gcloud auth application-default login`",
    "az": "set AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY, or AZURE_STORAGE_CONNECTION_STRING",
}
NO_BUCKET = "NoSuchBucket"
"""What S3's servers answer, and what we say of others that have no word for it."""

_fetched: ContextVar[dict[str, bytes | None] | None] = ContextVar("fetched", default=None)


def absolute(uri: str | Location) -> str:
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
        raise VolumeError(f"{uri}: {scheme}:// needs a client that is not installed ({exc}): {remedy}") from exc
    except ValueError as exc:
        if scheme == "az":  # its client cannot begin without an account
            raise VolumeError(f"{uri}: {no_credentials(scheme)}") from exc
        if scheme in _EXTRAS:
            raise VolumeError(f"{uri}: {explain(exc)}; see docs/storage.md for what each client is told") from exc
        raise VolumeError(
            f"{uri}: unknown scheme {scheme}://; use a path, file://, http://, https://, s3://, gs:// or az://"
        ) from exc
    return cast("UPath", place)


def destination_of(output: Location | str) -> Location:
    """The place that ``output``, a path or URL, stands for.

    Raises
    ------
    VolumeError
        As `locate`.
    """
    if not isinstance(output, str | Path):
        return output
    return locate(absolute(output)) if is_remote(str(output)) else local_path(output)


def on_disk(place: Location) -> Path:
    """``place``, for what is not written to buckets.

    Raises
    ------
    OutputError
        It is a URL.
    """
    if not isinstance(place, Path):
        raise OutputError(f"{place}: only OME-Zarr is written to a bucket; name it NAME.zarr, or give a local path")
    return place


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
    if problem is not None and not is_denied(problem):
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
    return f"{found.get('size')} {found.get('ETag') or found.get('etag')}"  # S3 and HTTP; Google, Azure


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
    if _lacks_credentials(cause):
        return no_credentials("az")
    code = error_code(cause)
    if is_denied(cause):
        said = f" {code}" if code and not code.isdigit() else ""
        return f"access is denied (403{said}), or there is no such object; check the address and your credentials"
    if code == NO_BUCKET:
        return "there is no such bucket; make it first, or check the address (and AWS_ENDPOINT_URL)"
    if code == "ContainerNotFound":
        return "there is no such container; make it first, or check the address and the account"
    status = _status(cause)
    if status is not None:
        said = " ".join(str(getattr(cause, "message", "")).partition("\n")[0].split())
        return f"the server answers {status} {said}".rstrip() + "; try again later"
    text = " ".join(str(cause).split()) or type(cause).__name__
    if code is not None:
        return f"the server answers {code} ({getattr(cause, 'strerror', None) or text})"
    if is_unreachable(cause):
        return f"the server cannot be reached: {text}; check the address and the network"
    return text


_UNREACHABLE = frozenset(
    (
        "ClientConnectorError",
        "ClientConnectorDNSError",
        "ServerDisconnectedError",
        "ServerTimeoutError",
        "SocketTimeoutError",
        "ServiceRequestError",  # Azure's client
        "ServiceRequestTimeoutError",
        "ServiceResponseError",
        "ServiceResponseTimeoutError",
        "EndpointConnectionError",
        "ConnectTimeoutError",
        "ReadTimeoutError",
        "NoAnswerError",
        "FSTimeoutError",
    )
)
"""By name: their packages are optional."""


def _fetch(path: UPath) -> tuple[bytes | None, Exception | None]:
    try:
        return bytes(path.fs.cat_file(path.path)), None
    except _ABSENT as exc:
        return None, exc if error_code(exc) in (NO_BUCKET, "ContainerNotFound") else None
    except Exception as exc:  # every client has its own kinds
        return None, exc


def is_denied(problem: BaseException) -> bool:
    """Whether a server does not let us in."""
    forbidden = isinstance(problem, PermissionError) or str(problem).startswith("Forbidden")  # gcsfs has no kind for it
    return forbidden or _status(problem) in (401, 403) or _lacks_credentials(problem)


def is_unreachable(problem: BaseException) -> bool:
    """Whether no server answers, or none in time."""
    return type(problem).__name__ in _UNREACHABLE or isinstance(problem, ConnectionError | TimeoutError)


def error_code(problem: BaseException | None) -> str | None:
    """What S3 or Azure calls ``problem``, such as ``NoSuchBucket``; None where no such server answered."""
    for each in (problem, None if problem is None else problem.__cause__):
        said = getattr(each, "response", None)
        if isinstance(said, Mapping) and isinstance(said.get("Error"), Mapping):
            return str(said["Error"].get("Code"))
        named = getattr(each, "error_code", None)
        if isinstance(named, str):
            return str(getattr(named, "value", named))
    return None


def no_credentials(scheme: str) -> str:
    """That nothing says who we are, and what does."""
    return f"no credentials for {scheme}:// were found; {_CREDENTIALS[scheme]}"


def lacks_credentials(place: UPath) -> bool:
    """Whether the client of ``place`` is nobody, as it may be to read what is public."""
    identity = getattr(place.fs, "credentials", None)  # gcsfs; emulators take nobody
    of_google = identity is not None and identity.credentials is None and place.fs.on_google
    return bool(place.storage_options.get("anon")) or of_google


def _lacks_credentials(problem: BaseException) -> bool:
    """Whether Azure's client found none, which it tells of with the first request."""
    return type(problem).__name__ in ("ClientAuthenticationError", "CredentialUnavailableError") and not _status(
        problem
    )


def _status(problem: BaseException) -> int | None:
    """The status that a server answers with, by HTTP's, Azure's or Google's client."""
    found = (getattr(problem, name, None) for name in ("status", "status_code", "code"))
    return next((each for each in found if isinstance(each, int)), None)


@cache
def _storage_options(scheme: str) -> Mapping[str, Any]:
    """What the client of ``scheme`` is told, beside what it reads from the environment by itself.

    Listings are not remembered: others write there too. For S3 a request is answered in time or given up, and tried
    `_ATTEMPTS` times unless the environment says otherwise; it is ``anon`` where neither fsspec's configuration nor the
    AWS client's own search finds credentials.
    """
    options: dict[str, Any] = {} if scheme in ("http", "https") else {"use_listings_cache": False}
    if scheme != "s3":
        return options
    try:
        from botocore.session import Session

        from asem_core.volume.s3_session import BoundedSession
    except ImportError:
        return options  # `locate` says what to install
    from fsspec.config import conf

    configured = conf.get("s3", {})
    options["max_concurrency"] = 1  # otherwise it asks for the size of an object before the object
    retries = {} if _RETRIES & set(os.environ) else {"retries": {"mode": "standard", "max_attempts": _ATTEMPTS}}
    options["config_kwargs"] = {
        "http_session_cls": BoundedSession, **retries, **configured.get("config_kwargs", {}),
    }  # fmt: skip
    if {"anon", "key", "profile"} & set(configured):
        return options
    return {**options, "anon": True} if Session().get_credentials() is None else options


_RETRIES = {"AWS_MAX_ATTEMPTS", "AWS_RETRY_MODE"}
_ATTEMPTS = 6
"""Of one request that meets 5xx, a timeout or a broken connection: about 15 s in all, with waits that double."""
