"""How far two surfaces lie apart."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from asem_mesh.surface import Mesh, Points

_CANDIDATES = 8
_CHUNK = 20_000


def deviation_nm(simple: Mesh, full: Mesh, *, spacing_nm: float, enough_nm: float) -> float:
    """The Hausdorff distance of ``simple`` and ``full``, from above.

    Parameters
    ----------
    spacing_nm
        It is measured at all vertices, and at places on ``simple`` at most so far apart.
    enough_nm
        More than this is too much: then only that it is, and not by how much, is found out.

    Notes
    -----
    The distance to a surface is the least to some of its triangles, so it is never below the true one. These are the
    triangles of the places nearest to a point: one, and where that is not near enough, eight.
    """
    there = _farthest(np.concatenate([simple.vertices_nm, *places(simple, spacing_nm)]), full, spacing_nm, enough_nm)
    return there if there > enough_nm else max(there, _farthest(full.vertices_nm, simple, spacing_nm, enough_nm))


def _farthest(points: Points, mesh: Mesh, spacing_nm: float, enough_nm: float) -> float:
    """The largest distance of ``points`` from ``mesh``."""
    from scipy.spatial import KDTree

    owner = np.concatenate([np.repeat(rows, count) for rows, count in subdivided(mesh, spacing_nm)])
    tree = KDTree(np.concatenate(list(places(mesh, spacing_nm))))
    farthest = 0.0
    for begin in range(0, len(points), _CHUNK):
        some = points[begin : begin + _CHUNK]
        found = _to_triangles(some, mesh, owner[tree.query(some)[1]][:, None])
        again = np.flatnonzero(found > enough_nm)
        if len(again):
            near = tree.query(some[again], k=min(_CANDIDATES, tree.n))[1].reshape(len(again), -1)
            found[again] = _to_triangles(some[again], mesh, owner[near])
        farthest = max(farthest, float(found.max()))
        if farthest > enough_nm:
            break
    return farthest


def _to_triangles(points: Points, mesh: Mesh, rows: npt.NDArray[np.int64]) -> Points:
    """The distance of every point ``(n,)`` to the nearest of its triangles ``(n, k)``."""
    from trimesh.triangles import closest_point

    triangles = mesh.vertices_nm[mesh.faces[rows.ravel()]]
    asked = np.repeat(points, rows.shape[1], axis=0)
    # Of a triangle without area the library's quotients have no meaning; its first corner belongs to it.
    with np.errstate(invalid="ignore", divide="ignore"):
        distance = np.linalg.norm(np.asarray(closest_point(triangles, asked)) - asked, axis=1)
    corner = np.linalg.norm(triangles[:, 0] - asked, axis=1)
    distance = np.where(np.isfinite(distance), distance, corner)
    return np.asarray(distance.reshape(rows.shape).min(axis=1))


def subdivided(mesh: Mesh, spacing_nm: float) -> Iterator[tuple[npt.NDArray[np.int64], int]]:
    """Triangles by how many parts of at most ``spacing_nm`` a side they are cut into: rows, parts."""
    a, b, c = mesh.corners_nm
    longest = np.max([np.linalg.norm(e, axis=1) for e in (b - a, c - b, a - c)], axis=0)
    sides = np.maximum(np.ceil(longest / spacing_nm), 1).astype(np.int64)
    for n in np.unique(sides):
        yield np.flatnonzero(sides == n), int(n) ** 2


def places(mesh: Mesh, spacing_nm: float) -> Iterator[Points]:
    """The middles of these parts, triangle by triangle in the order of `subdivided`."""
    for rows, parts in subdivided(mesh, spacing_nm):
        corners = mesh.vertices_nm[mesh.faces[rows]]
        yield np.einsum("pk,nkd->npd", middles(round(parts**0.5)), corners).reshape(-1, 3)


def middles(n: int) -> Points:
    """Barycentric coordinates of the middles of the n^2 triangles that a triangle is cut into."""
    i, j = (axis.ravel() for axis in np.indices((n, n)))
    upright = i + j < n
    down = i + j < n - 1
    u = np.concatenate([i[upright] + 1 / 3, i[down] + 2 / 3]) / n
    v = np.concatenate([j[upright] + 1 / 3, j[down] + 2 / 3]) / n
    return np.stack([u, v, 1 - u - v], axis=1)
