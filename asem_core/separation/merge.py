"""Which basins are one object: those between which the height dips too little, and those that are too small.

The dynamics of a peak is how far one must go down from it to reach a higher one (Grimaud 1992)::

        a
       a a         b     c      b and c are one object: from the lower of the two peaks one goes down but little
      a   a       b b   c c     to reach the other, less than the persistence
     a     a     b   b c   c
    a       a   b     *     c   a and b are two: the way between them dips deep below the peak b
             a b
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from asem_core.geometry import VoxelSize
from asem_core.separation.height import UNITS_PER_NM
from asem_core.separation.saddles import Saddles
from asem_core.specs import Separation

Index = npt.NDArray[np.int64]


def merge(
    peak: npt.NDArray[np.int32], voxels: Index, between: Saddles, *, separation: Separation, voxel_size: VoxelSize
) -> Index:
    """The object of every basin.

    Parameters
    ----------
    peak
        Height of every basin's highest voxel ``(n,)``, 1/64 nm.
    voxels
        Of every basin ``(n,)``.
    between
        The saddles, of basins 0, 1, ...

    Returns
    -------
    ndarray of int64
        Per basin the basin that stands for its object; -1: it is dropped ``(n,)``.

    Notes
    -----
    Saddles are taken from the highest to the lowest, of equal ones in the order of their pairs (Kruskal 1956); those of
    the spanning tree that this makes are enough. First basins are joined where the dip is too small, then objects that
    are too small are joined over their highest saddle, and dropped where nothing touches them.

    Examples
    --------
    >>> from asem_core.separation.saddles import highest
    >>> dips = highest(np.array([[0, 1], [1, 2]]), np.array([10, 50], np.int32) * UNITS_PER_NM)
    >>> peak, voxels = np.array([80, 70, 60], np.int32) * UNITS_PER_NM, np.array([99, 99, 99])
    >>> merge(peak, voxels, dips, separation=Separation(persistence_nm=15), voxel_size=VoxelSize((5, 5, 5))).tolist()
    [0, 1, 1]
    """
    pairs, height = _spanning_tree(between, len(peak))
    of, top, size = (_plain(values) for values in (np.arange(len(peak)), peak, voxels))
    least = separation.min_volume_nm3 / voxel_size.volume_nm3

    def join(a: int, b: int) -> None:
        a, b = min(a, b), max(a, b)
        of[b], top[a], size[a] = a, max(top[a], top[b]), size[a] + size[b]

    for a, b, saddle in zip(*map(_plain, (*pairs, height)), strict=True):
        a, b = _root(of, a), _root(of, b)
        lower = min(top[a], top[b])
        if lower - saddle < max(separation.persistence_nm * UNITS_PER_NM, separation.persistence * lower):
            join(a, b)
    for a, b in zip(*map(_plain, pairs), strict=True):
        a, b = _root(of, a), _root(of, b)
        if a != b and min(size[a], size[b]) < least:
            join(a, b)
    found = np.array([_root(of, basin) for basin in range(len(peak))], np.int64)
    return np.where(np.asarray(size)[found] < least, -1, found)


def _plain(values: npt.NDArray[Any]) -> memoryview[int]:
    """A copy of ``values`` that is read and written one by one, ten times as fast as an array."""
    return memoryview(values.astype(np.int64))  # type: ignore[arg-type]


def _root(of: memoryview[int], basin: int) -> int:
    while of[basin] != basin:
        of[basin] = of[of[basin]]
        basin = of[basin]
    return basin


def _spanning_tree(between: Saddles, basins: int) -> tuple[Index, Index]:
    """Columns of pairs ``(2, m)`` and their saddles ``(m,)``, in the order in which they are taken."""
    order = np.lexsort((*between.pairs.T[::-1], -between.height))
    pairs, height = between.pairs[order].T, between.height[order].astype(np.int64)
    rank = np.arange(1, len(order) + 1, dtype=np.float64)
    tree = sparse.csgraph.minimum_spanning_tree(sparse.coo_array((rank, tuple(pairs)), shape=(basins, basins)).tocsr())
    taken = np.sort(tree.data).astype(np.int64) - 1
    return pairs[:, taken], height[taken]
