"""Sections in TIFF files as one `LazyArray` ``(z, y, x)``. Only the strips or tiles that are asked for are decoded."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.errors import VolumeError

if TYPE_CHECKING:
    from tifffile import TiffPage


@attrs.frozen(kw_only=True)
class Section:
    """Where one section lies."""

    path: Path
    page: int
    skip_bytes: int = 0
    """Distance from the page's own image, for uncompressed stacks with one header."""


class TiffArray:
    """Sections of one shape and dtype, stacked along z."""

    def __init__(self, sections: Sequence[Section], shape: tuple[int, int], dtype: np.dtype[Any]) -> None:
        self._sections = tuple(sections)
        self.shape = (len(self._sections), *shape)
        self.dtype = dtype

    def __getitem__(self, key: Any) -> npt.NDArray[Any]:
        z, y, x = (*(key if isinstance(key, tuple) else (key,)), slice(None), slice(None))[:3]
        wanted = range(self.shape[0])[z]
        if isinstance(wanted, int):
            return np.asarray(self._read([wanted], y, x)[0])
        return self._read(wanted, y, x)

    def _read(self, wanted: Sequence[int], y: int | slice, x: int | slice) -> npt.NDArray[Any]:
        rows = range(self.shape[1])[y]
        inside: int | slice
        if isinstance(rows, int):
            first, last, inside = rows, rows, 0
        else:
            first, last, inside = min(rows, default=0), max(rows, default=-1), slice(None, None, rows.step)
        out = np.zeros((len(wanted), last + 1 - first, self.shape[2]), self.dtype)
        numbered = list(enumerate(self._sections[z] for z in wanted))
        for path, group in groupby(numbered, key=lambda item: item[1].path):
            _read_file(path, [(out[plane], section) for plane, section in group], first)
        return out[:, inside, x]


def _read_file(path: Path, wanted: Sequence[tuple[npt.NDArray[Any], Section]], start: int) -> None:
    """Fill every plane of ``wanted`` with the rows of its section from ``start`` on; all lie in ``path``."""
    from tifffile import TiffFile

    try:
        with TiffFile(path) as tif:
            for plane, section in wanted:
                _fill(plane, tif.pages[section.page].aspage(), start, section.skip_bytes)
    except VolumeError:
        raise
    except Exception as exc:  # codecs raise whatever they like on damaged data
        raise VolumeError(f"{path}: cannot decode the image: {exc}; copy the file again") from exc


def _fill(out: npt.NDArray[Any], page: TiffPage, start: int, skip_bytes: int) -> None:
    """Fill ``out`` with rows of ``page`` from ``start`` on."""
    stop = start + out.shape[0]
    file = page.parent.filehandle
    if page.is_memmappable:
        stored = np.dtype(page.parent.byteorder + page.dtype.char if page.dtype else "u1")
        file.seek(page.dataoffsets[0] + skip_bytes + start * out.shape[1] * stored.itemsize)
        raw = file.read(out.nbytes)
        if len(raw) != out.nbytes:
            raise VolumeError(f"{file.path}: truncated: rows {start} to {stop - 1} are missing; copy it again")
        out[:] = np.frombuffer(raw, stored).reshape(out.shape)
        return
    across = -(-page.imagewidth // page.tilewidth) if page.is_tiled else 1
    height = page.tilelength if page.is_tiled else page.rowsperstrip
    for number, (offset, count) in enumerate(zip(page.dataoffsets, page.databytecounts, strict=True)):
        top = number // across * height
        if not count or top >= stop or top + height <= start:
            continue
        file.seek(offset)
        segment, position, shape = page.decode(file.read(count), number, jpegtables=page.jpegtables)
        if segment is None:
            continue
        y, x = position[2], position[3]
        rows = slice(max(start, y), min(stop, y + shape[1]))
        columns = slice(x, min(out.shape[1], x + shape[2]))
        out[rows.start - start : rows.stop - start, columns] = segment[
            0, rows.start - y : rows.stop - y, : columns.stop - x, 0
        ]
