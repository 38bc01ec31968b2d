"""Which source voxels a target voxel of one axis is made of, and with what weight; lower edges are aligned."""

from __future__ import annotations

import math
from collections.abc import Iterator

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.geometry import Box, FloatTriple

_NOTHING = 1e-9
"""Part of a voxel that is rounding error, not overlap."""


@attrs.frozen
class Taps:
    """Per target voxel of one axis, source voxels and their weights, ``(taps, n)`` each; weights sum to 1."""

    index: npt.NDArray[np.intp]
    weight: npt.NDArray[np.float64]

    def relative_to(self, start: int) -> Taps:
        """These taps into an array that begins at source voxel ``start``."""
        return attrs.evolve(self, index=self.index - start)


def image_taps(target: Box, ratio: FloatTriple) -> Iterator[Taps]:
    """Per axis: overlap where the target is coarser, linear interpolation where it is not."""
    for a, b, r in zip(target.start, target.stop, ratio, strict=True):
        yield _area_taps(a, b, r) if r > 1 else _linear_taps(a, b, r)


def label_taps(target: Box, ratio: FloatTriple) -> Iterator[Taps]:
    """Per axis: overlap where the target is coarser, the nearest source voxel where it is not."""
    for a, b, r in zip(target.start, target.stop, ratio, strict=True):
        yield _area_taps(a, b, r) if r > 1 else _nearest_taps(a, b, r)


def along(axis: int, index: npt.NDArray[np.intp]) -> tuple[slice | npt.NDArray[np.intp], ...]:
    """Index of the planes ``index`` of ``axis``: a slice (a view) where they are evenly spaced."""
    return (slice(None),) * axis + (_as_slice(index),)


def _area_taps(start: int, stop: int, ratio: float) -> Taps:
    lower = np.arange(start, stop) * ratio
    upper = lower + ratio
    first = np.floor(lower + _NOTHING).astype(np.intp)
    count = math.ceil(ratio - _NOTHING) + (0 if float(ratio).is_integer() else 1)
    index = first + np.arange(count)[:, None]
    overlap = np.minimum(upper, index + 1) - np.maximum(lower, index)
    weight = np.where(overlap > _NOTHING, overlap, 0.0) / ratio
    # A tap without weight must not make the block read a voxel more.
    return Taps(np.where(weight > 0, index, first), weight)


def _linear_taps(start: int, stop: int, ratio: float) -> Taps:
    centre = (np.arange(start, stop) + 0.5) * ratio - 0.5
    first = np.floor(centre + _NOTHING).astype(np.intp)
    upper = np.clip(centre - first, 0.0, 1.0)
    index = np.stack([first, np.where(upper > _NOTHING, first + 1, first)])
    return Taps(index, np.stack([1.0 - upper, upper]))


def _nearest_taps(start: int, stop: int, ratio: float) -> Taps:
    """The voxel that the target's centre lies in; on a boundary the upper one."""
    centre = (np.arange(start, stop) + 0.5) * ratio
    return Taps(np.floor(centre + _NOTHING).astype(np.intp)[None], np.ones((1, stop - start)))


def _as_slice(index: npt.NDArray[np.intp]) -> slice | npt.NDArray[np.intp]:
    if len(index) == 1:
        return slice(int(index[0]), int(index[0]) + 1)
    step = int(index[1] - index[0])
    if step > 0 and np.all(np.diff(index) == step):
        return slice(int(index[0]), int(index[-1]) + 1, step)
    return index
