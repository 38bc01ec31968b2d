"""From voxels of the 5 nm reference grid, in which organelles state widths and volumes, to voxels of a grid at hand."""

from __future__ import annotations

from typing import Any

import attrs

from asem_core.geometry import Triple, VoxelSize, triple

REFERENCE_NM = 5.0
"""Edge of a reference voxel (paper, Methods: all widths are voxels of the 5 nm grid)."""
REFERENCE_VOLUME_NM3 = REFERENCE_NM**3


def scale_width(width: int, voxel_size: VoxelSize) -> Triple:
    """Voxels per axis (z, y, x) that stand for ``width`` voxels of 5 nm: ``max(1, round(width * 5 / v))``, 0 stays 0.

    >>> scale_width(4, VoxelSize((20.0, 10.0, 5.0)))
    (1, 2, 4)
    """
    if width == 0:
        return (0, 0, 0)
    return triple([max(1, round(width * REFERENCE_NM / v)) for v in voxel_size.zyx])


def scale_volume(voxels: int, voxel_size: VoxelSize) -> float:
    """Voxels of ``voxel_size`` that fill the volume of ``voxels`` voxels of 125 nm^3 (not rounded: a threshold).

    >>> scale_volume(27, VoxelSize((10.0, 10.0, 10.0)))
    3.375
    """
    return voxels * REFERENCE_VOLUME_NM3 / voxel_size.volume_nm3


WIDTH = {"scale": "width"}
"""Metadata of a field of a stage's parameters that counts voxels of 5 nm along an axis, such as a reach: reports say
what it is on a grid (`scale_width`)."""
VOLUME = {"scale": "volume"}
"""Metadata of a field that counts voxels of 125 nm^3, such as a smallest size: reports say what it is on a grid
(`scale_volume`)."""


def on_grid(params: attrs.AttrsInstance, voxel_size: VoxelSize) -> dict[str, dict[str, Any]]:
    """Every parameter marked `WIDTH` or `VOLUME` as it applies to a grid: in voxels and in nm or nm^3.

    >>> from asem_core.labels.rules import RemoveSmallObjects
    >>> on_grid(RemoveSmallObjects(min_voxels=27), VoxelSize((10.0, 10.0, 10.0)))
    {'min_voxels': {'voxels': 3.375, 'nm3': 3375.0}}
    """
    described: dict[str, dict[str, Any]] = {}
    for field in attrs.fields(type(params)):
        value = getattr(params, field.name)
        match field.metadata.get("scale"):
            case "width":
                described[field.name] = describe_width(value, voxel_size)
            case "volume":
                voxels = scale_volume(value, voxel_size)
                described[field.name] = {"voxels": voxels, "nm3": value * REFERENCE_VOLUME_NM3}
    return described


def describe_width(width: int, voxel_size: VoxelSize) -> dict[str, Any]:
    """``width`` reference voxels on a grid: voxels and nm, z, y, x."""
    voxels = scale_width(width, voxel_size)
    return {"voxels": voxels, "nm": triple([n * v for n, v in zip(voxels, voxel_size.zyx, strict=True)])}
