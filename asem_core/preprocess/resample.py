"""Resampling between two grids whose lower edges are aligned: area-weighted mean down, linear up.

Both are separable and written as a few weighted taps per axis, so that a block needs only its own neighbourhood and the
result of a block equals the same part of the whole volume's result.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.geometry import Box, FloatTriple, triple

Image = npt.NDArray[np.float32]


@attrs.frozen
class _Taps:
    """Per target voxel of one axis, the source voxels that it is made of and their weights, ``(taps, n)`` each."""

    index: npt.NDArray[np.intp]
    weight: npt.NDArray[np.float64]


def source_box(target: Box, ratio: FloatTriple) -> Box:
    """Source voxels that the target voxels of ``target`` are made of; may reach outside the volume.

    Parameters
    ----------
    target
        Box on the target grid.
    ratio
        Source voxels per target voxel, per axis (2: the target is twice as coarse).
    """
    taps = list(_all_taps(target, ratio))
    return Box([int(t.index.min()) for t in taps], [int(t.index.max()) + 1 for t in taps])


def resample(source: npt.NDArray[np.generic], start: tuple[int, int, int], target: Box, ratio: FloatTriple) -> Image:
    """The target voxels of ``target``, made from a block of the source.

    Parameters
    ----------
    source
        ``(z, y, x)``, any real dtype: the block of the source that starts at voxel ``start`` and holds at least
        `source_box` of ``target``.
    start
        First source voxel of the block.
    target
        Box on the target grid.
    ratio
        Source voxels per target voxel, per axis. Above 1 the mean of the covered source weighted by overlap;
        below 1 linear interpolation between voxel centres; 1 copies.

    Returns
    -------
    ndarray
        ``(z, y, x)`` float32 of the shape of ``target``.

    Examples
    --------
    >>> resample(np.arange(8.0).reshape(2, 2, 2), (0, 0, 0), Box((0, 0, 0), (1, 1, 1)), (2.0, 2.0, 2.0))
    array([[[3.5]]], dtype=float32)
    """
    block: npt.NDArray[np.generic] = source
    for axis, taps in enumerate(_all_taps(target, ratio)):
        block = _apply(block, axis, attrs.evolve(taps, index=taps.index - start[axis]))
    return np.ascontiguousarray(block, dtype=np.float32)


def invert(ratio: FloatTriple) -> FloatTriple:
    """The ratio of the way back."""
    return triple([1.0 / r for r in ratio])


def _all_taps(target: Box, ratio: FloatTriple) -> Iterator[_Taps]:
    for a, b, r in zip(target.start, target.stop, ratio, strict=True):
        yield _area_taps(a, b, r) if r > 1 else _linear_taps(a, b, r)


def _area_taps(start: int, stop: int, ratio: float) -> _Taps:
    lower = np.arange(start, stop) * ratio
    upper = lower + ratio
    first = np.floor(lower + 1e-9).astype(np.intp)
    count = math.ceil(ratio - 1e-9) + (0 if float(ratio).is_integer() else 1)
    index = first + np.arange(count)[:, None]
    overlap = np.minimum(upper, index + 1) - np.maximum(lower, index)
    weight = np.where(overlap > 1e-9, overlap, 0.0) / ratio
    # A tap without weight must not make the block read a voxel more.
    return _Taps(np.where(weight > 0, index, first), weight)


def _linear_taps(start: int, stop: int, ratio: float) -> _Taps:
    centre = (np.arange(start, stop) + 0.5) * ratio - 0.5
    first = np.floor(centre + 1e-9).astype(np.intp)
    upper = np.clip(centre - first, 0.0, 1.0)
    index = np.stack([first, np.where(upper > 1e-9, first + 1, first)])
    return _Taps(index, np.stack([1.0 - upper, upper]))


def _apply(block: npt.NDArray[np.generic], axis: int, taps: _Taps) -> npt.NDArray[np.generic]:
    shape = [1, 1, 1]
    shape[axis] = -1
    total: npt.NDArray[np.float32] | None = None
    for index, weight in zip(taps.index, taps.weight, strict=True):
        if not weight.any():
            continue
        part = block[(slice(None),) * axis + (_as_slice(index),)]
        scale = weight.astype(np.float32).reshape(shape)
        if total is None:
            total = np.multiply(part, scale, dtype=np.float32)
        else:
            total += np.multiply(part, scale, dtype=np.float32)
    assert total is not None  # weights of a target voxel sum to one
    return total


def _as_slice(index: npt.NDArray[np.intp]) -> slice | npt.NDArray[np.intp]:
    """A slice where the indices are evenly spaced (a view instead of a copy), else the indices."""
    if len(index) == 1:
        return slice(int(index[0]), int(index[0]) + 1)
    step = int(index[1] - index[0])
    if step > 0 and np.all(np.diff(index) == step):
        return slice(int(index[0]), int(index[-1]) + 1, step)
    return index
