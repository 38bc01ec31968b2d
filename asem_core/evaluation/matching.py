"""One-to-one matching of predicted with true objects that share voxels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import sparse

Indices = npt.NDArray[np.int64]


def match(pairs: Indices, iou: npt.NDArray[np.float64]) -> Indices:
    """The largest set of pairs in which no object occurs twice; among the largest the one with the highest summed IoU.

    Parameters
    ----------
    pairs
        ``(n, 2)``: prediction and truth, numbered from 0 each, that may be matched; no pair twice.
    iou
        ``(n,)``, intersection over union of each pair, above 0.

    Returns
    -------
    ndarray
        ``(matches,)`` int64, ascending: rows of ``pairs``.

    Notes
    -----
    Pairs with an IoU above 0.5 exclude each other never, because objects do not overlap (Kirillov et al., Panoptic
    Segmentation, CVPR 2019). Where several pairs compete, they are assigned optimally (sparse Jonker-Volgenant), as
    StarDist does it (Schmidt et al., MICCAI 2018).

    Examples
    --------
    >>> pairs = np.array([[0, 0], [0, 1], [1, 1]])
    >>> match(pairs, np.array([0.4, 0.45, 0.1])).tolist()
    [0, 2]
    """
    group = _groups(pairs)
    alone = np.bincount(group, minlength=1)[group] == 1
    order = np.flatnonzero(~alone)
    order = order[np.argsort(group[order], kind="stable")]
    rivals = np.split(order, np.flatnonzero(np.diff(group[order])) + 1) if len(order) else []
    chosen = [np.flatnonzero(alone), *(rows[_assign(pairs[rows], iou[rows])] for rows in rivals)]
    return np.sort(np.concatenate(chosen))


def _groups(pairs: Indices) -> Indices:
    """Per pair the number of its group; pairs that compete, directly or through others, are in one group."""
    predictions, truths = pairs.max(axis=0, initial=-1) + 1
    nodes = predictions + truths
    graph = sparse.coo_array((np.ones(len(pairs), np.bool_), (pairs[:, 0], predictions + pairs[:, 1])), (nodes, nodes))
    _, group = sparse.csgraph.connected_components(graph, directed=False)
    found: Indices = group[pairs[:, 0]].astype(np.int64)
    return found


def _assign(pairs: Indices, iou: npt.NDArray[np.float64]) -> Indices:
    predictions, column = np.unique(pairs[:, 0], return_inverse=True)
    truths, row = np.unique(pairs[:, 1], return_inverse=True)
    n, nobody = len(truths), len(predictions) + np.arange(len(truths))
    # A truth costs 2 without a partner and at most 1 with one; all IoU together change the sum by 1/2 at most.
    cost = np.concatenate([1 - iou / (2 * n), np.full(n, 2.0)])
    index = (np.concatenate([row, np.arange(n)]), np.concatenate([column, nobody]))
    graph = sparse.csr_array((cost, index), shape=(n, len(predictions) + n))
    _, partner = sparse.csgraph.min_weight_full_bipartite_matching(graph)
    return np.flatnonzero(partner[row] == column)
