"""Reader of N5 through tensorstore. N5 counts axes x, y, z; the array that leaves this module is indexed z, y, x.

Attributes that say where a data set lies:

- ``transform`` of OpenOrganelle, ``{axes, scale, translate, units}``: names its axes; ``translate`` is a voxel centre.
  On the data set itself, or per level under ``multiscales`` of the group.
- ``pixelResolution`` ``{dimensions, unit}`` of N5 viewers, or ``resolution`` with ``units``: x, y, z; ``offset`` is a
  lower edge. On the data set, or on the group; ``downsamplingFactors`` of the level, or its ``scales``, multiply it.
- ``axes`` of ilastik: names of the axes as N5 counts them. ``axis_names`` or ``_ARRAY_DIMENSIONS`` of Python programs:
  names in the order in which an array is indexed there, the reverse; numbers beside them are in that order too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import attrs
import numpy as np

from asem_core.errors import VolumeError
from asem_core.volume.address import Location, locate, read_bytes, read_json
from asem_core.volume.formats.tensors import CONTEXT, TensorArray, kvstore, tensor_digest, told
from asem_core.volume.source import Source
from asem_core.volume.stated import Lengths, Stated, numbers

Attributes = Mapping[str, Any]
METADATA = "attributes.json"
FINEST = "s0"
_STORAGE = ("dimensions", "blockSize", "dataType", "compression")
"""What tensorstore is told; it would refuse data whose other attributes it cannot parse."""
_XYZ_CT = ("x", "y", "z", "c", "t")
"""How N5 counts axes."""
_SPACE = ["x", "y", "z"]
_PYTHON = ("axis_names", "_ARRAY_DIMENSIONS")


def accepts(uri: str) -> bool:
    """Whether ``uri`` is an N5 data set, or a group with a data set ``s0``."""
    return _dataset(locate(uri)) is not None


def open_n5(uri: str) -> Source:
    """Open the data set; of a multiscale group its finest level."""
    import tensorstore

    path = _dataset(locate(uri))
    if path is None:
        raise VolumeError(f"{uri}: no N5 data set here and none at {FINEST}")
    own, group = read_json(path / METADATA) or {}, read_json(path.parent / METADATA) or {}
    _refuse_multiset(own, group, path)
    _refuse_reversed(own, path)
    spec = {"driver": "n5", "kvstore": kvstore(path), "metadata": _storage(own), "context": CONTEXT}
    try:
        store = tensorstore.open(spec, read=True, open=True, assume_metadata=True).result()
    except Exception as exc:  # tensorstore raises ValueError for everything
        raise VolumeError(f"{path}: cannot open the N5 data set: {told(exc)}") from exc
    array = TensorArray(store.T, path)
    metadata = b"\0".join(read_bytes(folder / METADATA) or b"" for folder in (path, path.parent))
    finest = own if path.name == FINEST else read_json(path.parent / FINEST / METADATA) or {}
    return Source(
        array=array,
        stated=stated(own, group, finest, name=path.name, unit_elsewhere=_is_big_data_viewer(path)),
        chunks=array.chunks,
        digest=tensor_digest(path, metadata),
    )


def _refuse_multiset(own: Attributes, group: Attributes, path: Location) -> None:
    if own.get("isLabelMultiset") or group.get("isLabelMultiset"):
        raise VolumeError(
            f"{path}: a label multiset of Paintera, which holds several labels per voxel; export it from Paintera as "
            "labels of one number per voxel (uint64), and give that data set"
        )


def _refuse_reversed(own: Attributes, path: Location) -> None:
    """Refuse ``axes`` that end in x: either the array is turned, or a program named them as Python counts."""
    axes = own.get("axes")
    if not isinstance(axes, list | str) or "scale" in own:
        return
    if [axis for axis in axes if axis in _SPACE] == _SPACE[::-1]:
        raise VolumeError(
            f"{path}: attribute 'axes' is {axes}, while N5 counts x,y,z: the array may be turned; write 'axes' as N5 "
            "counts them, or remove it"
        )


def _storage(own: Attributes) -> dict[str, Any]:
    """What tensorstore needs to know; before N5 2.0 the compression was called by its name alone."""
    found = {key: own[key] for key in _STORAGE if key in own}
    if "compression" not in found and "compressionType" in own:
        found["compression"] = {"type": own["compressionType"]}
    return found


def _is_big_data_viewer(path: Location) -> bool:
    """Whether it lies in ``setup0/timepoint0``: then its ``resolution`` has a unit in an XML file elsewhere."""
    return path.parent.name.startswith("timepoint") and path.parent.parent.name.startswith("setup")


def _dataset(path: Location) -> Location | None:
    for folder in (path, path / FINEST):
        if {"dimensions", "blockSize"} <= (read_json(folder / METADATA) or {}).keys():
            return folder
    return None


def stated(
    own: Attributes, group: Attributes, finest: Attributes, *, name: str, unit_elsewhere: bool = False
) -> Stated:
    """What the data set ``name`` with attributes ``own``, in a group with attributes ``group``, says of its voxels.

    Parameters
    ----------
    own, group, finest
        Attributes of the data set, of its group, and of the finest level of that group.
    name
        Of the data set in its group, such as ``s1``.
    unit_elsewhere
        Whether the unit of ``resolution`` is not in the attributes.

    Examples
    --------
    >>> found = stated({"pixelResolution": {"dimensions": [4, 4, 5.24], "unit": "nm"}}, {}, {}, name="s0")
    >>> found.size.values, found.size.units, found.size.axes
    ([4, 4, 5.24], 'nm', ('x', 'y', 'z'))
    """
    transform = own.get("transform") or _level(group, name).get("transform")
    if transform is None and "scale" in own and "axes" in own:
        transform = own
    if transform is not None:
        return _transformed(transform)
    axes = _axes(own)
    if "units" in own and "units" not in group:
        group = {**group, "units": own["units"]}
    holder = own if _resolution(own) is not None else group
    size = _resolution(holder)
    if size is not None and unit_elsewhere and "pixelResolution" not in holder:
        told = f"{size.where} is {size.values!r} in a unit that BigDataViewer keeps in its XML file"
        return Stated(axes=axes, unclear=(told,))
    unclear: tuple[str, ...] = ()
    factors = _factors(own, group, name)
    if size is not None and factors is not None:
        base = (_resolution(finest) or _resolution(group)) if holder is own else None
        held = None if base is None else _held(size, base, factors)
        if held is None or held == "base":
            size = attrs.evolve(size, times=(factors,))
        elif held == "neither":
            unclear = (
                f"{size.where} is {size.values!r}, neither that of {FINEST} nor that times its factors {factors}",
            )
    placed = own if "offset" in own else group
    edge = _lengths(placed, "offset") if "offset" in placed else None
    return Stated(axes=axes, size=size, edge=edge, unclear=unclear)


def _transformed(found: Any) -> Stated:
    if not isinstance(found, Mapping):
        return Stated(unclear=(f"attribute 'transform' is {found!r}",))
    axes, units = found.get("axes"), found.get("units") or "nm"
    size, centre = (
        Lengths(values=found[key], units=units, axes=axes, where=f"{key!r} of its transform") if key in found else None
        for key in ("scale", "translate")
    )
    return Stated(size=size, centre=centre)


def _axes(own: Attributes) -> list[object] | None:
    """Names of the axes as the array is indexed here."""
    named = next((own[name] for name in _PYTHON if isinstance(own.get(name), list)), None)
    if named is None and isinstance(own.get("axes"), list | str):
        return list(reversed(own["axes"]))
    return named


def _resolution(found: Attributes) -> Lengths | None:
    name = next((name for name in ("pixelResolution", "resolution") if found.get(name) is not None), None)
    return None if name is None else _lengths(found, name)


def _lengths(found: Attributes, name: str) -> Lengths:
    """The attribute ``name`` in the order x, y, z: a list with ``units`` beside it, or a map with its unit."""
    stands = found[name]
    values, units = stands, found.get("units") or found.get("unit") or "nm"
    if isinstance(stands, Mapping):
        values, units = stands.get("dimensions"), stands.get("unit")
    axes: Any = _XYZ_CT[: len(values)] if isinstance(values, list) else _XYZ_CT[:3]
    if any(name in found for name in _PYTHON):
        axes = None
    return Lengths(values=values, units=units, axes=axes, where=f"attribute {name!r}")


def _factors(own: Attributes, group: Attributes, name: str) -> Any:
    """Voxels of the finest level in one of this, x, y, z; None where nothing is said."""
    if "downsamplingFactors" in own:
        factors = own["downsamplingFactors"]
        return [factors] * 3 if isinstance(factors, int) else factors
    scales, level = group.get("scales"), name.removeprefix("s")
    return scales[int(level)] if isinstance(scales, list) and level.isdecimal() and int(level) < len(scales) else None


def _held(size: Lengths, base: Lengths, factors: Any) -> Literal["base", "level", "neither"]:
    """Which size a level states: n5-viewer repeats that of the finest level, others write the level's own."""
    try:
        mine, finest = numbers(size.values), numbers(base.values)
        if np.allclose(mine, finest, atol=0):
            return "base"
        own = [length * factor for length, factor in zip(finest, numbers(factors), strict=True)]
        return "level" if np.allclose(mine, own, atol=0) else "neither"
    except ValueError:
        return "neither"


def _level(group: Attributes, name: str) -> Attributes:
    multiscales = group.get("multiscales")
    for multiscale in multiscales if isinstance(multiscales, list) else ():
        levels = multiscale.get("datasets") if isinstance(multiscale, Mapping) else None
        for level in levels if isinstance(levels, list) else ():
            if isinstance(level, Mapping) and level.get("path") == name:
                return level
    return {}
