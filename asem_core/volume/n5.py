"""Reader of N5 through tensorstore. N5 counts axes x, y, z; everything that leaves this module is z, y, x.

Metadata conventions: `asem_core.volume.n5_place`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from asem_core.errors import VolumeError
from asem_core.volume import n5_place
from asem_core.volume.address import Location, explain, locate, read_bytes, read_json
from asem_core.volume.source import Source
from asem_core.volume.zarr_array import leading_ones

METADATA = "attributes.json"
FINEST = "s0"
_STORAGE = ("dimensions", "blockSize", "dataType", "compression")
"""What tensorstore is told; it would refuse data whose other attributes it cannot parse."""


class N5Array:
    """The last three axes of the N5 data set ``store``, turned to z, y, x."""

    def __init__(self, store: Any, path: Location) -> None:
        self._store = store.T
        self._path = path
        self._skip = leading_ones(self._store.shape)

    @property
    def shape(self) -> tuple[int, ...]:
        """Voxels per axis."""
        return tuple(self._store.shape[self._skip :])

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of one voxel."""
        return np.dtype(str(self._store.dtype.name))

    @property
    def chunks(self) -> tuple[int, ...]:
        """What is read at once."""
        return tuple(self._store.chunk_layout.read_chunk.shape[self._skip :])

    def __getitem__(self, key: Any) -> npt.NDArray[Any]:
        rest = key if isinstance(key, tuple) else (key,)
        try:
            return np.asarray(self._store[(0,) * self._skip + rest].read().result())
        except Exception as exc:  # tensorstore raises ValueError for everything
            raise VolumeError(f"{self._path}: cannot read {rest}: {explain(exc)}") from exc


def accepts(uri: str) -> bool:
    """Whether ``uri`` is an N5 data set, or a group with a data set ``s0``."""
    return _dataset(locate(uri)) is not None


def open_n5(uri: str) -> Source:
    """Open the data set; of a multiscale group its finest level."""
    import tensorstore

    path = _dataset(locate(uri))
    if path is None:
        raise VolumeError(f"{uri}: no N5 data set here and none at {FINEST}")
    own, group = read_json(path / METADATA) or {}, read_json(path.parent / METADATA) or {}
    spec = {"driver": "n5", "kvstore": _kvstore(path), "metadata": {k: own[k] for k in _STORAGE if k in own}}
    try:
        store = tensorstore.open(spec, read=True, open=True, assume_metadata=True).result()
    except Exception as exc:  # tensorstore raises ValueError for everything
        raise VolumeError(f"{path}: cannot open the N5 data set: {explain(exc)}") from exc
    array = N5Array(store, path)
    place = n5_place.place(own, group, name=path.name, where=str(path))
    metadata = (read_bytes(folder / METADATA) or b"" for folder in (path, path.parent))
    return Source(
        array=array,
        voxel_size=place.voxel_size,
        lower_edge_nm=place.lower_edge_nm,
        chunks=array.chunks,
        digest=hashlib.sha256(b"\0".join(metadata)).hexdigest(),
    )


def _dataset(path: Location) -> Location | None:
    for folder in (path, path / FINEST):
        if {"dimensions", "blockSize"} <= (read_json(folder / METADATA) or {}).keys():
            return folder
    return None


def _kvstore(path: Location) -> Mapping[str, Any] | str:
    """tensorstore's own clients: they fetch the blocks of a box side by side."""
    if isinstance(path, Path):
        return {"driver": "file", "path": f"{path}/"}
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
