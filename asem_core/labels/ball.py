"""Dilation by the scaled city-block ball, the structuring element of everything that grows or shrinks labels.

For widths w that differ between axes the ball is scaled per axis::

    B(w) = { d : |dz| / wz + |dy| / wy + |dx| / wx <= 1 },  d = 0 on an axis where w = 0

which for equal widths is exactly w iterations of the 6-connected cross, and keeps the same reach in nanometres along
every axis. In units of 1 / (least common multiple of the widths) a step along an axis costs a whole number, and the
distance separates into one minimum per axis and direction.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from asem_core.geometry import Triple

_Whole = npt.NDArray[np.integer[Any]]

_ID_BITS = 32
"""Of a 64-bit key: the distance above, the id below, so that the smallest key is the nearest id, then the lowest."""


def dilate_mask(mask: npt.NDArray[np.bool_], widths: Triple) -> npt.NDArray[np.bool_]:
    """``mask`` ``(z, y, x)`` dilated by the ball of ``widths`` voxels.

    >>> dilate_mask(np.array([[[0, 0, 1, 0, 0]]], bool), (0, 0, 1)).astype(int).tolist()
    [[[0, 1, 1, 1, 0]]]
    """
    if not any(widths):
        return mask
    radius = _radius(widths)
    dtype = np.uint8 if 2 * radius < np.iinfo(np.uint8).max else np.int32  # room for a hop
    distance = np.multiply(~mask, radius + 1, dtype=dtype)
    _spread(distance, widths, radius)
    near: npt.NDArray[np.bool_] = distance <= radius
    return near


def dilate_ids(labels: npt.NDArray[Any], widths: Triple) -> npt.NDArray[Any]:
    """Every id of ``labels`` ``(z, y, x)``, integers >= 0, dilated by the ball of ``widths`` voxels into the zeros.

    A voxel that several ids reach takes the nearest; of several as near, the lowest.

    >>> dilate_ids(np.array([[[7, 0, 0, 0, 3]]]), (0, 0, 2)).tolist()
    [[[7, 7, 3, 3, 3]]]
    """
    if not any(widths) or not labels.any() or labels.all():
        return labels.copy()
    zero, highest = labels.dtype.type(0), labels.max()
    one = labels == highest
    if np.array_equal(one, labels != 0):
        return np.asarray(np.where(dilate_mask(one, widths), highest, zero))
    if int(highest) >> _ID_BITS:
        ids, compact = np.unique(labels, return_inverse=True)
        return np.asarray(ids[dilate_ids(compact.reshape(labels.shape), widths)])  # in the order of the ids
    radius = _radius(widths)
    key = labels.astype(np.int64)
    key[labels == 0] = (radius + 1) << _ID_BITS
    _spread(key, widths, radius << _ID_BITS)
    nearest = key.astype(np.uint32).astype(labels.dtype, copy=False)
    return np.where(key >> _ID_BITS <= radius, nearest, zero)


def _radius(widths: Triple) -> int:
    return math.lcm(*(w for w in widths if w))


def _spread(distance: _Whole, widths: Triple, radius: int) -> None:
    """How far away the nearest is, as far as ``radius``, in place."""
    for axis, width in enumerate(widths):
        if width:
            _nearest_along(np.moveaxis(distance, axis, 0), width, radius // width)


def _nearest_along(distance: _Whole, width: int, step: int) -> None:
    """``min over j of distance[j] + step * |i - j|`` along the first axis, for ``|i - j| <= width``, in place.

    Every round about doubles how far it has looked.
    """
    reach = 0
    while reach < width:
        hop = min(reach + 1, width - reach)
        lower, upper = distance[:-hop], distance[hop:]
        np.minimum(upper, lower + step * hop, out=upper)
        np.minimum(lower, upper + step * hop, out=lower)
        reach += hop
