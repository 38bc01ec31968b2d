"""How far two surfaces lie apart."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

import attrs
import numpy as np

from asem_mesh.surface import Flags, Mesh, Points, Rows

if TYPE_CHECKING:
    from scipy.spatial import KDTree

_CANDIDATES = 8
_CHUNK = 4_000
_ROUNDED = 1 + 1e-9
"""How much farther a place on a triangle may lie, in numbers, than the triangle does."""


@attrs.frozen(kw_only=True, eq=False, slots=False)
class Sampled:
    """A surface with places on it, by which the triangles near a point are found."""

    mesh: Mesh
    places: Points
    """``(n, 3)``: z, y, x; on every triangle, at most ``spacing_nm`` apart."""
    owner: Rows
    """The triangle that each of them is on."""

    @classmethod
    def of(cls, mesh: Mesh, *, spacing_nm: float) -> Sampled:
        """``mesh`` with the middles of parts of its triangles of at most ``spacing_nm`` a side."""
        parts = list(subdivided(mesh, spacing_nm))
        places = [_middles_of(mesh, rows, count) for rows, count in parts]
        owner = [np.repeat(rows, count**2) for rows, count in parts]
        return cls(mesh=mesh, places=np.concatenate(places), owner=np.concatenate(owner))

    @cached_property
    def tree(self) -> KDTree:
        """Of the places."""
        from scipy.spatial import KDTree

        return KDTree(self.places)

    def beyond(self, points: Points, *, enough_nm: float, most: int) -> tuple[Rows, float]:
        """Those of ``points`` ``(n, 3)`` that are farther than ``enough_nm`` from the surface; the largest distance.

        Once there are more than ``most``, no further ones are looked for: then there are others.
        """
        reach, nearest = self.tree.query(points)
        order = np.argsort(-reach, kind="stable")
        beyond: list[Rows] = []
        farthest = 0.0
        for begin in range(0, len(points), _CHUNK):
            rows = order[begin : begin + _CHUNK]
            if reach[rows[0]] * _ROUNDED < min(farthest, enough_nm):
                break  # of these, and of all that follow, a place on the surface is nearer than that
            found = self._distances(points[rows], nearest[rows, None])
            again = np.flatnonzero(found > enough_nm)
            if len(again):
                near = self.tree.query(points[rows[again]], k=min(_CANDIDATES, self.tree.n))[1]
                found[again] = self._distances(points[rows[again]], near.reshape(len(again), -1))
            farthest = max(farthest, float(found.max()))
            beyond.append(rows[found > enough_nm])
            if sum(map(len, beyond)) > most:
                break
        return np.concatenate([*beyond, np.empty(0, np.int64)]), farthest

    def near(self, points: Points, *, nm: float) -> Flags:
        """Of every triangle ``(m,)``, whether it has a place at most so far from one of ``points`` ``(n, 3)``."""
        rows = self.tree.query_ball_point(points, nm)
        found = np.zeros(len(self.mesh.faces), bool)
        found[self.owner[np.concatenate([*rows, np.empty(0)]).astype(np.int64)]] = True
        return found

    def _distances(self, points: Points, places: Rows) -> Points:
        """The distance of every point ``(n,)`` to the nearest of the triangles of its ``places`` ``(n, k)``."""
        return _to_triangles(points, self.mesh, self.owner[places])


@attrs.frozen(kw_only=True, eq=False)
class Apart:
    """How far two surfaces lie apart."""

    nm: float
    """Hausdorff distance, from above; if it is more than was allowed, only that it is."""
    beyond_nm: Points
    """Places on either, ``(n, 3)``, that are farther from the other than was allowed."""


def apart(simple: Sampled, full: Sampled, *, enough_nm: float, most: int = 0) -> Apart:
    """The Hausdorff distance of two surfaces; of ``simple`` all places are looked at, of ``full`` vertices.

    Parameters
    ----------
    enough_nm
        More than this is too much: then only that it is, and not by how much, is found out.
    most
        Places that are too far which are looked for on either; once there are more, the search ends.

    Notes
    -----
    The distance to a surface is the least to some of its triangles, so it is never below the true one. These are the
    triangles of the places nearest to a point: one, and where that is not near enough, eight.
    """
    points = np.concatenate([simple.mesh.vertices_nm, simple.places])
    rows, there = full.beyond(points, enough_nm=enough_nm, most=most)
    if len(rows) > most:
        return Apart(nm=there, beyond_nm=points[rows])
    others = full.mesh.vertices_nm
    back_rows, back = simple.beyond(others, enough_nm=enough_nm, most=most)
    return Apart(nm=max(there, back), beyond_nm=np.concatenate([points[rows], others[back_rows]]))


def _to_triangles(points: Points, mesh: Mesh, rows: Rows) -> Points:
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


def subdivided(mesh: Mesh, spacing_nm: float) -> Iterator[tuple[Rows, int]]:
    """Triangles by how many parts a side is cut into, so that none is longer than ``spacing_nm``: rows, parts."""
    a, b, c = mesh.corners_nm
    longest = np.max([np.linalg.norm(e, axis=1) for e in (b - a, c - b, a - c)], axis=0)
    sides = np.maximum(np.ceil(longest / spacing_nm), 1).astype(np.int64)
    for n in np.unique(sides):
        yield np.flatnonzero(sides == n), int(n)


def _middles_of(mesh: Mesh, rows: Rows, count: int) -> Points:
    """Of the ``count``^2 parts of each of the triangles ``rows``, triangle by triangle."""
    corners = mesh.vertices_nm[mesh.faces[rows]]
    return np.asarray(np.einsum("pk,nkd->npd", middles(count), corners).reshape(-1, 3))


def middles(n: int) -> Points:
    """Barycentric coordinates of the middles of the n^2 triangles that a triangle is cut into."""
    i, j = (axis.ravel() for axis in np.indices((n, n)))
    upright = i + j < n
    down = i + j < n - 1
    u = np.concatenate([i[upright] + 1 / 3, i[down] + 2 / 3]) / n
    v = np.concatenate([j[upright] + 1 / 3, j[down] + 2 / 3]) / n
    return np.stack([u, v, 1 - u - v], axis=1)
