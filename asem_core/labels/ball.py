"""Dilation by the scaled city-block ball, the structuring element of everything that grows or shrinks labels.

For widths w that differ between axes the ball is scaled per axis::

    B(w) = { d : |dz| / wz + |dy| / wy + |dx| / wx <= 1 },  d = 0 on an axis where w = 0

which for equal widths is exactly w iterations of the 6-connected cross, and keeps the same reach in nanometres along
every axis. In units of 1 / (least common multiple of the widths) a step along an axis costs a whole number, and the
distance separates into one running minimum per axis and direction.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from asem_core.geometry import Triple

_Whole = npt.NDArray[np.signedinteger[Any]]

_ID_BITS = 32
"""Of a 64-bit key: the distance above, the id below, so that the smallest key is the nearest id, then the lowest."""


def dilate_mask(mask: npt.NDArray[np.bool_], widths: Triple) -> npt.NDArray[np.bool_]:
    """``mask`` ``(z, y, x)`` dilated by the ball of ``widths`` voxels.

    >>> dilate_mask(np.array([[[0, 0, 1, 0, 0]]], bool), (0, 0, 1)).astype(int).tolist()
    [[[0, 1, 1, 1, 0]]]
    """
    radius = _radius(widths)
    dtype = np.int16 if radius * max(mask.shape) < np.iinfo(np.int16).max // 2 else np.int32
    distance = np.where(mask, dtype(0), dtype(np.iinfo(dtype).max // 2))  # half: room for the ramp
    near: npt.NDArray[np.bool_] = _spread(distance, widths, radius) <= radius if any(widths) else mask
    return near


def dilate_ids(labels: npt.NDArray[Any], widths: Triple) -> npt.NDArray[Any]:
    """Every id of ``labels`` ``(z, y, x)``, integers >= 0, dilated by the ball of ``widths`` voxels into the zeros.

    A voxel that several ids reach takes the nearest; of several as near, the lowest.

    >>> dilate_ids(np.array([[[7, 0, 0, 0, 3]]]), (0, 0, 2)).tolist()
    [[[7, 7, 3, 3, 3]]]
    """
    if not any(widths) or not labels.any():
        return labels.copy()
    radius = _radius(widths)
    ids, compact = np.unique(labels, return_inverse=True)
    key = compact.reshape(labels.shape).astype(np.int64)  # in the order of the ids
    key[labels == 0] = (radius + 1) << _ID_BITS
    key = _spread(key, widths, radius << _ID_BITS)
    reached = (key >> _ID_BITS) <= radius
    grown: npt.NDArray[Any] = np.where(reached, ids[key & ((1 << _ID_BITS) - 1)], labels.dtype.type(0))
    return grown


def _radius(widths: Triple) -> int:
    return math.lcm(*(w for w in widths if w))


def _spread(distance: _Whole, widths: Triple, radius: int) -> _Whole:
    for axis, width in enumerate(widths):
        if width:
            distance = _nearest_along(distance, axis, radius // width)
    return distance


def _nearest_along(distance: _Whole, axis: int, step: int) -> _Whole:
    """``min over j of distance[j] + step * |i - j|`` along ``axis``."""
    ramp_shape = [-1 if a == axis else 1 for a in range(distance.ndim)]
    ramp = (step * np.arange(distance.shape[axis])).astype(distance.dtype).reshape(ramp_shape)
    from_below = np.minimum.accumulate(distance - ramp, axis=axis) + ramp
    from_above = np.flip(np.minimum.accumulate(np.flip(distance + ramp, axis), axis=axis), axis) - ramp
    nearest: _Whole = np.minimum(from_below, from_above)
    return nearest
