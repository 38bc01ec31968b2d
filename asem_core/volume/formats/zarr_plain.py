"""Reader of plain Zarr arrays (format 2 and 3) and of the layout of the published ASEM data (``volumes/raw``).

Attributes of the array: ``resolution`` ``[z, y, x]`` in nm, ``offset`` ``[z, y, x]`` in nm, the lower edge.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from asem_core.errors import VolumeError
from asem_core.geometry import FloatTriple, VoxelSize, triple
from asem_core.volume.address import Location, locate
from asem_core.volume.formats import zarr_node
from asem_core.volume.formats.zarr_array import ZarrArray, digest, open_array
from asem_core.volume.layout import PUBLISHED_RAW
from asem_core.volume.source import Source


def accepts(uri: str) -> bool:
    """Whether ``uri`` is a Zarr array (no level of an OME-Zarr), or a group with an array ``volumes/raw``."""
    path = locate(uri)
    return _array_folder(path) is not None and zarr_node.pyramid_of(path) is None


def open_zarr(uri: str) -> Source:
    """Open the array; a voxel size is known where the attribute ``resolution`` is there."""
    folder = _array_folder(locate(uri))
    if folder is None:
        raise VolumeError(f"{uri}: no Zarr array here and none at {PUBLISHED_RAW}")
    array = open_array(folder)
    lazy = ZarrArray(array, folder)
    found = zarr_node.attributes(folder)
    resolution = _numbers(found, "resolution", folder)
    return Source(
        array=lazy,
        voxel_size=None if resolution is None else VoxelSize(resolution),
        lower_edge_nm=_numbers(found, "offset", folder),
        chunks=lazy.chunks,
        digest=digest(array, folder),
    )


def _array_folder(path: Location) -> Location | None:
    for folder in (path, path / PUBLISHED_RAW):
        if zarr_node.kind(folder) == "array":
            return folder
    return None


def _numbers(found: Mapping[str, Any], name: str, folder: Location) -> FloatTriple | None:
    if name not in found:
        return None
    try:
        values = [float(value) for value in found[name]]
    except (TypeError, ValueError):
        values = []
    if len(values) != 3:
        raise VolumeError(f"{folder}: attribute {name!r} must be three numbers (z,y,x in nm), found {found[name]!r}")
    return triple(values)
