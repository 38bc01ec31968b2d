"""What a WEBKNOSSOS dataset says of its Zarr arrays, ``LAYER/MAG``, in its ``datasource-properties.json``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from asem_core.volume.address import Location, read_json
from asem_core.volume.stated import Lengths, Stated

FILE = "datasource-properties.json"


def stated(array: Location) -> Stated | None:
    """Axes and voxel size of the Zarr array ``array``; None where no dataset describes it.

    ``scale`` is the voxel size of the finest magnification, x, y, z; ``mag`` is how many of those a voxel measures;
    ``axisOrder``, where it is there, gives the place of every axis.
    """
    found = read_json(array.parent.parent / FILE)
    if found is None:
        return None
    mag = next((mag for mag in _mags(found, array.parent.name) if _folder_of(mag) == array.name), None)
    if mag is None:
        return None
    order = mag.get("axisOrder")
    axes = sorted(order, key=lambda axis: str(order[axis])) if isinstance(order, Mapping) else None
    scale = found.get("scale")
    factor, unit = (scale.get("factor"), scale.get("unit")) if isinstance(scale, Mapping) else (scale, "nm")
    size = Lengths(values=factor, units=unit, axes="xyz", times=(_factors(mag),), where=f"scale in {FILE}")
    return Stated(axes=axes, size=None if scale is None else size)


def _mags(found: Mapping[str, Any], layer: str) -> list[Mapping[str, Any]]:
    layers = [each for each in _maps(found.get("dataLayers")) if each.get("name") == layer]
    return [mag for each in layers for mag in _maps(each.get("mags"))]


def _maps(values: Any) -> list[Mapping[str, Any]]:
    return [each for each in values if isinstance(each, Mapping)] if isinstance(values, list) else []


def _folder_of(mag: Mapping[str, Any]) -> str:
    """``LAYER/MAG``, or where that is not said, the magnification as folders are called after it: ``1``, ``2-2-1``."""
    if isinstance(mag.get("path"), str):
        return str(mag["path"]).rstrip("/").rpartition("/")[2]
    factors = _factors(mag)
    sides = [str(factor) for factor in factors] if isinstance(factors, list) else [str(factors)]
    return sides[0] if len(set(sides)) == 1 else "-".join(sides)


def _factors(mag: Mapping[str, Any]) -> Any:
    factors = mag.get("mag")
    return [factors] * 3 if isinstance(factors, int) else factors
