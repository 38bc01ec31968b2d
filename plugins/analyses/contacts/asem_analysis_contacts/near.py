"""The surface of objects in one block that is near to objects of another organelle."""

from __future__ import annotations

import math
from collections.abc import Iterator

import attrs
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from asem_core import Box, VoxelSize
from asem_core.analysis import Numbered, surface_faces, surface_halo

Index = npt.NDArray[np.int64]
_LEAST_COSINE = 0.5
"""Between the normal of a face and the way to the other object: what looks elsewhere, such as the far side of a thin
sheet, is no contact."""


@attrs.frozen(kw_only=True, eq=False)
class Patch:
    """Faces of objects that are near to another organelle, one entry each."""

    number: Index
    """Of the object ``(n,)``, as `Numbered` counts them."""
    partner: Index
    """Of the nearest object of the other organelle ``(n,)``."""
    place: Index
    """The voxel outside the face, in the volume, z, y, x ``(n, 3)``."""
    area_nm2: npt.NDArray[np.float64]
    distance_nm: npt.NDArray[np.float64]

    @staticmethod
    def joined(patches: list[Patch]) -> Patch:
        """All of ``patches``, in an order that does not depend on theirs."""
        fields = {
            field.name: np.concatenate([getattr(p, field.name) for p in patches]) for field in attrs.fields(Patch)
        }
        order = np.lexsort((fields["area_nm2"], *fields["place"].T[::-1], fields["partner"], fields["number"]))
        return Patch(**{name: values[order] for name, values in fields.items()})


def empty_patch() -> Patch:
    """No face."""
    none = np.zeros(0, np.int64)
    nothing: npt.NDArray[np.float64] = np.zeros(0, np.float64)
    return Patch(number=none, partner=none, place=np.zeros((0, 3), np.int64), area_nm2=nothing, distance_nm=nothing)


def halo(voxel_size: VoxelSize, distance_nm: float) -> tuple[int, int, int]:
    """Voxels around a block that its faces depend on: of their normals, and of what is near."""
    z, y, x = (
        max(h, math.ceil(distance_nm / v) + 2) for h, v in zip(surface_halo(voxel_size), voxel_size.zyx, strict=True)
    )
    return z, y, x


def near_faces(
    objects: Numbered, others: Numbered, box: Box, *, volume: Box, voxel_size: VoxelSize, distance_nm: float
) -> Patch:
    """The faces of ``objects`` whose lower voxel lies in ``box`` and that are near to one of ``others``.

    Parameters
    ----------
    objects, others
        Of the two organelles.
    volume
        All of it.
    distance_nm
        What is near.

    Notes
    -----
    The distance of a face is that from the centre of the voxel outside it to the centre of the nearest voxel of the
    other organelle. Both lie half a voxel beyond the surfaces that they stand for, on the same side, so that it is the
    distance of the surfaces: exactly between planes along the axes, within about half a voxel otherwise.
    """
    around = box.grow(halo(voxel_size, distance_nm)).intersect(volume)
    there = others.read(around)
    if not there.any():
        return empty_patch()
    distance = ndimage.distance_transform_edt(there == 0, sampling=voxel_size.zyx)
    near = distance <= distance_nm
    here = objects.read(around)
    candidates = np.unique(here[ndimage.binary_dilation(near)])
    inner = box.shift([-a for a in around.start])
    steps = np.array(list(_steps(voxel_size, distance_nm)), np.int64)
    found = []
    for number in candidates[candidates > 0]:
        faces = surface_faces(here == number, voxel_size=voxel_size, start=inner.start, stop=inner.stop)
        kept = near[tuple(faces.outside.T)]
        at, normal, area = faces.outside[kept], faces.normal[kept], faces.area_nm2[kept]
        partner, way = _nearest(there, at, steps)
        apart = way * voxel_size.zyx
        length = np.linalg.norm(apart, axis=1)
        facing = ((normal * apart).sum(axis=1) >= _LEAST_COSINE * length) & (partner > 0)
        found.append(
            Patch(
                number=np.full(int(facing.sum()), number, np.int64), partner=partner[facing],
                place=at[facing] + around.start, area_nm2=area[facing], distance_nm=length[facing],
            )
        )  # fmt: skip
    return Patch.joined([empty_patch(), *found])


def _steps(voxel_size: VoxelSize, distance_nm: float) -> Iterator[tuple[int, int, int]]:
    """The steps to all voxels within ``distance_nm``, nearest first; the same order everywhere, also among equals."""
    reach = [int(distance_nm / v) for v in voxel_size.zyx]
    offsets = np.stack(np.meshgrid(*(np.arange(-r, r + 1) for r in reach), indexing="ij"), axis=-1).reshape(-1, 3)
    squared = ((offsets * voxel_size.zyx) ** 2).sum(axis=1)
    offsets, squared = offsets[squared <= distance_nm**2 + 1e-6], squared[squared <= distance_nm**2 + 1e-6]
    for z, y, x in offsets[np.lexsort((*offsets.T[::-1], np.round(squared, 6)))]:
        yield int(z), int(y), int(x)


def _nearest(there: Index, at: Index, steps: Index) -> tuple[Index, Index]:
    """Of every place ``at``, the nearest object ``(n,)`` and the step to it ``(n, 3)``; 0 where none is in reach."""
    reach = np.abs(steps).max(axis=0)
    padded = np.pad(there, [(r, r) for r in reach])
    partner, way = np.zeros(len(at), np.int64), np.zeros((len(at), 3), np.int64)
    open_ = np.arange(len(at))
    for step in steps:
        if not len(open_):
            break
        ids = padded[tuple((at[open_] + reach + step).T)]
        partner[open_], way[open_] = ids, step
        open_ = open_[ids == 0]
    return partner, way
