"""Reader of TIFF: a folder with one section per file, one file with many pages, or an OME-TIFF in several files.

::

    open_tiff      the headers of every page, held against the size of its file
    TiffArray      sections as one `LazyArray`: only the strips or tiles that are asked for are decoded

What the file says of its voxels is read in `tiff_stated`; most say nothing, or nothing about z. `ome_xml` says which
files an image lies in, and in which order its sections.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.errors import VolumeError
from asem_core.volume.formats import zarr_node
from asem_core.volume.formats.ome_xml import COMPANION, OmePixels, Spread, images, spread
from asem_core.volume.formats.sections import is_tiff, order_sections
from asem_core.volume.formats.tiff_stated import described, of_ome, stated
from asem_core.volume.source import Source
from asem_core.volume.stated import Stated, numbers

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPage


_WHITE_IS_ZERO, _PALETTE = 0, 3
"""Values of PhotometricInterpretation."""
_SAME_PLACE_NM = 0.01


def accepts(uri: str) -> bool:
    """Whether ``uri`` is a TIFF file, the companion of some, or a folder (not a Zarr one) that holds TIFF files."""
    path = Path(uri)
    if path.is_file():
        return is_tiff(path) or path.name.endswith(COMPANION)
    return path.is_dir() and zarr_node.kind(path) is None and any(is_tiff(child) for child in path.iterdir())


def open_tiff(uri: str) -> Source:
    """Open the sections; every page's header is read and held against the file's size, no pixel is decoded."""
    path = Path(uri)
    found = spread(path)
    if found is not None:
        return _open_spread(path, found)
    return _open_folder(path) if path.is_dir() else _open_stack(path)


@attrs.frozen(kw_only=True)
class _Pages:
    """What the headers of one TIFF file say of its pages, which are alike."""

    sections: tuple[Section, ...]
    shape: tuple[int, int]
    dtype: np.dtype[Any]
    notes: tuple[str, ...]
    """What the file says of its grey values that is not followed."""


@attrs.frozen(kw_only=True)
class _File:
    """The headers of one TIFF file, or of several that hold one image."""

    sections: tuple[Section, ...]
    shape: tuple[int, int]
    dtype: np.dtype[Any]
    stated: Stated
    images: tuple[OmePixels, ...]
    """What its OME-XML says; none where it has none."""
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
        _check_alike(path, found, ordered.files[0], first)
        if found.stated.size != first.stated.size:
            raise VolumeError(
                f"{path}: states the voxel size {_shown(found)}, but {ordered.files[0].name} {_shown(first)}; "
                "keep one acquisition per folder"
            )
        if not _lie_together(found, first):
            raise VolumeError(
                f"{path}: states another place than {ordered.files[0].name}: they are sections of different parts; "
                "keep one part per folder"
            )
        sections += found.sections
    whole = attrs.evolve(
        first,
        sections=tuple(sections),
        first_section=ordered.first_number,
        stated=_from_section(first, ordered.first_number),
    )
    return _source(folder, whole, ordered.notes)


def _origin(found: _File) -> tuple[list[float], float] | None:
    """Where section 0 of the acquisition begins, nm z, y, x, and how thick sections are; None: not stated.

    Every file of ASEM's states the edge of the volume whose first section is `_File.first_section`.
    """
    edge, size = found.stated.edge, found.stated.size
    if edge is None or size is None:
        return None
    try:
        (z, y, x), (thick, _, _) = numbers(edge.values), numbers(size.values)
    except ValueError:
        return None
    return [z - found.first_section * thick, y, x], thick


def _lie_together(found: _File, first: _File) -> bool:
    one, other = _origin(found), _origin(first)
    if one is None or other is None:
        return one is other
    return bool(np.allclose(one[0], other[0], rtol=0, atol=_SAME_PLACE_NM))


def _from_section(first: _File, number: int) -> Stated:
    """What ``first`` states, of a folder that begins with section ``number``: others may have been left out."""
    known = _origin(first)
    if known is None or first.stated.edge is None:
        return first.stated
    (z, y, x), thick = known
    return attrs.evolve(first.stated, edge=attrs.evolve(first.stated.edge, values=[z + number * thick, y, x]))


def _check_alike(path: Path, found: _File | _Pages, other: Path, first: _File | _Pages) -> None:
    if (found.shape, found.dtype) != (first.shape, first.dtype):
        raise VolumeError(
            f"{path}: section is {found.shape} {found.dtype} (y,x), but {other.name} is {first.shape} {first.dtype}; "
            "all sections must be alike"
        )


def _shown(found: _File) -> str:
    size = found.stated.size
    return "none" if size is None else f"{size.values} {size.units}"


def _open_spread(path: Path, found: Spread) -> Source:
    _check_one_channel(found.image, path)
    pages: dict[Path, _Pages] = {}
    for each in found.paths:
        with _opened(each) as tif:
            pages[each] = _pages(tif, each)
        _check_alike(each, pages[each], found.paths[0], pages[found.paths[0]])
    first = pages[found.paths[0]]
    numbered = 0
    with suppress(VolumeError):  # their names need not count them
        ordered = order_sections(found.paths)
        numbered = ordered.first_number if ordered.files == found.paths else 0
    whole = _File(
        sections=_placed(found, {each: held.sections for each, held in pages.items()}),
        shape=first.shape,
        dtype=first.dtype,
        stated=of_ome(found.image),
        images=(found.image,),
        first_section=numbered if len(found.paths) == found.image.planes else 0,
        notes=first.notes,
    )
    return _source(path, whole, ())


def _placed(found: Spread, held: Mapping[Path, Sequence[Section]]) -> tuple[Section, ...]:
    """The sections that files hold, in the order in which the OME-XML counts them."""
    placed: dict[int, Section] = {}
    told = 0
    for part in found.image.parts:
        path = found.path(part.file)
        pages = held[path]
        count = len(pages) - part.page if part.count is None else part.count
        if part.page < 0 or count < 1 or part.page + count > len(pages):
            raise VolumeError(
                f"{path}: it holds {len(pages)} sections, of which the OME-XML counts {count} from {part.page + 1} on; "
                "copy it again"
            )
        placed.update(enumerate(pages[part.page : part.page + count], part.section))
        told += count
    planes = found.image.planes
    if not told == len(placed) == planes or min(placed) != 0 or max(placed) != planes - 1:
        raise VolumeError(
            f"{found.holder}: its OME-XML describes {planes} sections and says {told} times where one lies, with the "
            f"numbers {min(placed, default=0)} to {max(placed, default=0)}; save the image as one file"
        )
    return tuple(placed[number] for number in range(planes))


def _open_stack(path: Path) -> Source:
    found = _read_headers(path)
    _check_images(found, path)
    for image in found.images:
        itself = [attrs.evolve(part, file="") for part in image.parts]
        with suppress(VolumeError):  # without a sound list of them, pages are sections in their own order
            whole = Spread(image=attrs.evolve(image, parts=itself), holder=path)
            found = attrs.evolve(found, sections=_placed(whole, {path: found.sections}))
    return _source(path, found, ())


def _check_images(found: _File, path: Path) -> None:
    """Refuse several images in one file, channels, time points, and a file without a part of its image."""
    if len(found.images) > 1:
        raise VolumeError(
            f"{path}: expected one image, its OME-XML describes {len(found.images)}; save the one to segment as a file "
            "of its own"
        )
    for image in found.images:
        if image.planes != len(found.sections):
            raise VolumeError(
                f"{path}: it holds {len(found.sections)} of the {image.planes} sections of an image; save the image as "
                "one file, or as a folder with one section per file"
            )
        _check_one_channel(image, path)


def _check_one_channel(image: OmePixels, path: Path) -> None:
    if sum(length > 1 for length in image.sizes.values()) > 1:
        axes = ", ".join(f"{length} {axis}" for axis, length in image.sizes.items())
        raise VolumeError(f"{path}: expected one channel and one time point, found {axes}; {_ONE_CHANNEL}")


def _source(path: Path, found: _File, notes: tuple[str, ...]) -> Source:
    if len(found.sections) < 2:
        raise VolumeError(
            f"{path}: expected a 3D volume, found a single 2D section of {found.shape} pixels; "
            "give the folder that holds all sections"
        )
    return Source(
        array=TiffArray(found.sections, found.shape, found.dtype),
        stated=found.stated,
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


@contextmanager
def _opened(path: Path) -> Iterator[TiffFile]:
    from tifffile import TiffFile

    try:
        with TiffFile(path) as tif:
            yield tif
    except VolumeError:
        raise
    except Exception as exc:  # tifffile raises many kinds on damaged headers
        raise VolumeError(f"{path}: not a readable TIFF file: {exc}") from exc


def _pages(tif: TiffFile, path: Path) -> _Pages:
    pages = dict(enumerate(page.aspage() for page in tif.pages))
    _check_page_chain(tif, path)
    if not tif.is_ome:  # OME-XML counts all pages, and puts smaller versions elsewhere
        pages = {number: page for number, page in pages.items() if not page.is_reduced} or pages
    first = next(iter(pages.values()))
    for number, page in pages.items():
        _check_page(page, first, number, path)
    return _Pages(
        sections=tuple(Section(path=path, page=number) for number in pages),
        shape=(first.imagelength, first.imagewidth),
        dtype=np.dtype(str(first.dtype)).newbyteorder("="),
        notes=_shown_otherwise(first),
    )


def _shown_otherwise(page: TiffPage) -> tuple[str, ...]:
    """What makes a program show other grey levels than those that ``page`` stores."""
    if page.photometric == _WHITE_IS_ZERO:
        return ("the file says that white is 0; gray values are taken as stored",)
    if page.photometric == _PALETTE and not _is_grey_ramp(page.colormap):
        return ("the file shows its values through a table of colours; they are taken as stored, as grey values",)
    return ()


def _is_grey_ramp(colours: npt.NDArray[np.uint16] | None) -> bool:
    """Whether the table of colours, ``(3, n)``, shows every value as the grey level of that value."""
    if colours is None:
        return True
    count = colours.shape[1]
    grey = np.linspace(0, np.iinfo(colours.dtype).max, count)
    return bool(np.abs(colours - grey).max() <= np.iinfo(colours.dtype).max / count)


def _read_headers(path: Path) -> _File:
    with _opened(path) as tif:
        return _headers(tif, path)


def _headers(tif: TiffFile, path: Path) -> _File:
    pages, first = _pages(tif, path), tif.pages[0].aspage()
    found = described(tif)
    count = int(found.get("images", 1))
    sections = pages.sections
    if len(sections) == 1 and count > 1 and first.is_memmappable:
        sections = tuple(_single_header_sections(first, path, count))
    pixels = images(tif.ome_metadata)
    if len(sections) > 1 and not pixels:
        _check_series(tif, path)
    notes = pages.notes
    if "c0" in found or "c1" in found:
        gain, offset = found.get("c1", 1), found.get("c0", 0)
        notes += (f"ImageJ calibrates grey values as {gain} x stored value + {offset}; they are taken as stored",)
    return _File(
        sections=sections,
        shape=pages.shape,
        dtype=pages.dtype,
        stated=stated(tif, first),
        images=tuple(pixels),
        first_section=_first_section(found),
        notes=notes,
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
        raise VolumeError(
            f"{where}: expected gray values, found {page.samplesperpixel} samples per pixel (RGB?); where the "
            "channels are equal, save one of them: in Fiji with Image > Type > 8-bit"
        )
    if page.dtype is None or page.imagedepth != 1:
        raise VolumeError(f"{where}: pixel type or layout is not supported")
    if (page.shape, page.dtype) != (first.shape, first.dtype):
        raise VolumeError(f"{where}: {page.shape} {page.dtype} (y,x), but page 1 is {first.shape} {first.dtype}")
    ends = (start + count for start, count in zip(page.dataoffsets, page.databytecounts, strict=True))
    needed, size = max(ends, default=0), page.parent.filehandle.size
    if needed > size:
        raise VolumeError(f"{where}: truncated: expected {needed} bytes, found {size}; copy it again")


def _check_series(tif: TiffFile, path: Path) -> None:
    """Pages are sections: refuse several stacks, and channels or time points of sections. One axis alone is z."""
    found = [series for series in tif.series if not series.keyframe.is_reduced] or tif.series
    if len(found) > 1 and any(len(series) > 1 for series in found):
        raise VolumeError(
            f"{path}: expected one stack, found {len(found)}; save the one to segment as a file of its own"
        )
    series = found[0]
    if [axis for axis in series.axes if axis in "XYZ"][-2:] != ["Y", "X"]:
        raise VolumeError(f"{path}: expected sections (y,x), its axes are {series.axes}; save it with the axes z,y,x")
    if sum(length > 1 for axis, length in zip(series.axes, series.shape, strict=True) if axis not in "YX") > 1:
        raise VolumeError(
            f"{path}: expected one channel and one time point, found {series.shape} ({series.axes}); {_ONE_CHANNEL}"
        )


_ONE_CHANNEL = "save the channel to segment as a stack of its own"


def _single_header_sections(first: TiffPage, path: Path, count: int) -> list[Section]:
    """Sections of a stack that has one header for many uncompressed images, as ImageJ writes above 4 GB."""
    step = first.imagelength * first.imagewidth * np.dtype(str(first.dtype)).itemsize
    needed, size = first.dataoffsets[0] + count * step, first.parent.filehandle.size
    if needed > size:
        raise VolumeError(f"{path}: truncated: expected {needed} bytes, found {size}; copy it again")
    return [Section(path=path, page=0, skip_bytes=number * step) for number in range(count)]


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
        encoded = file.read(count)  # before `page.decode` is looked up, which reads in the file where it is JPEG
        segment, position, shape = page.decode(encoded, number, jpegtables=page.jpegtables, jpegheader=page.jpegheader)
        if segment is None:
            continue
        y, x = position[2], position[3]
        rows = slice(max(start, y), min(stop, y + shape[1]))
        columns = slice(x, min(out.shape[1], x + shape[2]))
        out[rows.start - start : rows.stop - start, columns] = segment[
            0, rows.start - y : rows.stop - y, : columns.stop - x, 0
        ]


def _first_section(found: Mapping[str, Any]) -> int:
    """Number of the stack's first section; only ASEM's own files say."""
    number = found.get("first_section", 0)
    return number if isinstance(number, int) else 0
