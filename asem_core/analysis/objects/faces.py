"""The surface of a digital object, as faces of voxels projected along the normal."""

from __future__ import annotations

import math

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.geometry import Triple, VoxelSize, triple

SIGMA_VOXELS = 1.5
"""Gaussian for the normals, in units of the longest edge of a voxel."""
_TRUNCATE = 3.0


@attrs.frozen(kw_only=True, eq=False)
class Faces:
    """Faces between voxels of an object and others, one entry each."""

    outside: npt.NDArray[np.int64]
    """Index ``(n, 3)`` of the voxel that is not in the object."""
    area_nm2: npt.NDArray[np.float64]
    """Surface that the face stands for ``(n,)``."""
    normal: npt.NDArray[np.float64]
    """Unit vector out of the object there, z, y, x, ``(n, 3)``; 0 where an object is so small that it has none."""


def surface_halo(voxel_size: VoxelSize) -> Triple:
    """Voxels around a face that its normal depends on."""
    reach = _TRUNCATE * SIGMA_VOXELS * max(voxel_size.zyx)
    return triple([math.ceil(reach / v) + 2 for v in voxel_size.zyx])


def surface_faces(mask: npt.NDArray[np.bool_], *, voxel_size: VoxelSize, start: Triple, stop: Triple) -> Faces:
    """The faces whose lower voxel lies in ``start`` to ``stop``.

    Parameters
    ----------
    mask
        The object ``(z, y, x)``, with `surface_halo` voxels around the part that is asked for, or the end of the
        volume there: faces at the end of a volume are not surface.
    start, stop
        Indices into ``mask``, half-open.

    Notes
    -----
    A face of area a whose normal is e stands for a ``|n . e|`` of the surface, n the normal of the object there: the
    gradient of the mask after a Gaussian. The sum converges to the true area as voxels shrink, for any orientation
    (Coeurjolly, Flin, Teytaud, Tougne 2003, "Multigrid convergence and surface area estimation", LNCS 2616; Flin et al.
    2005, IEEE Trans. Image Process. 14, 585). Every face has one entry, so areas of parts of a volume add up.

    Examples
    --------
    >>> ball = ((np.indices((27, 27, 27)) - 13) ** 2).sum(axis=0) <= 100
    >>> found = surface_faces(ball, voxel_size=VoxelSize((5, 5, 5)), start=(0, 0, 0), stop=(27, 27, 27))
    >>> bool(abs(found.area_nm2.sum() / (4 * np.pi * 50**2) - 1) < 0.02)
    True
    >>> bool((((found.outside - 13) * found.normal).sum(axis=1) > 0).all())
    True
    """
    from scipy import ndimage

    size = np.array(voxel_size.zyx)
    smooth = ndimage.gaussian_filter(
        mask.astype(np.float32), SIGMA_VOXELS * size.max() / size, truncate=_TRUNCATE, mode="nearest"
    )
    gradient = np.stack([np.gradient(smooth, size[a], axis=a) if mask.shape[a] > 1 else 0 * smooth for a in range(3)])
    outside, areas, normals = [], [], []
    for axis in range(3):
        step = np.eye(3, dtype=np.int64)[axis]
        last = np.minimum(stop, np.array(mask.shape) - step)
        lower = tuple(slice(a, b) for a, b in zip(start, last, strict=True))
        upper = tuple(slice(a + s, b + s) for a, b, s in zip(start, last, step, strict=True))
        at = np.argwhere(mask[lower] != mask[upper]) + start
        below, above = tuple(at.T), tuple((at + step).T)
        normal = gradient[(slice(None), *below)] + gradient[(slice(None), *above)]
        length = np.linalg.norm(normal, axis=0)
        unit = normal / np.where(length > 0, length, 1)
        share = np.abs(unit[axis])
        share[length == 0] = 1  # an object so small and symmetric that it has no normal there
        outside.append(at + step * mask[below][:, None])
        areas.append(share * (voxel_size.volume_nm3 / size[axis]))
        normals.append(-unit.T.astype(np.float64))  # the mask falls towards the outside
    return Faces(outside=np.concatenate(outside), area_nm2=np.concatenate(areas), normal=np.concatenate(normals))
