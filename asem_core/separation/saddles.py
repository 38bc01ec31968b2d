"""How high a path from one basin to another can stay: the saddle between them."""

from __future__ import annotations

from itertools import product

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.geometry import Box
from asem_core.separation.height import Heights

Index = npt.NDArray[np.int64]

FORWARD = [step for step in product((-1, 0, 1), repeat=3) if step > (0, 0, 0)]
"""Of two opposite steps to a neighbour the one that comes later (z, y, x): every pair of voxels is met once."""


@attrs.frozen(kw_only=True, eq=False)
class Saddles:
    """Pairs of basins that touch, each once."""

    pairs: Index
    """``(n, 2)``, the lower basin first, ascending."""
    height: npt.NDArray[np.int32]
    """Of the highest pair of voxels (26-connected), one in either basin, the lower of the two heights ``(n,)``."""


def saddles(basins: Index, height: Heights, block: Box) -> Saddles:
    """The saddles at the voxels of ``block``.

    Parameters
    ----------
    basins, height
        ``(z, y, x)``, of the block and one voxel more on every side, 0 where the volume has ended; 0 is background.
    block
        In the arrays. A pair of voxels in two blocks is met in one of them.

    Examples
    --------
    >>> found = saddles(np.array([[[2, 2, 1]]]), np.array([[[7, 3, 4]]], np.int32), Box((0, 0, 0), (1, 1, 3)))
    >>> found.pairs.tolist(), found.height.tolist()
    ([[1, 2]], [3])
    """
    around = Box.of_shape([n + 2 for n in basins.shape])
    padded, high = np.zeros(around.shape, np.int64), np.zeros(around.shape, np.int32)
    inner = Box.of_shape(basins.shape).shift((1, 1, 1)).slices
    padded[inner], high[inner] = basins, height
    index = np.arange(padded.size).reshape(padded.shape)[block.shift((1, 1, 1)).slices]
    basin, level = padded.ravel(), high.ravel()
    index = index[basin[index] > 0]
    found = []
    for step in FORWARD:
        beside = index + int(np.dot(step, [padded.shape[1] * padded.shape[2], padded.shape[2], 1]))
        meet = (basin[beside] > 0) & (basin[beside] != basin[index])
        a, b = index[meet], beside[meet]
        found.append((np.stack([basin[a], basin[b]], axis=1), np.minimum(level[a], level[b])))
    return highest(*(np.concatenate(part) for part in zip(*found, strict=True)))


def highest(pairs: Index, height: npt.NDArray[np.int32]) -> Saddles:
    """Of every pair ``(n, 2)``, in whichever order its basins stand, the highest saddle."""
    pairs = np.sort(pairs, axis=1)
    order = np.lexsort((-height, pairs[:, 1], pairs[:, 0]))
    pairs, height = pairs[order], height[order]
    new = np.ones(len(pairs), np.bool_)
    new[1:] = (pairs[1:] != pairs[:-1]).any(axis=1)
    return Saddles(pairs=pairs[new], height=height[new])
