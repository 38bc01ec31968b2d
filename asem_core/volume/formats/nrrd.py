"""Reader of NRRD (``.nrrd``, ``.nhdr``) through pynrrd, which counts axes from the fastest on: x, y, z.

The size comes from ``space directions`` or ``spacings``, the unit from ``space units`` or ``units``, the place from
``space origin`` where directions neither turn nor mirror, names of axes from ``labels``. Voxels that are not compressed
are memory-mapped; others are unpacked whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from asem_core.errors import VolumeError
from asem_core.volume.address import stamp
from asem_core.volume.source import Source, unchunked
from asem_core.volume.stated import Lengths, Stated

SUFFIXES = (".nrrd", ".nhdr")
_TYPES = {
    "int8": ("signed char", "int8", "int8_t"),
    "uint8": ("uchar", "unsigned char", "uint8", "uint8_t"),
    "int16": ("short", "short int", "signed short", "signed short int", "int16", "int16_t"),
    "uint16": ("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"),
    "int32": ("int", "signed int", "int32", "int32_t"),
    "uint32": ("uint", "unsigned int", "uint32", "uint32_t"),
    "int64": ("longlong", "long long", "long long int", "signed long long", "signed long long int", "int64", "int64_t"),
    "uint64": ("ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t"),
    "float32": ("float",),
    "float64": ("double",),
}
_AXES = "xyz"
_STRAIGHT = 1e-5
"""Parts of a voxel by which axes may seem turned."""


class NrrdArray:
    """Voxels of ``file``; opened anew for every read, so that it can go to other processes."""

    def __init__(self, file: Path, header: Mapping[str, Any], offset: int | None) -> None:
        self._file, self.stamp, self._offset = file, _stamp(file, header), offset
        self.shape = tuple(int(n) for n in header["sizes"])
        name = next((name for name, called in _TYPES.items() if str(header["type"]).lower() in called), None)
        if name is None or min(self.shape, default=0) < 1:
            raise VolumeError(f"{file}: expected numbers, found type {header['type']!r} of shape {self.shape}")
        self.dtype: np.dtype[Any] = np.dtype(name)
        self._stored = self.dtype.newbyteorder(">" if header.get("endian") == "big" else "<")

    def __getitem__(self, key: Any) -> npt.NDArray[Any]:
        if self._offset is None:
            return np.array(_unpacked(self._file, self.stamp)[key], self.dtype)
        try:
            mapped = np.memmap(self._file, self._stored, "r", self._offset, self.shape, "F")
        except (OSError, ValueError) as exc:
            raise VolumeError(f"{self._file}: cut short, or cannot be read: {exc}; copy it again") from exc
        return np.array(mapped[key], self.dtype)


@lru_cache(maxsize=1)
def _unpacked(file: Path, _: str) -> npt.NDArray[Any]:
    """All voxels of ``file``, as long as its stamp is the same."""
    import nrrd

    try:
        found: npt.NDArray[Any] = nrrd.read(str(file), index_order="F")[0]
    except Exception as exc:  # pynrrd and the codecs raise many kinds
        raise VolumeError(f"{file}: cannot be unpacked: {exc}; copy it again") from exc
    return found


def accepts(uri: str) -> bool:
    """Whether ``uri`` is a file with the suffix of NRRD."""
    path = Path(uri)
    return path.suffix.lower() in SUFFIXES and path.is_file()


def open_nrrd(uri: str) -> Source:
    """Open the image."""
    import nrrd

    path = Path(uri)
    try:
        with path.open("rb") as file:
            header = nrrd.read_header(file)
            start = file.tell()
    except OSError:
        raise
    except Exception as exc:  # pynrrd raises many kinds
        raise VolumeError(f"{path}: no header of NRRD that can be read: {exc}") from exc
    lacking = sorted({"sizes", "type", "encoding"} - header.keys())
    if lacking:
        raise VolumeError(f"{path}: no header of NRRD: it lacks {', '.join(lacking)}")
    mapped = _is_mapped(header)
    array = NrrdArray(path, header, start if mapped else None)
    needed = start + array.dtype.itemsize * int(np.prod(array.shape, dtype=object))
    if mapped and needed > path.stat().st_size:
        raise VolumeError(f"{path}: truncated: expected {needed} bytes, found {path.stat().st_size}; copy it again")
    stated, turned = _stated(header, len(array.shape))
    notes: tuple[str, ...] = () if mapped else ("its voxels are compressed or in another file: all are held in memory",)
    if turned:
        notes += ("its directions turn or mirror the image; voxels and axes are taken as stored, without a position",)
    return Source(array=array, stated=stated, chunks=unchunked(array.shape), digest=array.stamp, notes=notes)


def _stamp(path: Path, header: Mapping[str, Any]) -> str:
    """That of the file, and of the one which holds its voxels, where that is another."""
    elsewhere = header.get("datafile", header.get("data file"))
    files = [path] if elsewhere is None else [path, path.parent / elsewhere]
    return " ".join(str(stamp(file)) for file in files)


def _is_mapped(header: Mapping[str, Any]) -> bool:
    """Whether voxels stand behind the header as they are."""
    elsewhere = {"data file", "datafile", "line skip", "lineskip", "byte skip", "byteskip"} & header.keys()
    return str(header["encoding"]).lower() == "raw" and not elsewhere


def _stated(header: Mapping[str, Any], rank: int) -> tuple[Stated, bool]:
    """What the header says, and whether it turns or mirrors the image."""
    labels = header.get("labels")
    named = list(labels) if isinstance(labels, list | tuple) and any(labels) else None
    axes: Sequence[object] = named if named else [*_AXES[:rank], *[""] * (rank - 3)]
    directions = _matrix(header.get("space directions"), rank)
    if directions is None:
        found = header.get("spacings")
        spacings = None if found is None else list(found)
        where = "'spacings' of its header"
        size = Lengths(values=spacings, units=_units(header.get("units")), where=where) if spacings else None
        return Stated(axes=axes, size=size), False
    units = _units(header.get("space units"))
    one = units[0] if isinstance(units, list) and len(set(units)) == 1 else units
    sides = [float(side) for side in np.linalg.norm(directions, axis=1)]
    size = Lengths(values=sides, units=one, where="'space directions' of its header")
    origin, upright = header.get("space origin"), _upright(directions)
    if not upright or origin is None or list(axes[:3]) != list(_AXES):
        return Stated(axes=axes, size=size), not upright
    centre = Lengths(values=list(origin), units=one, axes=_AXES, where="'space origin' of its header")
    return Stated(axes=axes, size=size, centre=centre), False


def _upright(directions: npt.NDArray[np.float64]) -> bool:
    """Whether the axes of space are those of the image, in their order."""
    spatial = directions[~np.isnan(directions).any(axis=1)]
    sides = np.diag(spatial)
    if spatial.shape != (3, 3) or not (sides > 0).all():
        return False
    return bool(np.allclose(spatial, np.diag(sides), rtol=0, atol=_STRAIGHT * sides.max()))


def _units(found: Any) -> Any:
    """A list of them as strings; None where there are none."""
    return [str(each).strip('"') for each in found] if isinstance(found, list | tuple | np.ndarray) else found


def _matrix(found: Any, rank: int) -> npt.NDArray[np.float64] | None:
    """``space directions``: a row per axis, of NaN where the axis is none of space; None where they are no matrix."""
    rows = list(found) if isinstance(found, list | tuple | np.ndarray) else []
    width = next((len(row) for row in rows if row is not None), 0)
    if len(rows) != rank or not width:
        return None
    return np.array([[np.nan] * width if row is None else row for row in rows], np.float64)
