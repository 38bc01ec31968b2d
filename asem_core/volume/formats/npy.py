"""Reader of NumPy's ``.npy``: memory-mapped; it states nothing but its shape and type."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from asem_core.errors import VolumeError
from asem_core.volume.address import stamp
from asem_core.volume.source import Source, unchunked


class NpyArray:
    """The array in ``file``; mapped for every read, so that it can go to other processes."""

    def __init__(self, file: Path) -> None:
        self._file = file
        found = self._mapped()
        self.shape: tuple[int, ...] = found.shape
        self.dtype: np.dtype[Any] = found.dtype.newbyteorder("=")

    def __getitem__(self, key: Any) -> npt.NDArray[Any]:
        return np.array(self._mapped()[key], self.dtype)

    def _mapped(self) -> npt.NDArray[Any]:
        try:
            found: npt.NDArray[Any] = np.load(self._file, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as exc:
            raise VolumeError(
                f"{self._file}: damaged, cut short, or no array of numbers: {exc}; write it with numpy.save"
            ) from exc
        return found


def accepts(uri: str) -> bool:
    """Whether ``uri`` is a file with the suffix of NumPy."""
    path = Path(uri)
    return path.suffix.lower() == ".npy" and path.is_file()


def open_npy(uri: str) -> Source:
    """Open the array; its axes are z, y, x."""
    path = Path(uri)
    array = NpyArray(path)
    return Source(array=array, chunks=unchunked(array.shape), digest=str(stamp(path)))
