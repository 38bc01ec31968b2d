"""What the metadata of a TIFF file say of its voxels: ASEM's own, OME-XML, or ImageJ's description with the tags.

===============  ==============================================================================
`described`      ImageJ's keys, or the JSON that tifffile (and so ASEM) writes
`stated`         the voxel size and place of the first image
`of_ome`         those of an image of an OME-XML
===============  ==============================================================================
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from asem_core.volume.formats.ome_xml import OmePixels, images
from asem_core.volume.stated import Lengths, Stated
from asem_core.volume.units import nm_per

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPage

_TAG_UNITS = {2: "inch", 3: "cm"}
"""TIFF tag 296; 1: none."""
_ALIKE = 100.0
"""Times by which sides of a voxel may differ: sections are at most about 50 times as thick as pixels are wide."""


def described(tif: TiffFile) -> Mapping[str, Any]:
    """What the image description says: ImageJ's keys, or the JSON that tifffile (and so ASEM) writes."""
    shaped = tif.shaped_metadata
    return {**(tif.imagej_metadata or {}), **(shaped[0] if shaped else {})}


def stated(tif: TiffFile, page: TiffPage) -> Stated:
    """Of ``page``, the first one: by what ASEM wrote, else the OME-XML, else ImageJ's spacing and unit."""
    found = described(tif)
    if "voxel_size_nm" in found:
        size, edge = (
            Lengths(values=found[key], units="nm", axes="zyx", where=f"{key!r} of its description")
            if found.get(key) is not None
            else None
            for key in ("voxel_size_nm", "lower_edge_nm")
        )
        return Stated(size=size, edge=edge)
    pixels = images(tif.ome_metadata)
    if pixels:
        return of_ome(pixels[0])
    return _of_imagej(found, page)


def of_ome(pixels: OmePixels) -> Stated:
    """The voxel size of ``pixels``, where OME-XML states it along all three axes."""
    if pixels.lengths.keys() < set("XYZ"):
        return Stated()
    values, units = zip(*(pixels.lengths[axis] for axis in "ZYX"), strict=True)
    return Stated(size=Lengths(values=values, units=units, axes="zyx", where="PhysicalSize of its OME-XML (z,y,x)"))


def _of_imagej(found: Mapping[str, Any], page: TiffPage) -> Stated:
    """ImageJ gives ``unit`` for x, and for y and z where they have none of their own; the tags may have a unit too."""
    y, x = (_pixel_side(page, tag) for tag in ("YResolution", "XResolution"))
    if not (found.get("spacing") and found.get("unit") and x and y):
        return Stated()
    units = [found.get("zunit", found["unit"]), found.get("yunit", found["unit"]), found["unit"]]
    tagged = _TAG_UNITS.get(page.tags.valueof("ResolutionUnit", 1))
    if tagged is not None:
        units[1:] = [tagged, tagged]
    values = [found["spacing"], y, x]
    size = Lengths(values=values, units=units, axes="zyx", where="its ImageJ metadata (z,y,x)")
    if tagged is not None and not _alike(values, units):
        told = f"{size.where} is {values} in {', '.join(map(str, units))}: the units contradict one another"
        return Stated(unclear=(told,))
    return Stated(size=size)


def _alike(values: Sequence[Any], units: Sequence[Any]) -> bool:
    """Whether sides of a voxel may be so; true where they cannot be told."""
    try:
        sides = [abs(float(value)) * nm_per(unit) for value, unit in zip(values, units, strict=True)]
    except (TypeError, ValueError):
        return True
    return max(sides) <= _ALIKE * min(sides)


def _pixel_side(page: TiffPage, tag: str) -> float:
    """In the unit of the tags; 0 where it is not stated."""
    value = page.tags.valueof(tag)
    return value[1] / value[0] if isinstance(value, tuple) and len(value) == 2 and value[0] else 0.0
