"""The peak that every voxel of a block climbs to, by the steepest ascent.

A voxel points to the highest of its 26 neighbours and itself; of equal heights the one that comes first in the volume
(z, y, x) counts as higher, so there is always exactly one. A path ends at a peak, or where it leaves the block::

    block        |  7  8<-6  4 |-> 5 ...     6 climbs to the peak 8; 4 leaves to the voxel 5 of the block beside it
"""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.geometry import Box, triple
from asem_core.separation.height import Heights

_INDEX_BITS = 32
"""Of a 64-bit key: the height above, the place below, so that the largest key is the highest voxel."""


@attrs.frozen(kw_only=True, eq=False)
class Basins:
    """The basins of one block, one entry each; one that reaches into other blocks is in each of them."""

    ids: npt.NDArray[np.uint32]
    """Of every voxel of the block ``(z, y, x)``, from 1; 0 is background."""
    end: npt.NDArray[np.int64]
    """Where the ascent ends ``(n, 3)``: the voxel in the array of heights; inside the block it is a peak."""
    voxels: npt.NDArray[np.int64]
    """How many of the block ``(n,)``."""
    first: npt.NDArray[np.int64]
    """The first of them in the order z, y, x ``(n, 3)``, in the array of heights."""


def climb(height: Heights, block: Box) -> Basins:
    """The basins of ``block``, voxels of ``height`` ``(z, y, x)``, which holds one voxel more on every side but where
    the volume ends.

    >>> climb(np.array([[[1, 3, 2, 4]]], np.int32), Box((0, 0, 0), (1, 1, 3))).ids.tolist()
    [[[1, 1, 2]]]
    """
    shape = triple(height.shape)
    number = np.arange(height.size).reshape(shape)
    inside = number[block.slices][height[block.slices] >= 0]
    to = number.ravel()  # what lies around the block stays where it is
    to[inside] = _highest_neighbour(height).ravel()[inside]
    while not np.array_equal(jumped := to[to[inside]], to[inside]):
        to[inside] = jumped
    end, place, index, voxels = np.unique(to[inside], return_index=True, return_inverse=True, return_counts=True)
    ids = np.zeros(height.size, np.uint32)
    ids[inside] = index + 1
    return Basins(
        ids=ids.reshape(shape)[block.slices],
        end=_places(end, shape),
        voxels=voxels,
        first=_places(inside[place], shape),
    )


def _places(index: npt.NDArray[np.int64], shape: tuple[int, ...]) -> npt.NDArray[np.int64]:
    return np.stack(np.unravel_index(index, shape), axis=1).astype(np.int64)


def _highest_neighbour(height: Heights) -> npt.NDArray[np.int64]:
    """Per voxel the index of the highest among itself and its neighbours; of background anything."""
    last = height.size - 1
    key = (height.astype(np.int64) << _INDEX_BITS) + last - np.arange(height.size).reshape(height.shape)
    for axis in range(3):
        around = np.moveaxis(key.copy(), axis, 0)
        own = np.moveaxis(key, axis, 0)
        np.maximum(own[1:], around[:-1], out=own[1:])
        np.maximum(own[:-1], around[1:], out=own[:-1])
    return last - (key & ((1 << _INDEX_BITS) - 1))
