"""A pore seen along its own axis: raw resampled on an upright grid, of which only the box around the pore is read.

The axes of a patch are ``w`` along the normal, ``v`` and ``u`` across it::

        w  ^ normal        heights -25 .. 25 nm
           |
      -----+-----> u       300 nm, the pore in the middle
"""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from asem_core.geometry import Box
from asem_core.volume import Volume

Double = npt.NDArray[np.float64]
Float = npt.NDArray[np.float32]

_SPLINE_MARGIN = 6
"""Voxels around the box: the cubic spline's prefilter falls by 0.27 a voxel."""


def tangent_frame(normal: Double) -> Double:
    """Unit vectors ``(3, 3)`` in rows, z, y, x: the normal, and two across it; the same normal gives the same ones.

    Examples
    --------
    >>> tangent_frame(np.array([1.0, 0.0, 0.0])).round(3).tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    w = normal / np.linalg.norm(normal)
    nearest = np.eye(3)[[1, 2, 0][int(np.argmax(np.abs(w)))]]
    v = nearest - (nearest @ w) * w
    v /= np.linalg.norm(v)
    u = np.cross(w, v)
    return np.stack([w, v, u])


@attrs.frozen(kw_only=True, eq=False)
class Patch:
    """Raw around one pore, resampled with its normal as the first axis."""

    grey: Float
    """``(w, v, u)``; NaN outside the volume and where raw is NaN."""
    heights_nm: Double
    """Of the planes, along the normal, from the centre that was asked for."""
    step_nm: float
    """Along v and u; the centre is the middle voxel."""

    def plane(self, height_nm: float, *, half_thickness_nm: float) -> Float:
        """The mean of the planes within ``half_thickness_nm`` of a height: ``(v, u)`` float32."""
        near = np.abs(self.heights_nm - height_nm) <= max(half_thickness_nm, self.step_nm / 4) + 1e-6
        mean: Float = self.grey[near].mean(axis=0)
        return mean


def sample_patch(
    raw: Volume, centre_nm: Double, *, normal: Double, half_width_nm: float, half_height_nm: float
) -> Patch:
    """Resample raw around ``centre_nm`` with a cubic spline.

    Parameters
    ----------
    raw
        Any grid; of it only the box around the patch is read.
    centre_nm
        ``(3,)`` z, y, x in the volume's frame.
    normal
        ``(3,)``, of any length.
    half_width_nm, half_height_nm
        Reach across the normal and along it.

    Returns
    -------
    Patch
        In steps of the smallest voxel edge across, and of half of it along the normal.
    """
    step = min(raw.voxel_size.zyx)
    across = step * np.arange(-round(half_width_nm / step), round(half_width_nm / step) + 1)
    planes = round(2 * half_height_nm / step)
    heights: Double = step / 2 * np.arange(-planes, planes + 1, dtype=np.float64)
    frame = tangent_frame(normal)
    w, v, u = np.meshgrid(heights, across, across, indexing="ij")
    points = centre_nm[:, None, None, None] + np.einsum("awvu,ab->bwvu", np.stack([w, v, u]), frame)
    size, edge = np.array(raw.voxel_size.zyx), np.array(raw.lower_edge_nm)
    index = (points - edge[:, None, None, None]) / size[:, None, None, None] - 0.5
    return Patch(grey=_interpolate(raw, index), heights_nm=heights, step_nm=step)


def _interpolate(raw: Volume, index: Double) -> Float:
    """Grey values at broken indices ``(3, ...)``; NaN where there are none."""
    flat = index.reshape(3, -1)
    lower, upper = np.floor(flat.min(axis=1)).astype(int), np.ceil(flat.max(axis=1)).astype(int) + 1
    box = Box(lower, upper).grow(_SPLINE_MARGIN).intersect(raw.box)
    if not box.size:
        return np.full(index.shape[1:], np.nan, np.float32)
    block: npt.NDArray[Any] = raw.read(box).astype(np.float32)
    local = index - np.reshape(box.start, (3, 1, 1, 1))
    missing = np.isnan(block)
    grey: Float = ndimage.map_coordinates(np.where(missing, 0, block), local, order=3, mode="nearest")
    limits = np.reshape(raw.shape, (3, 1, 1, 1)) - 0.5
    outside = ((index < -0.5) | (index > limits)).any(axis=0)
    if missing.any():
        outside |= ndimage.map_coordinates(missing.astype(np.float32), local, order=1, mode="nearest") > 0
    grey[outside] = np.nan
    return grey
