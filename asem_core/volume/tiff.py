"""Reader of TIFF: a folder with one section per file, or one file with many pages."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from asem_core.errors import VolumeError
from asem_core.geometry import FloatTriple, VoxelSize
from asem_core.volume import zarr_node
from asem_core.volume.section_order import is_tiff, order_sections
from asem_core.volume.source import Source
from asem_core.volume.tiff_array import Section, TiffArray
from asem_core.volume.tiff_place import described, first_section, lower_edge_nm, voxel_size

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPage


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
    found = described(tif)
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
        voxel_size=voxel_size(first, found),
        lower_edge_nm=lower_edge_nm(found),
        first_section=first_section(found),
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
