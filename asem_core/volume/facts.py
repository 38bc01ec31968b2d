"""What `asem info` says about a volume."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from asem_core.volume.address import Location, locate
from asem_core.volume.formats import zarr_node
from asem_core.volume.formats.ome import PROVENANCE
from asem_core.volume.layout import labels_folder
from asem_core.volume.volume import Volume


def describe(volume: Volume) -> dict[str, Any]:
    """Facts about ``volume``, JSON types only; no voxel is read. Lists are in z,y,x order."""
    path = locate(volume.uri)
    labels = labels_folder(volume.uri)
    return {
        "uri": volume.uri,
        "format": volume.format,
        "shape": list(volume.shape),
        "dtype": str(volume.dtype),
        "bytes": volume.box.size * volume.dtype.itemsize,
        "voxel_size_nm": list(volume.voxel_size.zyx),
        "size_um": [n * v / 1000 for n, v in zip(volume.shape, volume.voxel_size.zyx, strict=True)],
        "lower_edge_nm": list(volume.lower_edge_nm),
        "first_section": volume.first_section,
        "chunks": list(volume.chunks),
        "levels": _levels(path) or [list(volume.shape)],
        "labels": zarr_node.children(labels) if labels else [],
        "notes": list(volume.notes),
        "provenance": _provenance(path),
    }


def _levels(path: Location) -> list[list[int]]:
    names = zarr_node.levels(path)
    if not names:
        return []
    from asem_core.volume.formats.zarr_array import open_array

    return [list(open_array(path / name).shape) for name in names]


def _provenance(path: Location) -> Mapping[str, Any] | None:
    found = zarr_node.attributes(path).get(PROVENANCE)
    return found if isinstance(found, Mapping) else None
