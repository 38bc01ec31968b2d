"""From sums over voxels to sizes and axes in nm."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.geometry import VoxelSize

Floats = npt.NDArray[np.float64]


@attrs.frozen(kw_only=True, eq=False)
class Axes:
    """Principal axes of ``n`` objects, from the longest to the shortest."""

    length_nm: Floats
    """Full lengths ``(n, 3)`` of the axes of the ellipsoid that has the object's second moments."""
    direction: Floats
    """Unit vectors ``(n, axis, zyx)``; the largest component is positive."""


def principal_axes(covariance: Floats, *, voxel_size: VoxelSize) -> Axes:
    """Axes of inertia.

    Parameters
    ----------
    covariance
        Of the coordinates of the voxels' centres, in squared voxels ``(n, 3, 3)``, zyx.

    Notes
    -----
    A solid ellipsoid with semi-axis a has the variance a^2 / 5 along it. A voxel is a box and not a point: its own
    variance, edge^2 / 12, is added.

    Examples
    --------
    >>> flat = np.diag([0.0, 4.0, 4.0])[None]
    >>> principal_axes(flat, voxel_size=VoxelSize((5, 5, 5))).length_nm.round(1)
    array([[45.2, 45.2,  6.5]])
    """
    size = np.array(voxel_size.zyx)
    in_nm = covariance * np.outer(size, size) + np.diag(size**2 / 12)
    variance, vectors = np.linalg.eigh(in_nm)
    direction = np.swapaxes(vectors[:, :, ::-1], 1, 2)
    largest = np.take_along_axis(direction, np.abs(direction).argmax(axis=2)[..., None], axis=2)
    return Axes(length_nm=2 * np.sqrt(5 * np.maximum(variance[:, ::-1], 0)), direction=direction * np.sign(largest))


def sphericity(volume_nm3: Floats, surface_nm2: Floats) -> Floats:
    """Surface of the ball of that volume, divided by the surface (Wadell 1935): 1 for a ball, less for all else.

    NaN where there is no surface: an object that fills the volume.

    >>> sphericity(np.array([4 / 3 * np.pi]), np.array([4 * np.pi])).round(6)
    array([1.])
    """
    ball = np.cbrt(36 * np.pi * volume_nm3**2)
    return np.divide(ball, surface_nm2, out=np.full_like(ball, np.nan), where=surface_nm2 > 0)
