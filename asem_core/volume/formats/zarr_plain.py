"""Reader of plain Zarr arrays (format 2 and 3) and of the layout of the published ASEM data (``volumes/raw``).

Attributes of the array: ``resolution`` or ``voxel_size``; ``offset``, the lower edge; ``units`` or ``unit``, else nm.
Names of axes: ``dimension_names`` of Zarr 3, ``_ARRAY_DIMENSIONS`` of xarray, ``axis_names`` of funlib. A WEBKNOSSOS
dataset describes its arrays in ``datasource-properties.json``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from asem_core.errors import VolumeError
from asem_core.volume.address import Location, locate
from asem_core.volume.formats import webknossos, zarr_node
from asem_core.volume.formats.zarr_array import ZarrArray, digest, open_array
from asem_core.volume.layout import PUBLISHED_RAW
from asem_core.volume.source import Source
from asem_core.volume.stated import Lengths, Stated

_SIZES = ("resolution", "voxel_size")
_FACTORS = "downsamplingFactors"
_AXES = ("_ARRAY_DIMENSIONS", "axis_names")


def accepts(uri: str) -> bool:
    """Whether ``uri`` is a Zarr array (no level of an OME-Zarr), or a group with an array ``volumes/raw``."""
    path = locate(uri)
    return _array_folder(path) is not None and zarr_node.pyramid_of(path) is None


def open_zarr(uri: str) -> Source:
    """Open the array, with what its attributes state."""
    folder = _array_folder(locate(uri))
    if folder is None:
        raise VolumeError(f"{uri}: no Zarr array here and none at {PUBLISHED_RAW}")
    array = open_array(folder)
    lazy = ZarrArray(array, folder)
    return Source(
        array=lazy,
        stated=_stated(folder, zarr_node.attributes(folder)),
        chunks=lazy.chunks,
        digest=digest(array, folder),
    )


def _stated(folder: Location, own: Mapping[str, Any]) -> Stated:
    named = next((own[name] for name in _AXES if isinstance(own.get(name), list)), None)
    axes = zarr_node.dimension_names(folder) or named
    found = webknossos.stated(folder)
    if found is not None:
        return attrs.evolve(found, axes=found.axes or axes)
    units = own.get("units", own.get("unit", "nm"))
    size = next((name for name in _SIZES if name in own), None)
    unclear = (
        (f"attribute {size!r} is there, and {_FACTORS!r}: of which level is it?",)
        if {size, _FACTORS} <= own.keys()
        else ()
    )
    return Stated(
        axes=axes,
        size=None if size is None else Lengths(values=own[size], units=units, where=f"attribute {size!r}"),
        edge=Lengths(values=own["offset"], units=units, where="attribute 'offset'") if "offset" in own else None,
        unclear=unclear,
    )


def _array_folder(path: Location) -> Location | None:
    for folder in (path, path / PUBLISHED_RAW):
        if zarr_node.kind(folder) == "array":
            return folder
    return None
