"""How far inside its organelle a voxel is: the distance to the nearest background, up to a limit, in whole numbers.

The squared distance separates into one pass per axis (Saito and Toriwaki 1994)::

    D(z, y, x) = min over k of D(z + k, y, x) + (k * step_z)^2,   then y, then x

In whole numbers there is no rounding: a part of the volume with `reach` around it gives what the whole gives.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from asem_core.geometry import Triple, VoxelSize, triple

UNITS_PER_NM = 64
"""Heights are counted in 1/64 nm, to which the edges of voxels are rounded: the sum of two squares of the largest
`reach_nm` that `asem_core.specs.Separation` allows still fits into 32 bits."""

Heights = npt.NDArray[np.int32]
"""Of the background -1, of all else 0 and above."""


def heights(mask: npt.NDArray[np.bool_], *, voxel_size: VoxelSize, reach_nm: float) -> Heights:
    """The distance from every voxel of ``mask`` ``(z, y, x)`` to the nearest one outside it, from centre to centre.

    Parameters
    ----------
    mask
        Where the organelle is. What lies beyond the array is not known, and no background.
    reach_nm
        Larger distances, and those to no background at all, become this.

    Returns
    -------
    ndarray of int32
        In 1/64 nm; -1 outside ``mask``.

    Examples
    --------
    >>> mask = np.array([[[False, True, True, True]]])
    >>> (heights(mask, voxel_size=VoxelSize((5, 5, 5)), reach_nm=12) / UNITS_PER_NM).round(2).tolist()
    [[[-0.02, 5.0, 10.0, 12.0]]]
    """
    squared = np.where(mask, np.int32(round(reach_nm * UNITS_PER_NM) ** 2), np.int32(0))
    for axis, step in enumerate(_steps(voxel_size)):
        planes = np.ascontiguousarray(np.moveaxis(squared, axis, 0))
        squared = np.moveaxis(_nearest_along(planes, step), 0, axis)
    found = np.sqrt(squared, dtype=np.float64).astype(np.int32)  # rounded down, alike on every machine (IEEE 754)
    return np.where(mask, found, np.int32(-1))


def reach(voxel_size: VoxelSize, reach_nm: float) -> Triple:
    """Context of a block: voxels, z, y, x."""
    return triple([math.ceil(reach_nm * UNITS_PER_NM / step) for step in _steps(voxel_size)])


def _steps(voxel_size: VoxelSize) -> Triple:
    return triple([max(1, round(v * UNITS_PER_NM)) for v in voxel_size.zyx])


def _nearest_along(squared: Heights, step: int) -> Heights:
    """The pass along the first axis; planes stay in the processor's cache."""
    nearest = squared.copy()
    for at, plane in enumerate(nearest):
        for away in range(1, len(squared)):
            more = (away * step) ** 2
            if more >= plane.max():
                break
            for beside in (at - away, at + away):
                if 0 <= beside < len(squared):
                    np.minimum(plane, squared[beside] + np.int32(more), out=plane)
    return nearest
