"""A folder of sections as a volume; of several channels the one that the address names, as in ``sections/AI1``."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from asem_core.errors import VolumeError
from asem_core.volume import Source, Stated
from asem_reader_jeiss.header import HEADER_BYTES, INPUTS, Header, read_header
from asem_reader_jeiss.sections import find_sections, is_section

_OF_CHUNKS = ("zarr.json", ".zarray")
"""What marks a Zarr array: a folder that may hold a million files, none of which need be looked at."""


class JeissArray:
    """One channel of sections that are alike, stacked along z: of each section the rows that are asked for are read."""

    def __init__(self, files: Sequence[Path], header: Header, channel: int) -> None:
        self._files = tuple(files)
        self._channels, self._channel = len(header.detectors), channel
        self._stored = header.dtype
        self.shape: tuple[int, ...] = (len(self._files), *header.shape)
        self.dtype: np.dtype[Any] = header.dtype.newbyteorder("=")

    def __getitem__(self, key: Any) -> npt.NDArray[Any]:
        z, y, x = (*(key if isinstance(key, tuple) else (key,)), slice(None), slice(None))[:3]
        wanted: int | range = range(self.shape[0])[z]
        if isinstance(wanted, int):
            return self._section(wanted, y, x)
        if not wanted:
            return np.empty((0, *self.shape[1:]), self.dtype)[:, y, x]
        return np.stack([self._section(number, y, x) for number in wanted])

    def _section(self, number: int, y: int | slice, x: int | slice) -> npt.NDArray[Any]:
        rows: int | range = range(self.shape[1])[y]
        if isinstance(rows, int):
            return np.asarray(self._rows(number, rows, rows + 1)[0, x])
        step = slice(None, None, rows.step)
        return self._rows(number, min(rows, default=0), max(rows, default=-1) + 1)[step, x]

    def _rows(self, number: int, start: int, stop: int) -> npt.NDArray[Any]:
        pixels = np.empty((stop - start, self.shape[2], self._channels), self._stored)
        path = self._files[number]
        with path.open("rb") as file:
            file.seek(HEADER_BYTES + start * self.shape[2] * self._channels * self._stored.itemsize)
            if file.readinto(pixels.data) != pixels.nbytes:
                raise VolumeError(f"{path}: rows {start} to {stop - 1} are no longer there; copy it again")
        return pixels[..., self._channel].astype(self.dtype)


def accepts(uri: str) -> bool:
    """Whether ``uri`` is a folder with a file that is called as sections are, a channel of it, or such a file."""
    path, _ = _place(uri)
    if path.is_file():
        return is_section(path.name)
    if not path.is_dir() or any((path / marker).exists() for marker in _OF_CHUNKS):
        return False
    return any(is_section(each.name) for each in path.iterdir())


def open_jeiss(uri: str) -> Source:
    """Open the sections: every header is read and held against the size of its file, no pixel."""
    folder, wanted = _place(uri)
    if folder.is_file():
        raise VolumeError(f"{folder}: a single section; give the folder that holds all of them: {folder.parent}")
    files, others = find_sections(folder)
    if len(files) < 2:
        raise VolumeError(f"{folder}: expected a 3D volume, found a single section; give the folder of all sections")
    header = _common_header(files)
    told = f"its headers say pixels of {header.pixel_nm:g} nm (y,x), and nothing of the thickness of sections"
    return Source(
        array=JeissArray(files, header, _channel(folder, wanted, header)),
        stated=Stated(axes="zyx", unclear=(told,)),
        chunks=(1, *header.shape),
        digest=_digest(files),
        notes=(f"{len(others)} other files ignored: {', '.join(others[:3])}",) if others else (),
    )


def _place(uri: str) -> tuple[Path, str | None]:
    """The folder or file, and the channel that the address ends in."""
    path = Path(uri)
    return (path.parent, path.name) if path.name in INPUTS and not path.exists() else (path, None)


def _common_header(files: Sequence[Path]) -> Header:
    first = read_header(files[0])
    for path in files[1:]:
        header = read_header(path)
        if not header.same_volume(first):
            raise VolumeError(f"{path}: {header}, but {files[0].name}: {first}; keep one acquisition per folder")
    return first


def _channel(folder: Path, wanted: str | None, header: Header) -> int:
    there = list(header.detectors)
    if wanted is None and len(there) == 1:
        return 0
    if wanted in there:
        return there.index(wanted)
    found = ", ".join(f"{name} of the detector {detector or '?'}" for name, detector in header.detectors.items())
    expected = "expected one channel" if wanted is None else f"expected a channel {wanted}"
    raise VolumeError(f"{folder}: {expected}, found {found}; give one of them: {folder / there[0]}")


def _digest(files: Sequence[Path]) -> str:
    found = hashlib.sha256()
    for path in files:
        status = path.stat()
        found.update(f"{path.name} {status.st_size} {status.st_mtime_ns}\n".encode())
    return found.hexdigest()
