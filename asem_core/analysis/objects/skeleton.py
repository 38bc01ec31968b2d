"""Length and branching of an object, from its skeleton."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.analysis.objects.thin import UNCUT, Cut, depths_nm, thin
from asem_core.geometry import VoxelSize

Points = npt.NDArray[np.float64]
Links = npt.NDArray[np.int64]

_SMOOTHINGS = 5
"""How often the nodes are smoothed. Without it a ring is 12 % too long, see tests."""


@attrs.frozen(kw_only=True)
class Skeleton:
    """What a skeleton is like."""

    length_nm: float
    """Of all its branches together."""
    branches: int
    """Pieces between junctions and ends; a ring is one."""
    junctions: int
    """Places where three or more branches meet."""
    ends: int
    loops: int
    """How many cuts would make it a tree."""


def measure_skeleton(mask: npt.NDArray[np.bool_], *, voxel_size: VoxelSize, cut: Cut = UNCUT) -> Skeleton:
    """Thin ``mask`` ``(z, y, x)``, one object, to its skeleton and measure that.

    Parameters
    ----------
    cut
        Faces of the array that cut the object. They are no surface, so that their edges are no branches: a line runs
        to where a tube is cut across, and along the face where it is cut lengthwise.

    Notes
    -----
    Cavities are filled, then the object is thinned, see `thin`. The voxels that are left are the nodes of a graph;
    neighbours (26) are linked unless a third node is closer to both: the relative neighbourhood graph (Toussaint 1980)
    of the voxels in nm, which has no short cuts across corners. Side branches that bumps of the surface make are left
    out, see `prune`.

    Examples
    --------
    >>> rod = np.zeros((9, 9, 30), bool)
    >>> rod[3:6, 3:6, 5:25] = True
    >>> found = measure_skeleton(rod, voxel_size=VoxelSize((5, 5, 5)))
    >>> found.branches, found.ends, found.loops
    (1, 2, 0)
    """
    from scipy import ndimage

    solid = ndimage.binary_fill_holes(mask)
    depth = depths_nm(solid, voxel_size.zyx, cut=cut)
    voxels = np.argwhere(thin(solid, depth_nm=depth, voxel_size_nm=voxel_size.zyx))
    edges, points = _links(voxels, voxel_size), voxels * np.array(voxel_size.zyx)
    points, edges = prune(points, edges, radius_nm=depth[tuple(voxels.T)])
    return _measure(points, edges)


def prune(points_nm: Points, edges: Links, *, radius_nm: npt.NDArray[np.floating]) -> tuple[Points, Links]:
    """A graph without the side branches that stick out by no more than they, or what they branch from, are wide.

    Parameters
    ----------
    points_nm
        Of the nodes ``(n, 3)``.
    edges
        Links ``(m, 2)``: rows of ``points_nm``.
    radius_nm
        Of the object at each node ``(n,)``: how far the surface is.

    Notes
    -----
    A branch from a fork to an end of length l sticks out by l + r - R, with r the radius at its end and R that at the
    fork. The shortest at each fork goes first, for two that are left then make one, which goes on.
    """
    kept = np.ones(len(points_nm), np.bool_)
    while len(spurs := _spurs(points_nm, edges[kept[edges].all(axis=1)], radius_nm)):
        kept[spurs] = False
    number = np.cumsum(kept) - 1
    return points_nm[kept], number[edges[kept[edges].all(axis=1)]]


def _spurs(points: Points, edges: Links, radius: npt.NDArray[np.floating]) -> npt.NDArray[np.int64]:
    """Nodes of the shortest side branch of every fork, of those that `prune` leaves out."""
    a, b, n = *edges.T, len(points)
    degree = np.bincount(edges.ravel(), minlength=n)
    plain, joint, end = np.isin(degree, (1, 2)), degree > 2, degree == 1
    along = np.linalg.norm(points[a] - points[b], axis=1)
    inside = plain[a] & plain[b]
    branch, fork = _pieces(edges[inside], n), _pieces(edges[joint[a] & joint[b]], n)
    length = np.bincount(branch[a[inside]], weights=along[inside], minlength=n)
    ends = np.bincount(branch[end], minlength=n)
    tip = np.zeros(n)
    tip[branch[end]] = radius[end]
    leaving = plain[a] != plain[b]
    first, root = np.where(plain[a[leaving]], (a[leaving], b[leaving]), (b[leaving], a[leaving]))
    own = branch[first]
    whole = length[own] + along[leaving]
    wide = 2 * np.maximum(radius[root], tip[own])
    short = np.flatnonzero((ends[own] == 1) & (whole + tip[own] - radius[root] <= wide))
    short = short[np.argsort(whole[short], kind="stable")]
    _, shortest = np.unique(fork[root[short]], return_index=True)
    return np.flatnonzero(plain & np.isin(branch, own[short[shortest]]))


def _measure(points: Points, edges: Links) -> Skeleton:
    a, b, n = *edges.T, len(points)
    degree = np.bincount(edges.ravel(), minlength=n)
    joint, plain = np.greater(degree, 2), np.isin(degree, (1, 2))

    def count(links: npt.NDArray[np.bool_], nodes: npt.NDArray[np.bool_]) -> int:
        return len(np.unique(_pieces(edges[links], n)[nodes]))

    return Skeleton(
        length_nm=_length(points, edges, free=degree == 2),
        branches=count(plain[a] & plain[b], plain),
        junctions=count(joint[a] & joint[b], joint),  # a junction may have several nodes
        ends=int((degree == 1).sum()),
        loops=len(edges) - n + count(np.ones(len(edges), np.bool_), np.ones(n, np.bool_)),
    )


def _pieces(edges: Links, n: int) -> npt.NDArray[np.int64]:
    """Which connected piece each of ``n`` nodes belongs to."""
    from scipy import sparse

    graph = sparse.coo_matrix((np.ones(len(edges), np.bool_), edges.T), shape=(n, n))
    return np.asarray(sparse.csgraph.connected_components(graph, directed=False)[1], np.int64)


def _length(points: Points, edges: Links, *, free: npt.NDArray[np.bool_]) -> float:
    """Length of all links once the steps of the grid are smoothed away: ``free`` nodes move towards their neighbours'
    mean."""
    from scipy import sparse

    a, b, n = *edges.T, len(points)
    half = sparse.coo_matrix((np.full(len(edges), 0.25), (a, b)), shape=(n, n))
    towards = sparse.diags(free.astype(np.float64)) @ (half + half.T) + sparse.diags(np.where(free, 0.5, 1.0))
    for _ in range(_SMOOTHINGS):
        points = towards @ points
    return float(np.linalg.norm(points[a] - points[b], axis=1).sum())


def _links(voxels: npt.NDArray[np.int64], voxel_size: VoxelSize) -> Links:
    """Links ``(m, 2)`` of the relative neighbourhood graph; of equal lengths the earlier one counts as shorter."""
    from scipy.spatial import cKDTree

    pairs = cKDTree(voxels).query_pairs(1.8, output_type="ndarray").astype(np.int64)
    pairs = pairs[np.lexsort(pairs.T[::-1])]
    points = voxels * np.array(voxel_size.zyx)
    lengths = np.linalg.norm(points[pairs[:, 0]] - points[pairs[:, 1]], axis=1)
    pairs = pairs[np.argsort(lengths, kind="stable")]
    rank = {(a, b): place for place, (a, b) in enumerate(pairs.tolist())}
    beside: dict[int, set[int]] = {}
    for a, b in rank:
        beside.setdefault(a, set()).add(b)
        beside.setdefault(b, set()).add(a)

    def order(a: int, b: int) -> int:
        return rank[min(a, b), max(a, b)]

    keep = [
        place for (a, b), place in rank.items()
        if not any(max(order(a, c), order(b, c)) < place for c in beside[a] & beside[b])
    ]  # fmt: skip
    return np.asarray(pairs[keep])
