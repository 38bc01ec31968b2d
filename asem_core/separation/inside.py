"""The objects of a probability map or a mask inside the run of a job, whichever job that is."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.blocks.fill import Run
from asem_core.errors import AsemError
from asem_core.geometry import Box, Triple, VoxelSize
from asem_core.separation.blocks import Objects, separate
from asem_core.specs import OrganelleSpec, Separation
from asem_core.volume.address import Location
from asem_core.volume.kind import Kind, foreground

BLOCK: Triple = (128, 128, 128)
_BYTES_OF_BASINS = 8
"""Temporary, per voxel: its height and its basin."""


@attrs.frozen(kw_only=True)
class Separated:
    """Objects of an organelle that were given an id each."""

    path: Location
    """The OME-Zarr; of `instances` its image is what was read, of `segment` the probability map."""
    organelle: str
    labels: str
    """Name of the label image: ``<organelle>_instances``."""
    objects: int
    basins: int
    """Peaks of the depth, of which the objects were put together."""
    voxels: int
    """In objects."""
    dropped_voxels: int
    """Of the organelle, but in nothing large enough."""
    smallest_nm3: float
    largest_nm3: float

    def __str__(self) -> str:
        sizes = f", {self.smallest_nm3:.3g} to {self.largest_nm3:.3g} nm^3" if self.objects else ""
        return (
            f"{self.path}/labels/{self.labels}: {self.objects:,} objects{sizes}, of {self.basins:,} basins; "
            f"{self.dropped_voxels:,} voxels in what is too small, left out"
        )

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {"output": str(self.path), **attrs.asdict(self, filter=lambda field, _: field.name != "path")}


def name_of_instances(organelle: str) -> str:
    """What the label image with an id per object is called."""
    return f"{organelle}_instances"


def check_separable(organelle: OrganelleSpec) -> OrganelleSpec:
    """``organelle``, which has separate objects.

    Raises
    ------
    AsemError
        It is one network.
    """
    if not organelle.instances:
        raise AsemError(
            f"{organelle.name} ({organelle.title}) is one network, without separate objects; to number its pieces "
            f"all the same, say `instances: true` in a file (`asem organelles new {organelle.name} --like "
            f"{organelle.name}`) and give that file as --organelle"
        )
    return organelle


def find_objects(
    run: Run,
    read: Callable[[Box], npt.NDArray[Any]],
    shape: Triple,
    *,
    kind: Kind,
    threshold: float,
    voxel_size: VoxelSize,
    separation: Separation,
    block: Triple = BLOCK,
) -> Objects:
    """The objects of what ``read(box)`` gives ``(z, y, x)``, probabilities or labels; see `separate`."""
    return separate(
        lambda box: foreground(read(box), kind=kind, threshold=threshold),
        shape,
        voxel_size=voxel_size,
        separation=separation,
        scratch=run.scratch / "basins",
        block=block,
        each=run.temporary,
        progress=run.progress,
    )


def scratch_bytes(shape: Triple) -> int:
    """Disk that `find_objects` takes at most until the run has ended."""
    return _BYTES_OF_BASINS * math.prod(shape)


def numbers(objects: Objects, voxel_size: VoxelSize) -> dict[str, Any]:
    """What `Separated` says of ``objects``, for the results of a run."""
    sizes = objects.voxels[1:] if len(objects) else np.zeros(1, np.int64)
    return {
        "objects": len(objects),
        "basins": objects.basins,
        "voxels": int(objects.voxels.sum()),
        "dropped_voxels": objects.dropped_voxels,
        "smallest_nm3": float(sizes.min() * voxel_size.volume_nm3),
        "largest_nm3": float(sizes.max() * voxel_size.volume_nm3),
    }
