"""Reader of N5 through tensorstore. N5 counts axes x, y, z; everything that leaves this module is z, y, x.

Attributes that say where a data set lies:

- ``transform`` of OpenOrganelle, ``{axes, scale, translate, units}``: names its axes; ``translate`` is a voxel centre.
  On the data set itself, or per level under ``multiscales`` of the group.
- ``pixelResolution`` ``{dimensions, unit}`` of N5 viewers, or ``resolution`` with ``units``: x, y, z; ``offset`` is a
  lower edge. On the data set, or on the group, where ``scales`` or ``downsamplingFactors`` of the level multiply it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.errors import GeometryError, VolumeError
from asem_core.geometry import AXES, FloatTriple, VoxelSize, lower_edge, triple
from asem_core.volume.address import Location, explain, locate, read_bytes, read_json
from asem_core.volume.formats.ome import NM_PER_UNIT
from asem_core.volume.formats.zarr_array import leading_ones
from asem_core.volume.source import Source

Attributes = Mapping[str, Any]
METADATA = "attributes.json"
FINEST = "s0"
_STORAGE = ("dimensions", "blockSize", "dataType", "compression")
"""What tensorstore is told; it would refuse data whose other attributes it cannot parse."""


class N5Array:
    """The last three axes of the N5 data set ``store``, turned to z, y, x."""

    def __init__(self, store: Any, path: Location) -> None:
        self._store = store.T
        self._path = path
        self._skip = leading_ones(self._store.shape)

    @property
    def shape(self) -> tuple[int, ...]:
        """Voxels per axis."""
        return tuple(self._store.shape[self._skip :])

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of one voxel."""
        return np.dtype(str(self._store.dtype.name))

    @property
    def chunks(self) -> tuple[int, ...]:
        """What is read at once."""
        return tuple(self._store.chunk_layout.read_chunk.shape[self._skip :])

    def __getitem__(self, key: Any) -> npt.NDArray[Any]:
        rest = key if isinstance(key, tuple) else (key,)
        try:
            return np.asarray(self._store[(0,) * self._skip + rest].read().result())
        except Exception as exc:  # tensorstore raises ValueError for everything
            raise VolumeError(f"{self._path}: cannot read {rest}: {explain(exc)}") from exc


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
    spec = {"driver": "n5", "kvstore": _kvstore(path), "metadata": {k: own[k] for k in _STORAGE if k in own}}
    try:
        store = tensorstore.open(spec, read=True, open=True, assume_metadata=True).result()
    except Exception as exc:  # tensorstore raises ValueError for everything
        raise VolumeError(f"{path}: cannot open the N5 data set: {explain(exc)}") from exc
    array = N5Array(store, path)
    found = place(own, group, name=path.name, where=str(path))
    metadata = (read_bytes(folder / METADATA) or b"" for folder in (path, path.parent))
    return Source(
        array=array,
        voxel_size=found.voxel_size,
        lower_edge_nm=found.lower_edge_nm,
        chunks=array.chunks,
        digest=hashlib.sha256(b"\0".join(metadata)).hexdigest(),
    )


def _dataset(path: Location) -> Location | None:
    for folder in (path, path / FINEST):
        if {"dimensions", "blockSize"} <= (read_json(folder / METADATA) or {}).keys():
            return folder
    return None


def _kvstore(path: Location) -> Mapping[str, Any] | str:
    """tensorstore's own clients: they fetch the blocks of a box side by side."""
    if isinstance(path, Path):
        return {"driver": "file", "path": f"{path}/"}
    if path.protocol != "s3":
        return f"{path}/"
    bucket, _, key = path.path.partition("/")
    found: dict[str, Any] = {"driver": "s3", "bucket": bucket, "path": f"{key}/"}
    if path.storage_options.get("anon"):
        found["aws_credentials"] = {"type": "anonymous"}
    endpoint = path.storage_options.get("endpoint_url") or os.environ.get("AWS_ENDPOINT_URL")
    if endpoint:
        found |= {"endpoint": endpoint, "aws_region": os.environ.get("AWS_DEFAULT_REGION", "us-east-1")}
    return found


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
