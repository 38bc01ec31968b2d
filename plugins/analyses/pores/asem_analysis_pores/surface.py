"""The nuclear envelope as a triangulated surface through the pores: an alpha shape (Edelsbrunner and Muecke 1994)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import Delaunay, QhullError, cKDTree

Double = npt.NDArray[np.float64]
Int = npt.NDArray[np.intp]

_NEIGHBOURS = 6
_START = 1.5
"""Alpha starts at this many times the median distance of the sixth nearest neighbour (method 8.1)."""
_GROWTH = 1.1
_COVERED = 0.95
_APART = 2.0
"""Points farther apart than this many times the first alpha belong to different nuclei."""


def split_nuclei(points_nm: Double) -> Int:
    """Number the nuclei: points that are linked by steps shorter than three times the median distance of the sixth
    nearest neighbour belong together.

    Returns
    -------
    ndarray of int
        ``(n,)`` from 0, in the order of their first points.

    Examples
    --------
    >>> two = np.array([[0.0, 0, 0], [0, 0, 300], [0, 300, 0], [0, 0, 9000], [0, 300, 9000], [0, 300, 9300]])
    >>> split_nuclei(two).tolist()
    [0, 0, 0, 1, 1, 1]
    """
    if len(points_nm) < 2:
        return np.zeros(len(points_nm), np.intp)
    pairs = cKDTree(points_nm).query_pairs(_APART * first_alpha(points_nm), output_type="ndarray")
    return _components(pairs, len(points_nm))


def first_alpha(points_nm: Double) -> float:
    """1.5 times the median distance of the sixth nearest neighbour (the third, where there are few points)."""
    k = min(_NEIGHBOURS, max(1, (len(points_nm) - 1) // 2))
    distance = cKDTree(points_nm).query(points_nm, k=k + 1)[0][:, -1]
    return _START * float(np.median(distance))


def envelope(points_nm: Double) -> Int:
    """The triangles of the smallest alpha shape that is one surface through at least 95 % of the points.

    Parameters
    ----------
    points_nm
        ``(n, 3)`` centres of the pores of one nucleus, whole or cut by the faces of the volume.

    Returns
    -------
    ndarray of int
        ``(m, 3)`` indices of points; empty where no surface can be spanned: fewer than four points, or a flat patch.

    Notes
    -----
    Alpha, the largest circumradius, starts at 1.5 times the median distance of the sixth nearest neighbour and grows
    by a tenth until the largest connected part holds 95 % of the points.
    """
    try:
        shape = _AlphaShape(points_nm)
    except (QhullError, ValueError):
        return np.empty((0, 3), np.intp)
    alpha, largest = first_alpha(points_nm), float(np.ptp(points_nm, axis=0).max())
    while True:
        triangles = shape.boundary(alpha)
        if _covers(triangles, len(points_nm)) or alpha > largest:
            return triangles
        alpha *= _GROWTH


def _covers(triangles: Int, count: int) -> bool:
    if not len(triangles):
        return False
    part = _components(triangles[:, [0, 1, 1, 2]].reshape(-1, 2), count)
    return int(np.bincount(part[np.unique(triangles)]).max()) >= _COVERED * count


def _components(pairs: Int, count: int) -> Int:
    graph = coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    part = connected_components(graph, directed=False)[1]
    first = np.unique(part, return_index=True)[1]
    rank = np.empty(len(first), np.intp)
    rank[np.argsort(first)] = np.arange(len(first))
    numbered: Int = rank[part]
    return numbered


class _AlphaShape:
    """The Delaunay triangulation of points, with the alpha at which each triangle appears and disappears."""

    def __init__(self, points_nm: Double) -> None:
        if len(points_nm) < 5:
            raise ValueError("too few points")
        mesh = Delaunay(points_nm)
        corners = np.array([[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]])
        tetra = np.repeat(np.arange(len(mesh.simplices)), 4)
        beyond = mesh.neighbors.ravel()
        once = (beyond < 0) | (tetra < beyond)
        radius = np.append(_circumsphere(points_nm[mesh.simplices])[1], np.inf)  # -1, beyond the hull: never filled
        self._triangles: Int = mesh.simplices[:, corners].reshape(-1, 3)[once]
        self._sides = np.sort(np.stack([radius[tetra], radius[beyond]]), axis=0)[:, once]
        self._alone = self._appears_alone(points_nm, mesh.simplices, tetra[once], beyond[once])

    def boundary(self, alpha: float) -> Int:
        """Triangles on the surface: beside one filled tetrahedron, or beside none but small and empty."""
        first, second = self._sides
        outer: Int = self._triangles[((first <= alpha) & (second > alpha)) | ((first > alpha) & (self._alone <= alpha))]
        return outer

    def _appears_alone(self, points: Double, tetrahedra: Int, one: Int, other: Int) -> Double:
        """Circumradius of triangles whose smallest circumscribed sphere holds no point; infinite for the others."""
        centre, radius = _circumsphere(points[self._triangles])
        empty = np.ones(len(radius), np.bool_)
        for side in (one, other):
            corners = points[tetrahedra[side]]
            held = np.linalg.norm(corners - centre[:, None], axis=2) < radius[:, None] * (1 - 1e-9)
            empty &= (side < 0) | ~held.any(axis=1)
        return np.where(empty, radius, np.inf)


def _circumsphere(simplices: Double) -> tuple[Double, Double]:
    """Centres ``(n, 3)``, radii ``(n,)`` of the smallest spheres through the corners ``(n, k, 3)``; flat: infinite."""
    edges = simplices[:, 1:] - simplices[:, :1]
    gram = edges @ edges.transpose(0, 2, 1)
    size = np.einsum("nij,nij->ni", edges, edges)
    solvable = np.linalg.cond(gram) < 1e12
    weight = np.zeros(size.shape)
    weight[solvable] = np.linalg.solve(gram[solvable], size[solvable][..., None] / 2)[..., 0]
    offset = np.einsum("ni,nij->nj", weight, edges)
    return simplices[:, 0] + offset, np.where(solvable, np.linalg.norm(offset, axis=1), np.inf)
