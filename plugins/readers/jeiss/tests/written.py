"""Sections as the microscope writes them, field after field, by the MATLAB reader of its makers (`readfibsem.m`).

Nothing of the plugin is used. What no field names is noise, so that a wrong place in the header shows.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

MAGIC = 3555587570


def write_section(
    path: Path,
    channels: Mapping[str, Any],
    *,
    version: int = 8,
    pixel_nm: float = 8.0,
    detectors: Mapping[str, str] | None = None,
    footer: bytes = b"\x00footer",
) -> Path:
    """``channels``: pixels ``(y, x)`` of each analogue input that is recorded, uint8 or int16."""
    images = list(channels.values())
    header = bytearray(np.random.default_rng(version).bytes(1024))
    struct.pack_into(">I", header, 0, MAGIC)
    struct.pack_into(">H", header, 4, version)
    struct.pack_into(">B", header, 32, len(images))
    struct.pack_into(">B", header, 33, images[0].dtype == np.uint8)
    struct.pack_into(">I", header, 100, images[0].shape[1])
    struct.pack_into(">I", header, 104, images[0].shape[0])
    for place, name in ((151, "AI1"), (152, "AI2"), (153, "AI3"), (154, "AI4")):
        struct.pack_into(">B", header, place, name in channels)
    in_doubles = version in (1, 2)
    names = {"AI1": (380, 10), "AI2": (390, 18), "AI3": (410, 20), "AI4": (430, 20)}
    if in_doubles:
        names |= {"AI3": (700, 20), "AI4": (720, 20)}
    for name, (place, length) in names.items():
        struct.pack_into(f">{length}s", header, place, (detectors or {}).get(name, "").encode())
    struct.pack_into(">d" if in_doubles else ">f", header, 416 if in_doubles else 464, pixel_nm)
    pixels = bytearray()
    for rows in zip(*(image.tolist() for image in images), strict=True):
        values = [value for pixel in zip(*rows, strict=True) for value in pixel]
        pixels += struct.pack(f">{len(values)}{'B' if images[0].dtype == np.uint8 else 'h'}", *values)
    path.write_bytes(bytes(header) + bytes(pixels) + footer)
    return path
