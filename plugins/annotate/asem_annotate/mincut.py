"""The labelling of two labels that costs least: a minimum cut."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

from asem_annotate.graph import Pairs

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_MOST = 2**30
"""Largest sum of capacities at the source or the sink: flows are counted in int32."""
_FINEST = 1e5
"""Steps that the unit of energy is divided into at most."""


def min_cut(gain: Floats, pairs: Pairs, boundary: Floats, *, fixed: npt.NDArray[np.int8]) -> Mask:
    """Which nodes are the object, so that the energy is least.

    Parameters
    ----------
    gain
        ``(n,)``: by how much a node costs less as the object than as the rest; may be negative.
    pairs
        ``(m, 2)``, each once.
    boundary
        ``(m,)``, 0 or more: what it costs that the two differ.
    fixed
        ``(n,)``: 1 the object, -1 the rest, whatever it costs; 0 free.

    Returns
    -------
    ndarray of bool
        ``(n,)``. Of several labellings that cost as little, the one with the fewest nodes in the object.

    Notes
    -----
    Maximum flow by Dinic's algorithm (scipy), in whole numbers: energies are exact to about 1e-5 of a unit, less where
    there are very many nodes.

    Examples
    --------
    >>> pairs = np.array([[0, 1], [1, 2]], np.int32)
    >>> min_cut(np.array([0.0, 0.1, -0.2]), pairs, np.array([1.0, 0.5]), fixed=np.array([1, 0, 0], np.int8)).tolist()
    [True, True, True]
    """
    nodes, (u, v) = len(gain), pairs.T
    around = np.bincount(u, boundary, nodes) + np.bincount(v, boundary, nodes)
    gain = np.where(fixed == 0, gain, fixed * (around + 1.0))  # more than all that could be saved
    scale = min(_FINEST, _MOST / max(gain[gain > 0].sum(), -gain[gain < 0].sum(), around.max(initial=0.0), 1.0))
    terminal = np.rint(np.abs(gain) * scale).astype(np.int32)
    between = np.rint(boundary * scale).astype(np.int32)
    source, sink = nodes, nodes + 1
    wanted, unwanted = (np.flatnonzero((terminal > 0) & side) for side in (gain > 0, gain < 0))
    rows = np.concatenate([u, v, np.full(len(wanted), source), unwanted])
    columns = np.concatenate([v, u, wanted, np.full(len(unwanted), sink)])
    capacity = np.concatenate([between, between, terminal[wanted], terminal[unwanted]])
    graph = sparse.csr_array((capacity, (rows, columns)), shape=(nodes + 2, nodes + 2), dtype=np.int32)
    left = graph - maximum_flow(graph, source, sink).flow
    open_arcs = sparse.csr_array((left.data > 0, left.indices, left.indptr), shape=left.shape)
    open_arcs.eliminate_zeros()
    found = np.zeros(nodes + 2, np.bool_)
    found[breadth_first_order(open_arcs, source, return_predecessors=False)] = True
    return found[:nodes]
