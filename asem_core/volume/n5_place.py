"""Where an N5 data set lies: the conventions of its attributes, turned to z, y, x and nanometres.

- ``transform`` of OpenOrganelle, ``{axes, scale, translate, units}``: names its axes; ``translate`` is a voxel centre.
  On the data set itself, or per level under ``multiscales`` of the group.
- ``pixelResolution`` ``{dimensions, unit}`` of N5 viewers, or ``resolution`` with ``units``: x, y, z; ``offset`` is a
  lower edge. On the data set, or on the group, where ``scales`` or ``downsamplingFactors`` of the level multiply it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from asem_core.errors import GeometryError, VolumeError
from asem_core.geometry import AXES, FloatTriple, VoxelSize, lower_edge, triple
from asem_core.volume.ome import NM_PER_UNIT

Attributes = Mapping[str, Any]


@attrs.frozen(kw_only=True)
class Place:
    """Voxel size and lower edge, z, y, x in nm; None: not stated."""

    voxel_size: VoxelSize | None = None
    lower_edge_nm: FloatTriple | None = None


def place(own: Attributes, group: Attributes, *, name: str, where: str) -> Place:
    """The place of the data set ``name`` with attributes ``own`` in a group with attributes ``group``.

    Raises
    ------
    VolumeError
        An attribute is there but is not what its convention says; ``where`` says which file.

    Examples
    --------
    >>> place({"pixelResolution": {"dimensions": [4, 4, 5.24], "unit": "nm"}}, {}, name="s0", where="").voxel_size
    VoxelSize(zyx=(5.24, 4.0, 4.0))
    """
    try:
        transform = own.get("transform") or _level(group, name).get("transform")
        if transform:
            return _from_transform(transform)
        if "scale" in own and "axes" in own:
            return _from_transform(own)
        return _from_resolution(own, group, name)
    except (GeometryError, KeyError, TypeError, ValueError, AttributeError) as exc:
        raise VolumeError(f"{where}: the N5 attributes that state the voxel size cannot be understood: {exc}") from exc


def _from_transform(found: Attributes) -> Place:
    axes = [str(axis) for axis in found["axes"]]
    if not set(AXES) <= set(axes):
        raise ValueError(f"axes are {axes}, expected z, y and x")
    units = [_nm_per(unit) for unit in found.get("units") or ["nm"] * len(axes)]

    def in_nm(key: str) -> FloatTriple:
        values = [float(value) * unit for value, unit in zip(found[key], units, strict=True)]
        return triple([values[axes.index(axis)] for axis in AXES])

    size = VoxelSize(in_nm("scale"))
    if found.get("translate") is None:
        return Place(voxel_size=size)
    return Place(voxel_size=size, lower_edge_nm=lower_edge(in_nm("translate"), size))


def _from_resolution(own: Attributes, group: Attributes, name: str) -> Place:
    size = _resolution(own)
    if size is None:
        shared = _resolution(group)
        if shared is None:
            return Place()
        size = triple([s * f for s, f in zip(shared, _factors(own, group, name), strict=True)])
    offset = own.get("offset", group.get("offset"))
    unit = _units(own)
    edge = None if offset is None else triple([o * u for o, u in zip(_reversed(offset), unit, strict=True)])
    return Place(voxel_size=VoxelSize(size), lower_edge_nm=edge)


def _resolution(found: Attributes) -> FloatTriple | None:
    stated = found.get("pixelResolution", found.get("resolution"))
    if stated is None:
        return None
    if isinstance(stated, Mapping):
        unit = _nm_per(stated.get("unit") or "nm")
        return triple([value * unit for value in _reversed(stated["dimensions"])])
    return triple([value * unit for value, unit in zip(_reversed(stated), _units(found), strict=True)])


def _units(found: Attributes) -> FloatTriple:
    units = found.get("units") or ["nm"] * 3
    return triple([_nm_per(unit) for unit in reversed(units)])


def _factors(own: Attributes, group: Attributes, name: str) -> FloatTriple:
    if "downsamplingFactors" in own:
        return _reversed(own["downsamplingFactors"])
    scales = group.get("scales")
    level = name.removeprefix("s")
    return _reversed(scales[int(level)]) if scales and level.isdigit() else (1.0, 1.0, 1.0)


def _level(group: Attributes, name: str) -> Attributes:
    for multiscale in group.get("multiscales") or ():
        for level in multiscale.get("datasets", ()):
            if isinstance(level, Mapping) and level.get("path") == name:
                return level
    return {}


def _reversed(values: Sequence[float]) -> FloatTriple:
    return triple([float(value) for value in reversed(values)])


def _nm_per(unit: str) -> float:
    if str(unit).lower() not in NM_PER_UNIT:
        raise ValueError(f"unknown length unit {unit!r}; known: {', '.join(NM_PER_UNIT)}")
    return NM_PER_UNIT[str(unit).lower()]
