"""Reader of TIFF: a folder with one section per file, or one file with many pages.

::

    open_tiff      the headers of every page, held against the size of its file
    TiffArray      sections as one `LazyArray`: only the strips or tiles that are asked for are decoded
    _voxel_size    what the file says of its place; most say nothing, or nothing about z
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.errors import VolumeError
from asem_core.geometry import FloatTriple, VoxelSize, triple
from asem_core.volume.formats import zarr_node
from asem_core.volume.formats.sections import is_tiff, order_sections
from asem_core.volume.source import Source

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPage

_NM_PER_UNIT = {
    "nm": 1.0, "nanometer": 1.0, "um": 1e3, "µm": 1e3, "μm": 1e3, "\\u00b5m": 1e3, "micron": 1e3, "microns": 1e3,
    "micrometer": 1e3, "mm": 1e6,
}  # fmt: skip
_NM_PER_RESOLUTION_UNIT = {2: 2.54e7, 3: 1e7}  # TIFF tag 296: inch, centimetre


def accepts(uri: str) -> bool:
    """Whether ``uri`` is a TIFF file, or a folder (not a Zarr one) that holds TIFF files."""
    path = Path(uri)
    if path.is_file():
        return is_tiff(path)
    return path.is_dir() and zarr_node.kind(path) is None and any(is_tiff(child) for child in path.iterdir())


def open_tiff(uri: str) -> Source:
    """Open the sections; every page's header is read and held against the file's size, no pixel is decoded."""
    path = Path(uri)
    return _open_folder(path) if path.is_dir() else _open_stack(path)


@attrs.frozen(kw_only=True)
class _File:
    """The headers of one TIFF file."""

    sections: tuple[Section, ...]
    shape: tuple[int, int]
    dtype: np.dtype[Any]
    voxel_size: VoxelSize | None
    lower_edge_nm: FloatTriple | None
    first_section: int
    notes: tuple[str, ...]


def _open_folder(folder: Path) -> Source:
    ordered = order_sections(folder.iterdir())
    first = _read_headers(ordered.files[0])
    sections: list[Section] = []
    for path in ordered.files:
        found = _read_headers(path)
        if len(found.sections) != 1:
            raise VolumeError(f"{path}: expected one page per section, found {len(found.sections)}")
        if (found.shape, found.dtype) != (first.shape, first.dtype):
            raise VolumeError(
                f"{path}: section is {found.shape} {found.dtype} (y,x), but {ordered.files[0].name} is "
                f"{first.shape} {first.dtype}; all sections must be alike"
            )
        sections += found.sections
    names = ", ".join(ordered.foreign[:3]) + (", ..." if len(ordered.foreign) > 3 else "")
    foreign = (f"{len(ordered.foreign)} foreign files ignored: {names}",) if ordered.foreign else ()
    return _source(folder, attrs.evolve(first, sections=tuple(sections), first_section=ordered.first_number), foreign)


def _open_stack(path: Path) -> Source:
    return _source(path, _read_headers(path), ())


def _source(path: Path, found: _File, notes: tuple[str, ...]) -> Source:
    if len(found.sections) < 2:
        raise VolumeError(
            f"{path}: expected a 3D volume, found a single 2D section of {found.shape} pixels; "
            "give the folder that holds all sections"
        )
    return Source(
        array=TiffArray(found.sections, found.shape, found.dtype),
        voxel_size=found.voxel_size,
        lower_edge_nm=found.lower_edge_nm,
        chunks=(1, *found.shape),
        digest=_digest(found.sections),
        notes=found.notes + notes,
        first_section=found.first_section,
    )


def _digest(sections: Sequence[Section]) -> str:
    found = hashlib.sha256()
    for path in dict.fromkeys(section.path for section in sections):
        status = path.stat()
        found.update(f"{path.name} {status.st_size} {status.st_mtime_ns}\n".encode())
    return found.hexdigest()


def _read_headers(path: Path) -> _File:
    from tifffile import TiffFile

    try:
        with TiffFile(path) as tif:
            return _headers(tif, path)
    except VolumeError:
        raise
    except Exception as exc:  # tifffile raises many kinds on damaged headers
        raise VolumeError(f"{path}: not a readable TIFF file: {exc}") from exc


def _headers(tif: TiffFile, path: Path) -> _File:
    pages = [page.aspage() for page in tif.pages]
    _check_page_chain(tif, path)
    first = pages[0]
    for number, page in enumerate(pages):
        _check_page(page, first, number, path)
    found = _described(tif)
    images = int(found.get("images", 1))
    if len(pages) == 1 and images > 1 and first.is_memmappable:
        sections = _single_header_sections(first, path, images)
    else:
        sections = [Section(path=path, page=number) for number in range(len(pages))]
    if len(pages) > 1:
        _check_series(tif, path)
    white = first.photometric == 0
    return _File(
        sections=tuple(sections),
        shape=(first.imagelength, first.imagewidth),
        dtype=np.dtype(str(first.dtype)).newbyteorder("="),
        voxel_size=_voxel_size(first, found),
        lower_edge_nm=_lower_edge_nm(found),
        first_section=_first_section(found),
        notes=("the file says that white is 0; gray values are taken as stored",) if white else (),
    )


def _check_page_chain(tif: TiffFile, path: Path) -> None:
    """The pages of a TIFF are a linked list: a link that points past the end means that the file was cut."""
    position = tif.pages.next_page_offset
    if position is None:
        return
    tif.filehandle.seek(position)
    raw = tif.filehandle.read(tif.tiff.offsetsize)
    link = struct.unpack(tif.tiff.offsetformat, raw)[0] if len(raw) == tif.tiff.offsetsize else -1
    if link != 0:
        raise VolumeError(f"{path}: truncated after page {len(tif.pages)}: more pages are announced; copy it again")


def _check_page(page: TiffPage, first: TiffPage, number: int, path: Path) -> None:
    where = f"{path}, page {number + 1}" if number else f"{path}"
    if page.samplesperpixel != 1:
        raise VolumeError(f"{where}: expected gray values, found {page.samplesperpixel} samples per pixel (RGB?)")
    if page.dtype is None or page.imagedepth != 1:
        raise VolumeError(f"{where}: pixel type or layout is not supported")
    if (page.shape, page.dtype) != (first.shape, first.dtype):
        raise VolumeError(f"{where}: {page.shape} {page.dtype} (y,x), but page 1 is {first.shape} {first.dtype}")
    ends = (start + count for start, count in zip(page.dataoffsets, page.databytecounts, strict=True))
    needed, size = max(ends, default=0), page.parent.filehandle.size
    if needed > size:
        raise VolumeError(f"{where}: truncated: expected {needed} bytes, found {size}; copy it again")


def _check_series(tif: TiffFile, path: Path) -> None:
    """Pages are sections: refuse channels or time points of sections. One axis alone is z, whatever it is called."""
    series = tif.series[0]
    if sum(length > 1 for axis, length in zip(series.axes, series.shape, strict=True) if axis not in "YX") > 1:
        raise VolumeError(
            f"{path}: expected one channel and one time point, found {series.shape} ({series.axes}); "
            "save the channel to segment as a stack of its own"
        )


def _single_header_sections(first: TiffPage, path: Path, images: int) -> list[Section]:
    """Sections of a stack that has one header for many uncompressed images, as ImageJ writes above 4 GB."""
    step = first.imagelength * first.imagewidth * np.dtype(str(first.dtype)).itemsize
    needed, size = first.dataoffsets[0] + images * step, first.parent.filehandle.size
    if needed > size:
        raise VolumeError(f"{path}: truncated: expected {needed} bytes, found {size}; copy it again")
    return [Section(path=path, page=0, skip_bytes=number * step) for number in range(images)]


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


def _described(tif: TiffFile) -> Mapping[str, Any]:
    """What the image description says: ImageJ's keys, or the JSON that tifffile (and so ASEM) writes."""
    shaped = tif.shaped_metadata
    return {**(tif.imagej_metadata or {}), **(shaped[0] if shaped else {})}


def _lower_edge_nm(found: Mapping[str, Any]) -> FloatTriple | None:
    """Where the volume starts; only ASEM's own files say."""
    return _three_numbers(found.get("lower_edge_nm"))


def _first_section(found: Mapping[str, Any]) -> int:
    """Number of the stack's first section; only ASEM's own files say."""
    number = found.get("first_section", 0)
    return number if isinstance(number, int) else 0


def _voxel_size(page: TiffPage, found: Mapping[str, Any]) -> VoxelSize | None:
    """From ASEM's own metadata, or ImageJ's spacing and unit with the resolution tags; None where incomplete."""
    own = _three_numbers(found.get("voxel_size_nm"))
    if own:
        return VoxelSize(own)
    spacing, nm = found.get("spacing"), _NM_PER_UNIT.get(str(found.get("unit", "")).strip().lower())
    y, x = (_pixels_per_unit(page, tag) for tag in ("YResolution", "XResolution"))
    if not (spacing and nm and x and y):
        return None
    in_plane = _NM_PER_RESOLUTION_UNIT.get(int(page.resolutionunit), nm)
    return VoxelSize([float(spacing) * nm, in_plane / y, in_plane / x])


def _pixels_per_unit(page: TiffPage, tag: str) -> float:
    value = page.tags.valueof(tag)
    return value[0] / value[1] if isinstance(value, tuple) and value[1] else 0.0


def _three_numbers(value: Any) -> FloatTriple | None:
    return triple([float(v) for v in value]) if isinstance(value, list) and len(value) == 3 else None
