"""Reader of MRC (``.mrc``, ``.rec``, ``.map``): memory-mapped, voxel size in angstrom from the header."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from asem_core.errors import VolumeError
from asem_core.volume.address import stamp
from asem_core.volume.source import Source, unchunked
from asem_core.volume.stated import Lengths, Stated

SUFFIXES = (".mrc", ".rec", ".map")
_IMOD = slice(40, 44)
_IMOD_FLAGS = slice(44, 48)
"""In ``extra2``: bytes 152 and 156 of the header. IMOD writes its stamp, and in bit 0 whether bytes are signed."""
_IMOD_STAMP = 1146047817


class MrcArray:
    """The voxels of an MRC file; mapped for every read, so that it can go to other processes."""

    def __init__(self, file: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self._file = file
        self.shape, self.dtype = shape, dtype

    def __getitem__(self, key: Any) -> npt.NDArray[Any]:
        try:
            with _mapped(self._file) as (opened, _):
                return np.array(opened.data[key])
        except (OSError, ValueError, TypeError) as exc:
            raise VolumeError(f"{self._file}: cannot be read: {exc}") from exc


def accepts(uri: str) -> bool:
    """Whether ``uri`` is a file with the suffix of MRC."""
    path = Path(uri)
    return path.suffix.lower() in SUFFIXES and path.is_file()


def open_mrc(uri: str) -> Source:
    """Open the file. What old programs left out or wrote differently is noted: the stamp, the string MAP, the axes."""
    path = Path(uri)
    try:
        with _mapped(path) as (opened, notes):
            if opened.data is None or not opened.data.size:
                said = _shortage(opened, path) or "; ".join(notes) or "it holds no voxel"
                raise VolumeError(f"{uri}: damaged MRC file, or none: {said}")
            order = [int(opened.header[name]) for name in ("mapc", "mapr", "maps")]
            array = MrcArray(path, opened.data.shape, opened.data.dtype)
            with np.errstate(all="ignore"):  # the sampling may be 0
                size = opened.voxel_size
            angstrom = [float(size[axis]) for axis in ("z", "y", "x")]
            unsigned = _has_unsigned_bytes(opened)
    except (OSError, ValueError, OverflowError) as exc:
        raise VolumeError(f"{uri}: damaged MRC file, or none: {exc}") from exc
    if order == [0, 0, 0]:
        notes = (*notes, "the header does not say how the axes are stored: taken as columns x, rows y, sections z")
    elif order != [1, 2, 3]:
        raise VolumeError(f"{uri}: the axes are stored in the order {order}; expected 1,2,3 (columns are x)")
    lengths = Lengths(values=angstrom, units="angstrom", axes="zyx", where="the cell of its header by its sampling")
    return Source(
        array=array,
        stated=Stated(size=lengths if any(angstrom) else None, unsigned=unsigned),
        chunks=unchunked(array.shape),
        digest=str(stamp(path)),
        notes=notes,
    )


@contextmanager
def _mapped(path: Path) -> Iterator[tuple[Any, tuple[str, ...]]]:
    """The file, opened permissively, and what was unusual about it. ``data`` is None where it cannot be understood."""
    import mrcfile

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        opened = mrcfile.mmap(path, mode="r", permissive=True)
    with opened:
        yield opened, tuple(dict.fromkeys(" ".join(str(warning.message).split()) for warning in caught))


def _shortage(opened: Any, path: Path) -> str | None:
    """By how much the file is shorter than its header says; None where it is not, or the header says nothing."""
    from mrcfile.utils import data_dtype_from_header, data_shape_from_header

    try:
        header = opened.header
        voxels = math.prod(int(n) for n in data_shape_from_header(header))
        needed = header.nbytes + int(header.nsymbt) + voxels * data_dtype_from_header(header).itemsize
    except (AttributeError, TypeError, ValueError):
        return None
    size = path.stat().st_size
    return f"expected {needed} bytes, found {size}; copy it again" if needed > size else None


def _has_unsigned_bytes(opened: Any) -> bool:
    """Whether mode 0 means unsigned: IMOD's bytes are unsigned unless it says otherwise; MRC's are signed."""
    if opened.data.dtype != np.int8:
        return False
    extra = opened.header["extra2"].tobytes()
    stamped, flags = (np.frombuffer(extra[place], opened.header["mode"].dtype)[0] for place in (_IMOD, _IMOD_FLAGS))
    return bool(stamped == _IMOD_STAMP and not flags & 1)
