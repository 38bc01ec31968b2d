"""Reader of PNG sections: a folder with one grey PNG per section, and no TIFF. PNG states no voxel size that counts."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from asem_core.errors import VolumeError
from asem_core.volume.formats import zarr_node
from asem_core.volume.formats.sections import is_tiff, order_sections
from asem_core.volume.source import Source

_HEADER = struct.Struct(">8s4x4sIIBB")
"""Signature, length and name of the first chunk, width, height, bits of a sample, type of colour."""
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_DTYPES = {8: "uint8", 16: "uint16"}


class PngArray:
    """Sections of one shape and dtype, stacked along z; each that is asked for is decoded whole."""

    def __init__(self, files: Sequence[Path], shape: tuple[int, int], dtype: np.dtype[Any]) -> None:
        self._files = tuple(files)
        self.shape = (len(self._files), *shape)
        self.dtype = dtype

    def __getitem__(self, key: Any) -> npt.NDArray[Any]:
        z, *rest = key if isinstance(key, tuple) else (key,)
        wanted: int | range = range(self.shape[0])[z]
        if isinstance(wanted, int):
            return np.asarray(self._section(wanted)[tuple(rest)])
        sections = [self._section(number)[tuple(rest)] for number in wanted]
        return np.stack(sections) if sections else np.zeros((0, *self.shape[1:]), self.dtype)[(slice(None), *rest)]

    def _section(self, number: int) -> npt.NDArray[Any]:
        import imagecodecs

        path = self._files[number]
        try:
            section = np.asarray(imagecodecs.png_decode(path.read_bytes()))
        except Exception as exc:  # of the codec, on damaged data
            raise VolumeError(f"{path}: cannot decode the image: {exc}; copy the file again") from exc
        if (section.shape, section.dtype) != (self.shape[1:], self.dtype):
            raise VolumeError(
                f"{path}: it is {section.shape} {section.dtype}, its header says otherwise; copy it again"
            )
        return section


def is_png(path: Path) -> bool:
    """Whether the name ends as a PNG's does; hidden files never count."""
    return path.suffix.lower() == ".png" and not path.name.startswith(".")


def accepts(uri: str) -> bool:
    """Whether ``uri`` is a folder (not a Zarr one) that holds a PNG file and no TIFF."""
    path = Path(uri)
    if not path.is_dir() or zarr_node.kind(path) is not None:
        return False
    names = list(path.iterdir())
    return any(_header(each) for each in names if is_png(each)) and not any(is_tiff(each) for each in names)


def open_png(uri: str) -> Source:
    """Open the sections; every file's header is read, no pixel is decoded."""
    folder = Path(uri)
    ordered = order_sections(folder.iterdir(), is_section=is_png, kind="PNG")
    shape, dtype = _grey(ordered.files[0])
    digest = hashlib.sha256()
    for path in ordered.files:
        if _grey(path) != (shape, dtype):
            raise VolumeError(
                f"{path}: section is {_grey(path)}, but {ordered.files[0].name} is {(shape, dtype)} (y,x)"
            )
        status = path.stat()
        digest.update(f"{path.name} {status.st_size} {status.st_mtime_ns}\n".encode())
    if len(ordered.files) < 2:
        raise VolumeError(f"{folder}: expected a 3D volume, found a single 2D section; give the folder of all sections")
    return Source(
        array=PngArray(ordered.files, shape, np.dtype(dtype)),
        chunks=(1, *shape),
        digest=digest.hexdigest(),
        notes=ordered.notes,
        first_section=ordered.first_number,
    )


def _header(path: Path) -> tuple[int, int, int, int] | None:
    """Width, height, bits and type of colour; None where it is no PNG."""
    with path.open("rb") as file:
        start = file.read(_HEADER.size)
    if len(start) < _HEADER.size:
        return None
    signature, name, width, height, bits, colour = _HEADER.unpack(start)
    return (width, height, bits, colour) if (signature, name) == (_SIGNATURE, b"IHDR") else None


def _grey(path: Path) -> tuple[tuple[int, int], str]:
    found = _header(path)
    if found is None:
        raise VolumeError(f"{path}: not a readable PNG file; copy it again")
    width, height, bits, colour = found
    if colour != 0 or bits not in _DTYPES:
        raise VolumeError(
            f"{path}: expected grey PNG of 8 or 16 bits, found {bits} bits of colour type {colour}; save it so: in "
            "Fiji with Image > Type > 8-bit"
        )
    return (height, width), _DTYPES[bits]
