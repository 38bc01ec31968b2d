"""Reader of OME-Zarr images 0.1 to 0.6: a level of the first multiscale, with its place.

Metadata of others is read with what is there, not validated: axes may have no type (0.3) or no names (0.1, 0.2), levels
no transformations; 0.6 names its axes in coordinate systems.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from asem_core.errors import VolumeError
from asem_core.volume.address import Location, locate
from asem_core.volume.formats import zarr_node
from asem_core.volume.formats.zarr_array import ZarrArray, digest, open_array
from asem_core.volume.source import Source
from asem_core.volume.stated import Lengths, Stated, numbers

PROVENANCE = "asem"
"""Attribute of the root group that says how the file was made."""
_VERSIONS = "0.1 to 0.6"


def accepts(uri: str) -> bool:
    """Whether ``uri`` is a Zarr group with ``multiscales``, or a level of one."""
    path = locate(uri)
    if zarr_node.pyramid_of(path) is not None:
        return True
    return zarr_node.kind(path) == "group" and zarr_node.multiscale(path) is not None


def open_ome(uri: str) -> Source:
    """Open the level that ``uri`` names, or level 0 of the image that it names."""
    path = locate(uri)
    image = zarr_node.pyramid_of(path) or path
    paths = zarr_node.levels(image)
    if not paths:
        raise VolumeError(f"{uri}: its OME-Zarr metadata names no level under multiscales.0.datasets")
    level = 0 if image == path else [str(image / each) for each in paths].index(str(path))
    folder = image / paths[level]
    array = open_array(folder)
    lazy = ZarrArray(array, folder)
    made = _provenance(image)
    return Source(
        array=lazy,
        stated=_stated(image, paths[level], len(array.shape), placed=bool(made.get("placed", True))),
        chunks=lazy.chunks,
        digest=digest(array, folder),
        first_section=_first_section(made),
    )


def _provenance(image: Location) -> Mapping[str, Any]:
    """Of the image, or of the image that the label image ``image`` belongs to; empty for what others wrote."""
    root = image.parent.parent if image.parent.name == "labels" else image
    found = zarr_node.attributes(root).get(PROVENANCE)
    return found if isinstance(found, Mapping) else {}


def _first_section(made: Mapping[str, Any]) -> int:
    number = made.get("first_section", 0)
    return number if isinstance(number, int) else 0


def _stated(image: Location, level: str, rank: int, *, placed: bool) -> Stated:
    multiscale = (zarr_node.multiscale(image) or {})["multiscales"][0]
    dataset = next(each for each in multiscale["datasets"] if isinstance(each, Mapping) and each.get("path") == level)
    own = _list(dataset.get("coordinateTransformations"))
    systems = _list(multiscale.get("coordinateSystems"))
    # Up to 0.5 those of the multiscale follow; in 0.6 they lead on to other coordinate systems.
    steps = own if systems else [*own, *_list(multiscale.get("coordinateTransformations"))]
    axes = _axes(_system(systems, own), image) if systems else _axes(multiscale.get("axes"), image)
    names = [axis["name"] for axis in axes] or None
    try:
        scale, translation = _composed(steps, rank)
    except ValueError as exc:
        return Stated(axes=names, unclear=(f"its OME-Zarr transformations cannot be used: {exc}",))
    if scale is None:
        return Stated(axes=names, unclear=("its OME-Zarr metadata has no scale",))
    units = [axis.get("unit") for axis in axes] or None
    centre = (
        Lengths(values=translation, units=units, where="its OME-Zarr translation") if placed and translation else None
    )
    return Stated(axes=names, size=Lengths(values=scale, units=units, where="its OME-Zarr scale"), centre=centre)


def _axes(stated: Any, image: Location) -> list[Mapping[str, Any]]:
    """Axes with a name each; none before 0.3, which has no axes in its metadata."""
    axes = [{"name": axis} if isinstance(axis, str) else axis for axis in _list(stated)]
    if not all(isinstance(axis, Mapping) and isinstance(axis.get("name"), str) for axis in axes):
        raise VolumeError(f"{image}: its OME-Zarr axes cannot be understood: {axes}; versions {_VERSIONS} are read")
    return axes


def _system(systems: Sequence[Any], steps: Sequence[Any]) -> Any:
    """Axes of the coordinate system that ``steps`` lead into; of the first where they do not say."""
    maps = [each for each in systems if isinstance(each, Mapping)]
    goal = next((step.get("output") for step in steps if isinstance(step, Mapping)), None)
    goal = goal.get("name") if isinstance(goal, Mapping) else goal
    return next((each.get("axes") for each in maps if each.get("name") == goal), maps[0].get("axes") if maps else None)


def _composed(steps: Sequence[Any], rank: int) -> tuple[list[float] | None, list[float] | None]:
    """Scale and translation that ``steps``, one after another, amount to; None where no step states one.

    Raises
    ------
    ValueError
        A step is something else, or has no number per axis.
    """
    scale: list[float] | None = None
    translation: list[float] | None = None
    for step in steps:
        kind = step.get("type") if isinstance(step, Mapping) else None
        if kind == "identity":
            continue
        if kind == "sequence":
            factors, shifts = _composed(_list(step.get("transformations")), rank)
        elif kind in ("scale", "translation"):
            values = numbers(step.get(kind))
            if len(values) != rank:
                raise ValueError(f"a {kind} has {len(values)} numbers for {rank} axes")
            factors, shifts = (values, None) if kind == "scale" else (None, values)
        else:
            raise ValueError(f"only scale, translation, identity and sequence are read, found {kind!r}")
        if factors is not None:
            scale = [s * f for s, f in zip(scale or [1.0] * rank, factors, strict=True)]
            translation = translation and [t * f for t, f in zip(translation, factors, strict=True)]
        if shifts is not None:
            translation = [t + s for t, s in zip(translation or [0.0] * rank, shifts, strict=True)]
    return scale, translation


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
