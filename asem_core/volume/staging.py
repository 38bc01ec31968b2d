"""Streaming plane-wise sources (TIFF sections) into chunked arrays: bounded memory, whatever the size."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.errors import OutputError
from asem_core.geometry import Box, Triple, triple
from asem_core.progress import Progress, silent
from asem_core.volume.formats.zarr_array import ZarrArray
from asem_core.volume.volume import Volume

STAGING_CHUNK = 64
SLAB_BYTES = 100 * 2**20
"""Most bytes of the source that are held at once; a wide section is then read in strips of rows."""


class Writable(Protocol):
    """An array that takes slices."""

    def __setitem__(self, key: Any, value: npt.NDArray[Any]) -> None: ...


def staged_bytes(volume: Volume) -> int:
    """Disk that a chunked copy of ``volume`` needs at most, in bytes; none where it can be read by blocks as it is."""
    if not volume.planewise:
        return 0
    chunks = math.prod(-(-n // STAGING_CHUNK) for n in volume.shape)
    return int(chunks * STAGING_CHUNK**3 * volume.dtype.itemsize)


def copy_in_chunks(volume: Volume, folder: Path, *, progress: Progress = silent) -> Volume:
    """Copy ``volume`` into a Zarr of 64-voxel chunks, so that blocks can be read without reading whole sections.

    Parameters
    ----------
    volume
        Any volume; reading each section once matters for plane-wise ones.
    folder
        Where the Zarr array is made; must not exist.

    Returns
    -------
    Volume
        The copy. It keeps the address, identity and place of ``volume``.
    """
    import zarr

    if folder.exists():
        raise OutputError(f"{folder} exists already; remove it")
    codec: dict[str, Any] = {"id": "blosc", "cname": "lz4", "clevel": 3, "shuffle": 1}
    chunks = triple([min(STAGING_CHUNK, n) for n in volume.shape])
    try:
        array = zarr.create_array(
            folder,
            shape=volume.shape,
            dtype=volume.dtype,
            chunks=chunks,
            zarr_format=2,
            fill_value=0,
            compressors=codec,
            chunk_key_encoding={"name": "v2", "separator": "/"},
        )
        copy_slabs(volume, volume.box, array, chunks, progress=progress, sweep="staging", dtype=volume.dtype)
    except OSError as exc:
        raise OutputError(f"{folder}: cannot be written: {exc.strerror or exc}") from exc
    return attrs.evolve(volume, array=ZarrArray(array, folder), chunks=chunks)


@contextmanager
def readable_by_blocks(volume: Volume, scratch: Path, *, progress: Progress = silent) -> Iterator[Volume]:
    """``volume`` itself, or for plane-wise storage a chunked copy in the folder ``scratch``, removed at the end."""
    if not volume.planewise:
        yield volume
        return
    try:
        yield copy_in_chunks(volume, scratch, progress=progress)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def copy_slabs(
    volume: Volume, roi: Box, target: Writable, chunk: Triple, *, dtype: np.dtype[Any], progress: Progress, sweep: str
) -> None:
    """Write ``roi`` of ``volume`` as ``dtype`` into ``target``, whose voxel 0 is the ROI's first, in whole chunks."""
    boxes = list(slabs(roi, chunk, volume.dtype.itemsize))
    for done, box in enumerate(boxes):
        progress(sweep, done, len(boxes))
        target[box.shift([-a for a in roi.start]).slices] = volume.read(box).astype(dtype, copy=False)
    progress(sweep, len(boxes), len(boxes))


def slabs(roi: Box, chunk: Triple, itemsize: int) -> Iterator[Box]:
    """Cut ``roi`` into boxes of whole chunks of at most `SLAB_BYTES`: one chunk thick, as many rows and columns as fit.

    A box never holds less than one chunk, whatever its size.
    """
    _, height, width = roi.shape
    columns = _fitting(width, chunk[2], SLAB_BYTES // (chunk[0] * chunk[1] * itemsize))
    rows = _fitting(height, chunk[1], SLAB_BYTES // (chunk[0] * min(columns, width) * itemsize))
    return roi.tiles((chunk[0], rows, columns))


def slabs_of(volume: Volume) -> list[Box]:
    """All of ``volume`` in `slabs`, as it is best read from its storage."""
    return list(slabs(volume.box, read_unit(volume), volume.dtype.itemsize))


def read_unit(volume: Volume) -> Triple:
    """What is read at once: the chunks of ``volume``, or some rows of a section where those are whole sections."""
    return (1, STAGING_CHUNK, volume.shape[2]) if volume.planewise else volume.chunks


def _fitting(length: int, step: int, most: int) -> int:
    """The most that is allowed, in whole steps; the whole length where it fits."""
    return max(length, 1) if length <= most else max(step, most // step * step)
