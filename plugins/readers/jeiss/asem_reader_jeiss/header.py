"""The header of a section: 1,024 bytes, big-endian, of which the few fields that an image needs are read.

The layout is that of the tables of C. Barnes's jeiss-specs (https://github.com/clbarnes/jeiss-specs, MIT) for the
versions 1 to 9, which agree with the MATLAB reader of the microscope's makers and with fibsem-tools. Pixels follow: row
by row, of each pixel one value per recorded channel; then a footer of any length.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from asem_core.errors import VolumeError

HEADER_BYTES = 1024
INPUTS = ("AI1", "AI2", "AI3", "AI4")
"""Analogue inputs of the microscope, each of which may record a detector."""
_MAGIC = 3_555_587_570
_LAST_VERSION = 9

_Fields = Mapping[str, tuple[Any, int]]
_COMMON: _Fields = {
    "magic": (">u4", 0),
    "version": (">u2", 4),
    "channels": ("u1", 32),
    "eight_bit": ("u1", 33),
    "width": (">u4", 100),
    "height": (">u4", 104),
    "inputs": (("u1", len(INPUTS)), 151),
    "detector_1": ("S10", 380),
    "detector_2": ("S18", 390),
}
_UP_TO_2: _Fields = {**_COMMON, "pixel_nm": (">f8", 416), "detector_3": ("S20", 700), "detector_4": ("S20", 720)}
_FROM_3: _Fields = {**_COMMON, "detector_3": ("S20", 410), "detector_4": ("S20", 430), "pixel_nm": (">f4", 464)}


@attrs.frozen(kw_only=True)
class Header:
    """What a section says of itself."""

    shape: tuple[int, int]
    """Pixels ``(y, x)``."""
    dtype: np.dtype[Any]
    """As it is stored: bytes, or big-endian signed integers of two bytes."""
    detectors: Mapping[str, str]
    """The channels in the order in which they are stored: analogue input, and the name of its detector."""
    pixel_nm: float

    @property
    def section_bytes(self) -> int:
        """Of header and pixels."""
        return HEADER_BYTES + self.shape[0] * self.shape[1] * len(self.detectors) * self.dtype.itemsize

    def same_volume(self, other: Header) -> bool:
        """Whether sections with these two headers can be of one volume."""
        alike = (self.shape, self.dtype, list(self.detectors)) == (other.shape, other.dtype, list(other.detectors))
        return alike and bool(np.isclose(self.pixel_nm, other.pixel_nm, rtol=1e-3, equal_nan=True))

    def __str__(self) -> str:
        height, width = self.shape
        kind = self.dtype.newbyteorder("=").name
        return f"{kind}, {height} x {width} pixels (y,x) of {self.pixel_nm:g} nm, {', '.join(self.detectors)}"


def read_header(path: Path) -> Header:
    """The header of ``path``, held against the size of the file.

    Raises
    ------
    VolumeError
        It is no such file, of an unknown version, or not whole.

    Examples
    --------
    >>> print(read_header(Path("Merlin-6281_19-08-09_120426_0-0-0.dat")))  # doctest: +SKIP
    int16, 3500 x 7500 pixels (y,x) of 8 nm, AI1, AI2
    """
    with path.open("rb") as file:
        raw = file.read(HEADER_BYTES)
    if len(raw) < HEADER_BYTES:
        raise VolumeError(_not_whole(path, len(raw), f"the header alone has {HEADER_BYTES:,}"))
    found = np.frombuffer(raw, _layout(_COMMON))[0]
    if found["magic"] != _MAGIC:
        raise VolumeError(
            f"{path}: it begins with {found['magic']}, raw sections of a FIB-SEM of Janelia with {_MAGIC}; move it out "
            "of the folder"
        )
    if not 1 <= found["version"] <= _LAST_VERSION:
        raise VolumeError(
            f"{path}: its header is of version {found['version']}, known are 1 to {_LAST_VERSION}; convert it with a "
            "program of the microscope"
        )
    header = _checked(np.frombuffer(raw, _layout(_UP_TO_2 if found["version"] <= 2 else _FROM_3))[0], path)
    size = path.stat().st_size
    if size < header.section_bytes:
        raise VolumeError(_not_whole(path, size, f"expected {header.section_bytes:,}"))
    return header


def _layout(fields: _Fields) -> np.dtype[Any]:
    formats, offsets = zip(*fields.values(), strict=True)
    return np.dtype(
        {"names": list(fields), "formats": list(formats), "offsets": list(offsets), "itemsize": HEADER_BYTES}
    )


def _checked(found: Any, path: Path) -> Header:
    recorded = [number for number, on in enumerate(found["inputs"], 1) if on]
    if not found["width"] or not found["height"] or not recorded or len(recorded) != found["channels"]:
        inputs = ", ".join(INPUTS[number - 1] for number in recorded) or "no input"
        raise VolumeError(
            f"{path}: damaged header: {found['channels']} channels of {found['width']} x {found['height']} pixels, "
            f"recorded of {inputs}; copy it again"
        )
    return Header(
        shape=(int(found["height"]), int(found["width"])),
        dtype=np.dtype("u1" if found["eight_bit"] else ">i2"),
        detectors={INPUTS[number - 1]: _text(found[f"detector_{number}"]) for number in recorded},
        pixel_nm=float(found["pixel_nm"]),
    )


def _text(stored: bytes) -> str:
    return stored.partition(b"\0")[0].decode("ascii", "replace").strip()


def _not_whole(path: Path, size: int, expected: str) -> str:
    remedy = "copy it again, or put a repaired section in its place"
    return f"{path}: {size:,} bytes, {expected}: it is not whole; {remedy}"
