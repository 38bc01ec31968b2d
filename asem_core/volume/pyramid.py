"""Pyramids: how many levels, and how eight voxels become one. Pure functions on arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from asem_core.geometry import Triple, triple

SMALLEST_LEVEL = 128
"""Levels are added until the longest side is at most this many voxels: a viewer shows that at a glance."""

Reduce = Callable[[npt.NDArray[Any]], npt.NDArray[Any]]


def level_shapes(shape: Sequence[int]) -> list[Triple]:
    """Shapes of all levels, level 0 first; each is half the one before, rounded up.

    >>> level_shapes((165, 768, 1024))
    [(165, 768, 1024), (83, 384, 512), (42, 192, 256), (21, 96, 128)]
    """
    shapes = [triple(shape)]
    while max(shapes[-1]) > SMALLEST_LEVEL:
        shapes.append(triple([-(-n // 2) for n in shapes[-1]]))
    return shapes


def mean2(block: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Mean of every 2 x 2 x 2 voxels.

    Parameters
    ----------
    block
        ``(z, y, x)``, any numeric dtype. At an odd end the mean is taken of the voxels that exist.

    Returns
    -------
    ndarray
        ``(ceil(z/2), ceil(y/2), ceil(x/2))``, dtype of ``block``; integers are rounded half to even.

    Examples
    --------
    >>> mean2(np.arange(3, dtype=np.uint8).reshape(1, 1, 3))
    array([[[0, 2]]], dtype=uint8)
    """
    exact = np.float32 if block.dtype.itemsize <= 2 or block.dtype == np.float32 else np.float64
    summed = np.int16 if block.dtype.itemsize == 1 else exact  # holds the sum of eight bytes, and is faster
    mean: npt.NDArray[Any] = _pairwise(np.add, _even(block).astype(summed, copy=False)).astype(exact, copy=False)
    mean /= exact(8)
    return mean.astype(block.dtype, copy=False) if block.dtype.kind == "f" else np.rint(mean).astype(block.dtype)


def mode2(block: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Most frequent value of every 2 x 2 x 2 voxels; on a tie a label wins over 0, then 1, 2, 3 ... over -1, -2, -3.

    Parameters
    ----------
    block
        ``(z, y, x)``, integers or booleans. At an odd end only the voxels that exist count.

    Returns
    -------
    ndarray
        ``(ceil(z/2), ceil(y/2), ceil(x/2))``, dtype of ``block``.
    """
    even = _even(block)
    if even.size and even.max() <= 1 and (even.dtype.kind in "bu" or even.min() >= 0):
        return (_pairwise(np.add, even.astype(np.uint8, copy=False)) >= 4).astype(block.dtype)
    out = _pairwise(np.minimum, even)
    mixed = out != _pairwise(np.maximum, even)
    out[mixed] = _mode([even[z::2, y::2, x::2][mixed] for z in (0, 1) for y in (0, 1) for x in (0, 1)])
    return out


def _mode(corners: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """Most frequent of the values at each place."""
    best = corners[0].copy()
    best_count = np.zeros(best.shape, np.uint8)
    for candidate in corners:
        count = np.zeros(best.shape, np.uint8)
        for corner in corners:
            count += candidate == corner
        wins = (count > best_count) | ((count == best_count) & (preference(candidate) < preference(best)))
        best[wins] = candidate[wins]
        best_count[wins] = count[wins]
    return best


def preference(labels: npt.NDArray[Any]) -> npt.NDArray[np.uint64]:
    """Order of preference: 1, 2, 3 ..., then ... -3, -2, -1, and 0 last, by wrapping around below 0."""
    return labels.astype(np.uint64) - np.uint64(1)


def _even(block: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """``block`` with even sides; a missing voxel is its neighbour's copy, which changes no mean and no majority."""
    odd = [n % 2 for n in block.shape]
    return np.pad(block, [(0, n) for n in odd], mode="edge") if any(odd) else block


def _pairwise(combine: np.ufunc, block: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Every 2 x 2 x 2 voxels combined into one."""
    combined: npt.NDArray[Any] = combine(block[0::2], block[1::2])
    combined = combine(combined[:, 0::2], combined[:, 1::2])
    return np.asarray(combine(combined[..., 0::2], combined[..., 1::2]))
