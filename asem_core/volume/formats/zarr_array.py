"""A stored Zarr array as a `LazyArray`: damaged chunks are reported with their path."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from asem_core.errors import VolumeError
from asem_core.geometry import Box, Triple
from asem_core.volume.address import Location, explain, stamp
from asem_core.volume.formats import zarr_node
from asem_core.volume.identity import files_digest

if TYPE_CHECKING:
    import zarr
    from zarr.storage import FsspecStore

_DIGEST_CHUNKS = 3
"""How many chunks, evenly spread over a remote array, are looked at for the digest: each is a request."""


class ZarrArray:
    """``array`` with all of its axes."""

    def __init__(self, array: zarr.Array[Any], path: Location) -> None:
        self._array = array
        self._path = path

    @property
    def shape(self) -> tuple[int, ...]:
        """Voxels per axis."""
        return tuple(self._array.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of one voxel."""
        return np.dtype(self._array.dtype)

    @property
    def chunks(self) -> tuple[int, ...]:
        """What is read at once: a shard counts as its inner chunks."""
        return tuple(self._array.chunks)

    def __getitem__(self, key: Any) -> npt.NDArray[Any]:
        rest = key if isinstance(key, tuple) else (key,)
        try:
            return np.asarray(self._array[rest])
        except Exception as exc:  # codecs raise whatever they like on damaged chunks
            raise VolumeError(f"{self._path}: cannot read {_where(rest)}: {explain(exc)}") from exc


def open_array(path: Location) -> zarr.Array[Any]:
    """The Zarr array at ``path``, for reading."""
    import zarr

    try:
        return zarr.open_array(store_at(path, read_only=True), mode="r")
    except Exception as exc:  # zarr raises many kinds on damaged metadata
        raise VolumeError(f"{path}: cannot open the Zarr array: {explain(exc)}") from exc


def store_at(path: Location, *, read_only: bool = False) -> Path | FsspecStore:
    """What Zarr is given to open the array or group ``path``."""
    if isinstance(path, Path):
        return path
    from zarr.storage import FsspecStore

    return FsspecStore.from_url(str(path), storage_options=dict(path.storage_options), read_only=read_only)


def temporary_array(path: Path, *, shape: Triple, dtype: npt.DTypeLike, chunk: Triple) -> zarr.Array[Any]:
    """An array ``(z, y, x)`` of fast compression in the folder ``path``, made, or opened again if it is such a one.

    Every chunk that is written lies on disk, also one of zeros.
    """
    import zarr

    chunks = tuple(min(c, n) for c, n in zip(chunk, shape, strict=True))
    if (path / ".zarray").is_file():
        found = zarr.open_array(path, mode="r+")
        if (found.shape, found.chunks, found.dtype) == (tuple(shape), chunks, np.dtype(dtype)):
            return found.with_config({"write_empty_chunks": True})
    compressor: Any = {"id": "blosc", "cname": "lz4", "clevel": 1, "shuffle": 1}
    return zarr.create_array(
        path,
        shape=shape,
        dtype=np.dtype(dtype),
        chunks=chunks,
        zarr_format=2,
        compressors=compressor,
        fill_value=0,
        config={"write_empty_chunks": True},
        chunk_key_encoding={"name": "v2", "separator": "/"},
        overwrite=True,
    )


def chunk_path(array: zarr.Array[Any], index: Sequence[int]) -> Path:
    """The file that holds chunk ``index`` of ``array``, which must lie in a local folder."""
    root = Path(getattr(array.store, "root"))  # noqa: B009  only LocalStore has it
    return root / array.path / array.metadata.encode_chunk_key(tuple(index))


def block_files(array: zarr.Array[Any], box: Box) -> list[Path]:
    """The files without which ``box``, one chunk of a `temporary_array`, cannot be read."""
    index = [a // c for a, c in zip(box.start, array.chunks, strict=True)]
    return [chunk_path(array, index), Path(getattr(array.store, "root")) / ".zarray"]  # noqa: B009  as above


def digest(array: zarr.Array[Any], path: Location) -> str:
    """Fingerprint of the metadata, and of size and time of every file; remote: of size and ETag of some chunks."""
    metadata = zarr_node.metadata_bytes(path)
    if isinstance(path, Path):
        return files_digest(path, metadata)
    found = hashlib.sha256(metadata)
    grid = [math.ceil(n / c) for n, c in zip(array.shape, array.shards or array.chunks, strict=True)]
    total = math.prod(grid)
    for number in range(0, total, max(1, -(-total // _DIGEST_CHUNKS))):
        index = tuple(int(i) for i in np.unravel_index(number, grid))
        mark = stamp(path / array.metadata.encode_chunk_key(index))
        if mark is not None:
            found.update(f"{number} {mark}\n".encode())
    return found.hexdigest()


def _where(key: tuple[Any, ...]) -> str:
    return ",".join(f"{k.start}:{k.stop}" if isinstance(k, slice) else str(k) for k in key)
