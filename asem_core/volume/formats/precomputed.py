"""Reader of neuroglancer's precomputed volumes through tensorstore: ``info`` beside a folder for every scale.

Axes are x, y, z, channel. ``resolution`` is in nanometres; ``voxel_offset`` counts voxels of the scale from the origin
to the lower edge of the first one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from asem_core.errors import VolumeError
from asem_core.volume.address import Location, locate, read_json
from asem_core.volume.formats.tensors import CONTEXT, TensorArray, kvstore, tensor_digest, told
from asem_core.volume.source import Source
from asem_core.volume.stated import Lengths, Stated

METADATA = "info"
_SCHEMES = ("http", "https", "s3")
"""That tensorstore's own clients speak."""


def accepts(uri: str) -> bool:
    """Whether ``uri`` is a precomputed volume, or one of its scales."""
    place = locate(uri)
    return (isinstance(place, Path) or place.protocol in _SCHEMES) and _scale(place) is not None


def open_precomputed(uri: str) -> Source:
    """Open the scale, or the first one of the volume, which is the finest."""
    import tensorstore

    found = _scale(locate(uri))
    if found is None:
        raise VolumeError(f"{uri}: no precomputed volume here")
    volume, info, number = found
    spec = {
        "driver": "neuroglancer_precomputed", "kvstore": kvstore(volume), "scale_index": number, "context": CONTEXT
    }  # fmt: skip
    try:
        store = tensorstore.open(spec, read=True, open=True).result()
    except Exception as exc:  # tensorstore raises ValueError for everything
        raise VolumeError(f"{volume}: cannot open the precomputed volume: {told(exc)}") from exc
    array = TensorArray(store[tensorstore.d[:].translate_to[0]], volume)
    scale = info["scales"][number]
    resolution = scale.get("resolution")
    size = Lengths(values=resolution, units="nm", axes="xyz", where="'resolution' of its info (x,y,z)")
    edge = Lengths(
        values=scale.get("voxel_offset") or [0, 0, 0],
        units="nm",
        axes="xyz",
        times=(resolution,),
        where="'voxel_offset' of its info (x,y,z)",
    )
    return Source(
        array=array,
        stated=Stated(axes=store.domain.labels, size=size, edge=edge),
        chunks=array.chunks,
        digest=tensor_digest(volume / str(scale.get("key")), json.dumps([info, number], sort_keys=True).encode()),
    )


def _scale(path: Location) -> tuple[Location, Mapping[str, Any], int] | None:
    """The volume, what its ``info`` says, and which scale ``path`` means; None where there is no volume."""
    info = _info(path)
    if info is not None:
        return path, info, 0
    above = _info(path.parent)
    keys = [scale.get("key") for scale in above["scales"]] if above else []
    return (path.parent, above, keys.index(path.name)) if above and path.name in keys else None


def _info(path: Location) -> Mapping[str, Any] | None:
    """The ``info`` of a volume; None where there is none, or a file of that name is something else."""
    try:
        found = read_json(path / METADATA)
    except (VolumeError, ValueError):
        if isinstance(path, Path):
            return None
        raise
    scales = (found or {}).get("scales")
    is_volume = isinstance(scales, list) and scales and all(isinstance(scale, Mapping) for scale in scales)
    return found if is_volume else None
