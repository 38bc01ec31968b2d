"""Writer of uncompressed TIFF sections and stacks that are filled in any order, so that wide sections fit in memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.geometry import FloatTriple, Triple, VoxelSize

_CLASSIC_LIMIT = 2**32 - 2**25
"""Bytes of pixels up to which a classic TIFF (32-bit offsets) also has room for its headers."""


@attrs.frozen(kw_only=True)
class TiffTarget:
    """Sections whose headers are on disk and whose pixels are still to come."""

    planes: Sequence[tuple[Path, int]]
    """Per section: file, and byte offset of its first pixel."""
    shape: Triple
    dtype: np.dtype[Any]

    def __setitem__(self, key: tuple[slice, slice, slice], value: npt.NDArray[Any]) -> None:
        z, y, x = (range(n)[k] for n, k in zip(self.shape, key, strict=True))
        width = self.shape[2]
        for (path, offset), plane in zip(self.planes[z.start : z.stop], value, strict=True):
            whole_rows = len(x) == width
            pieces = [(y.start, plane)] if whole_rows else list(zip(y, plane, strict=True))
            with path.open("r+b") as file:
                for row, piece in pieces:
                    file.seek(offset + (row * width + x.start) * self.dtype.itemsize)
                    file.write(np.ascontiguousarray(piece, self.dtype).data)


def create_sections(
    folder: Path,
    shape: Triple,
    dtype: np.dtype[Any],
    *,
    first: int,
    voxel_size: VoxelSize,
    lower_edge_nm: FloatTriple | None,
) -> TiffTarget:
    """Create ``folder`` with one TIFF per section, ``section_0000.tif`` numbered from ``first``."""
    folder.mkdir()
    digits = max(4, len(str(first + shape[0] - 1)))
    files = [folder / f"section_{first + z:0{digits}d}.tif" for z in range(shape[0])]
    planes = [(file, _create(file, shape[1:], dtype, first, voxel_size, lower_edge_nm)) for file in files]
    return TiffTarget(planes=planes, shape=shape, dtype=dtype)


def create_stack(
    path: Path,
    shape: Triple,
    dtype: np.dtype[Any],
    *,
    first: int,
    voxel_size: VoxelSize,
    lower_edge_nm: FloatTriple | None,
) -> TiffTarget:
    """Create one TIFF with a page per section, a BigTIFF where it needs to be; sections are numbered from ``first``."""
    start = _create(path, shape, dtype, first, voxel_size, lower_edge_nm)
    step = shape[1] * shape[2] * dtype.itemsize
    return TiffTarget(planes=[(path, start + z * step) for z in range(shape[0])], shape=shape, dtype=dtype)


def _create(
    path: Path,
    shape: Sequence[int],
    dtype: np.dtype[Any],
    first: int,
    voxel_size: VoxelSize,
    lower_edge_nm: FloatTriple | None,
) -> int:
    """Write headers and leave room for the pixels; the byte offset of the first pixel."""
    from tifffile import TiffWriter

    z, y, x = voxel_size.zyx
    place = {
        "voxel_size_nm": [z, y, x], "first_section": first, "spacing": z, "unit": "nm",
        **({} if lower_edge_nm is None else {"lower_edge_nm": list(lower_edge_nm)}),
    }  # fmt: skip
    size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    with TiffWriter(path, bigtiff=size > _CLASSIC_LIMIT) as tif:
        written = tif.write(
            shape=tuple(shape), dtype=dtype, photometric="minisblack", metadata=place,
            resolution=(1e7 / x, 1e7 / y), resolutionunit="CENTIMETER", returnoffset=True,
        )  # fmt: skip
    if written is None:
        raise OSError(f"{path}: the pixels are not contiguous")
    return written[0]
