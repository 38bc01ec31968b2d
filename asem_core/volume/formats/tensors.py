"""Arrays that tensorstore reads: where they lie, and its errors in our words."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from asem_core.errors import VolumeError
from asem_core.volume.address import Location, explain
from asem_core.volume.identity import files_digest

_RETRIES = {"max_retries": 4, "initial_delay": "500ms", "max_delay": "2s"}
CONTEXT = {"http_request_retries": _RETRIES, "s3_request_retries": _RETRIES}
"""tensorstore's own 32 retries keep a broken server secret for minutes."""
_CODE = re.compile(r"\[(?:HTTP code |http_response_code=')(\d+)")
"""As tensorstore 0.1.86 tells it, and as 0.1.71 to 0.1.78 do."""


class TensorArray:
    """The tensorstore ``store``, whose indices begin at 0, at ``path``."""

    def __init__(self, store: Any, path: Location) -> None:
        self._store = store
        self._path = path

    @property
    def shape(self) -> tuple[int, ...]:
        """Voxels per axis."""
        return tuple(self._store.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of one voxel."""
        return np.dtype(str(self._store.dtype.name))

    @property
    def chunks(self) -> tuple[int, ...]:
        """What is read at once."""
        return tuple(self._store.chunk_layout.read_chunk.shape)

    def __getitem__(self, key: Any) -> npt.NDArray[Any]:
        rest = from_zero(key if isinstance(key, tuple) else (key,), self.shape)
        try:
            return np.asarray(self._store[rest].read().result())
        except Exception as exc:  # tensorstore raises ValueError for everything
            raise VolumeError(f"{self._path}: cannot read {rest}: {told(exc)}") from exc


def tensor_digest(folder: Location, metadata: bytes) -> str:
    """Fingerprint of ``metadata``, and of every file in ``folder``, which holds the chunks; remote: of the former."""
    if isinstance(folder, Path):
        return files_digest(folder, metadata)
    return hashlib.sha256(metadata).hexdigest()


def from_zero(key: tuple[Any, ...], shape: tuple[int, ...]) -> tuple[int | slice, ...]:
    """``key`` without what counts from the end of an axis, which numpy understands.

    >>> from_zero((-1, slice(None, -2)), (5, 9, 9))
    (4, slice(0, 7, 1))
    """
    return tuple(
        slice(*part.indices(length)) if isinstance(part, slice) else range(length)[part]
        for part, length in zip(key, shape, strict=False)
    )


def told(problem: Exception) -> str:
    """Without the brackets that tensorstore puts round servers' answers and places in its source, but for the code."""
    said = explain(problem)
    code = _CODE.search(said)
    return said.partition(" [")[0] + (f" ({code[1]})" if code else "")


def kvstore(path: Location) -> Mapping[str, Any] | str:
    """The folder ``path`` for tensorstore's own clients, which fetch the blocks of a box side by side."""
    if isinstance(path, Path):
        return {"driver": "file", "path": f"{path.resolve()}/"}  # it refuses paths with ..
    if path.protocol != "s3":
        return f"{path}/"
    bucket, _, key = path.path.partition("/")
    found: dict[str, Any] = {"driver": "s3", "bucket": bucket, "path": f"{key}/"}
    if path.storage_options.get("anon"):
        found["aws_credentials"] = {"type": "anonymous"}
    endpoint = path.storage_options.get("endpoint_url") or os.environ.get("AWS_ENDPOINT_URL")
    if endpoint:
        found |= {"endpoint": endpoint, "aws_region": os.environ.get("AWS_DEFAULT_REGION", "us-east-1")}
    return found
