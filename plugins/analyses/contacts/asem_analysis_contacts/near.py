"""The surface of objects in one block that is near to objects of another organelle."""

from __future__ import annotations

import math

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
    shells = _shells(voxel_size, distance_nm)
    found = []
    for number in candidates[candidates > 0]:
        faces = surface_faces(here == number, voxel_size=voxel_size, start=inner.start, stop=inner.stop)
        kept = near[tuple(faces.outside.T)]
        at, normal, area = faces.outside[kept], faces.normal[kept], faces.area_nm2[kept]
        partner, way = _nearest(there, at, normal, shells, voxel_size)
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


def _shells(voxel_size: VoxelSize, distance_nm: float) -> list[Index]:
    """The steps to all voxels within ``distance_nm``, nearest first, those of one length together ``(n, 3)``."""
    reach = [int(distance_nm / v) for v in voxel_size.zyx]
    steps = np.stack(np.meshgrid(*(np.arange(-r, r + 1) for r in reach), indexing="ij"), axis=-1).reshape(-1, 3)
    squared = np.round(((steps * voxel_size.zyx) ** 2).sum(axis=1), 6)
    steps, squared = steps[squared <= distance_nm**2 + 1e-6], squared[squared <= distance_nm**2 + 1e-6]
    order = np.argsort(squared, kind="stable")
    return np.split(steps[order], np.flatnonzero(np.diff(squared[order])) + 1)


def _nearest(
    there: Index, at: Index, normal: npt.NDArray[np.float64], shells: list[Index], voxel_size: VoxelSize
) -> tuple[Index, Index]:
    """Of every face ``at``, the nearest object ``(n,)`` and the step to it ``(n, 3)``; 0 where none is in reach.

    Of several as near, that along the normal the most, so that no axis is preferred; then that of the least number.
    """
    reach = np.abs(np.concatenate(shells)).max(axis=0)
    padded = np.pad(there, [(r, r) for r in reach])
    partner, way = np.zeros(len(at), np.int64), np.zeros((len(at), 3), np.int64)
    open_ = np.arange(len(at))
    for shell in shells:
        if not len(open_):
            break
        best = np.full(len(open_), -np.inf)
        for step in shell:
            ids = padded[tuple((at[open_] + reach + step).T)]
            along = np.round(normal[open_] @ (step * voxel_size.zyx), 6)
            won = (ids > 0) & ((along > best) | ((along == best) & (ids < partner[open_])))
            best[won], partner[open_[won]], way[open_[won]] = along[won], ids[won], step
        open_ = open_[partner[open_] == 0]
    return partner, way
