"""Who touches whom: supervoxels that share a face."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

Pairs = npt.NDArray[np.int32]
"""``(n, 2)``: two numbers, the lower first, sorted; every pair once."""

_SLAB = 32
"""Sections that are looked at together."""


def adjacency(ids: npt.NDArray[np.int32]) -> Pairs:
    """The pairs of supervoxels that share at least one face of a voxel.

    Parameters
    ----------
    ids
        ``(z, y, x)``, the number of each voxel's supervoxel, 0 or above.

    Examples
    --------
    >>> adjacency(np.array([[[0, 0, 1], [2, 2, 1]]], np.int32)).tolist()
    [[0, 1], [0, 2], [1, 2]]
    """
    return merged([_pairs(ids[start : start + _SLAB + 1]) for start in range(0, len(ids), _SLAB)])


def merged(parts: list[Pairs]) -> Pairs:
    """Every pair of ``parts`` once.

    The parts of blocks that overlap by one voxel are the adjacency of the whole.
    """
    pairs = np.concatenate(parts)
    nodes = int(pairs.max(initial=-1)) + 1
    table = sparse.coo_array((np.ones(len(pairs), np.bool_), (pairs[:, 0], pairs[:, 1])), shape=(nodes, nodes)).tocsr()
    table.sum_duplicates()
    low = np.repeat(np.arange(nodes, dtype=np.int32), np.diff(table.indptr))
    return np.stack([low, table.indices.astype(np.int32)], axis=1)


def _pairs(ids: npt.NDArray[np.int32]) -> Pairs:
    return merged([np.stack([np.minimum(a, b), np.maximum(a, b)], axis=1) for a, b in _touching(ids)])


def _touching(ids: npt.NDArray[np.int32]) -> Iterator[tuple[npt.NDArray[Any], npt.NDArray[Any]]]:
    """Along each axis, the two numbers at every face between different ones."""
    for axis in range(3):
        along = np.moveaxis(ids, axis, 0)
        below, above = along[:-1], along[1:]
        differ = below != above
        yield below[differ], above[differ]
