"""The exclusion zone: voxels so near the boundary of the ground truth that they are not scored.

With D the dilation and E the erosion of ``labels != 0``, the zone is ``D and not E``. On the 5 nm grid of the paper
both iterate the 6-connected cross, so their structuring element is a city-block ball. For widths w that differ between
axes the ball is scaled per axis::

    B(w) = { d : |dz| / wz + |dy| / wy + |dx| / wx <= 1 },  d = 0 on an axis where w = 0

which for equal widths is exactly w iterations of the cross, and keeps the same reach in nanometres along every axis.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.errors import GeometryError
from asem_core.geometry import Triple, triple

_Distance = npt.NDArray[np.int16] | npt.NDArray[np.int32]


def _triple(values: Sequence[int]) -> Triple:
    return triple([int(v) for v in values])


def _widths(_: object, attribute: attrs.Attribute[Any], value: Triple) -> None:
    if any(w < 0 for w in value):
        raise GeometryError(f"the zone's {attribute.name} widths must be at least 0 voxels, got {value}")


@attrs.frozen(kw_only=True)
class Shell:
    """Parameters of `shell`: widths in voxels of the labels' own grid, z, y, x."""

    dilate: Triple = attrs.field(converter=_triple, validator=_widths)
    erode: Triple = attrs.field(converter=_triple, validator=_widths)


def shell(labels: npt.NDArray[Any], *, params: Shell) -> npt.NDArray[np.bool_]:
    """The shell around the boundary of the labels: ``dilate`` voxels outwards, ``erode`` voxels inwards.

    Parameters
    ----------
    labels
        ``(z, y, x)``; non-zero is the organelle. What lies outside the array counts as 0, so an object cut by a face of
        the array has an inner zone there too.

    Returns
    -------
    ndarray of bool
        Shape of ``labels``; True = not scored.

    Examples
    --------
    >>> labels = np.zeros((1, 1, 7), bool)
    >>> labels[..., 2:5] = True
    >>> shell(labels, params=Shell(dilate=(1, 1, 1), erode=(0, 0, 1))).astype(int).ravel().tolist()
    [0, 1, 1, 0, 1, 1, 0]
    """
    inside = labels != 0
    # One ring of background is enough: the nearest voxel outside the array lies straight across a face.
    eroded = ~_dilate(~np.pad(inside, 1), params.erode)[1:-1, 1:-1, 1:-1]
    zone: npt.NDArray[np.bool_] = _dilate(inside, params.dilate) & ~eroded
    return zone


def _dilate(mask: npt.NDArray[np.bool_], widths: Triple) -> npt.NDArray[np.bool_]:
    """``mask`` dilated by the ball of ``widths``: where the scaled city-block distance to it is at most 1.

    In units of 1 / (least common multiple of the widths) a step along an axis costs a whole number, and the distance
    separates into one running minimum per axis and direction.
    """
    radius = math.lcm(*(w for w in widths if w))
    dtype = np.int16 if radius * max(mask.shape) < np.iinfo(np.int16).max // 2 else np.int32
    distance = np.where(mask, dtype(0), dtype(np.iinfo(dtype).max // 2))  # half: room for the ramp
    for axis, width in enumerate(widths):
        if width:
            distance = _nearest_along(distance, axis, radius // width)
    near: npt.NDArray[np.bool_] = distance <= radius if any(widths) else mask
    return near


def _nearest_along(distance: _Distance, axis: int, step: int) -> _Distance:
    """``min over j of distance[j] + step * |i - j|`` along ``axis``."""
    ramp_shape = [-1 if a == axis else 1 for a in range(distance.ndim)]
    ramp = np.arange(0, step * distance.shape[axis], step, dtype=distance.dtype).reshape(ramp_shape)
    from_below = np.minimum.accumulate(distance - ramp, axis=axis) + ramp
    from_above = np.flip(np.minimum.accumulate(np.flip(distance + ramp, axis), axis=axis), axis) - ramp
    nearest: _Distance = np.minimum(from_below, from_above)
    return nearest
