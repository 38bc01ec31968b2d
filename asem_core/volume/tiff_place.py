"""Where a TIFF says how large its voxels are and where it lies. Most say nothing, or nothing about z."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from asem_core.geometry import FloatTriple, VoxelSize, triple

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPage

_NM_PER_UNIT = {
    "nm": 1.0, "nanometer": 1.0, "um": 1e3, "µm": 1e3, "μm": 1e3, "\\u00b5m": 1e3, "micron": 1e3, "microns": 1e3,
    "micrometer": 1e3, "mm": 1e6,
}  # fmt: skip
_NM_PER_RESOLUTION_UNIT = {2: 2.54e7, 3: 1e7}  # TIFF tag 296: inch, centimetre


def described(tif: TiffFile) -> Mapping[str, Any]:
    """What the image description says: ImageJ's keys, or the JSON that tifffile (and so ASEM) writes."""
    shaped = tif.shaped_metadata
    return {**(tif.imagej_metadata or {}), **(shaped[0] if shaped else {})}


def lower_edge_nm(found: Mapping[str, Any]) -> FloatTriple | None:
    """Where the volume starts; only ASEM's own files say."""
    return _three_numbers(found.get("lower_edge_nm"))


def first_section(found: Mapping[str, Any]) -> int:
    """Number of the stack's first section; only ASEM's own files say."""
    number = found.get("first_section", 0)
    return number if isinstance(number, int) else 0


def voxel_size(page: TiffPage, found: Mapping[str, Any]) -> VoxelSize | None:
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
