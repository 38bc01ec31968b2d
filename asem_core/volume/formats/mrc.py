"""Reader of MRC (``.mrc``, ``.rec``, ``.map``): memory-mapped, voxel size in angstrom from the header."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from asem_core.errors import VolumeError
from asem_core.geometry import VoxelSize
from asem_core.volume.address import stamp
from asem_core.volume.source import Source, unchunked

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
        import mrcfile

        try:
            with mrcfile.mmap(self._file, mode="r") as opened:
                return np.array(opened.data[key]).view(self.dtype)
        except (OSError, ValueError) as exc:
            raise VolumeError(f"{self._file}: cannot be read: {exc}") from exc


def accepts(uri: str) -> bool:
    """Whether ``uri`` is a file with the suffix of MRC."""
    path = Path(uri)
    return path.suffix.lower() in SUFFIXES and path.is_file()


def open_mrc(uri: str) -> Source:
    """Open the file; a voxel size of 0 in its header means that it is not stated."""
    import warnings

    import mrcfile

    path = Path(uri)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            opened = mrcfile.mmap(path, mode="r")
    except (OSError, ValueError, RuntimeWarning) as exc:
        raise VolumeError(f"{uri}: damaged MRC file, or none: {exc}") from exc
    with opened:
        order = [int(opened.header[name]) for name in ("mapc", "mapr", "maps")]
        if order != [1, 2, 3]:
            raise VolumeError(f"{uri}: the axes are stored in the order {order}; expected 1,2,3 (columns are x)")
        size = opened.voxel_size
        angstrom = [float(size[axis]) for axis in ("z", "y", "x")]
        shape, dtype = opened.data.shape, _dtype(opened)
    return Source(
        array=MrcArray(path, shape, dtype),
        voxel_size=VoxelSize([a / 10 for a in angstrom]) if all(a > 0 for a in angstrom) else None,
        chunks=unchunked(shape),
        digest=str(stamp(path)),
    )


def _dtype(opened: Any) -> np.dtype[Any]:
    """Type of one voxel in the file. IMOD's bytes are unsigned unless it says otherwise; MRC's are signed."""
    stored: np.dtype[Any] = opened.data.dtype
    extra = opened.header["extra2"].tobytes()
    stamped, flags = (np.frombuffer(extra[place], opened.header["mode"].dtype)[0] for place in (_IMOD, _IMOD_FLAGS))
    unsigned = stamped == _IMOD_STAMP and not flags & 1
    return np.dtype(np.uint8) if stored == np.int8 and unsigned else stored
