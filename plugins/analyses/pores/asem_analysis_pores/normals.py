"""The direction of every pore's axis, from the surface of the envelope or from what else there is."""

from __future__ import annotations

from typing import Literal

import attrs
import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from asem_analysis_pores.surface import envelope, split_nuclei

Double = npt.NDArray[np.float64]
Int = npt.NDArray[np.intp]
Source = Literal["surface", "neighbours", "mask"]

_FEWEST_TRIANGLES = 3
_AGREEMENT = 0.85
"""Least mean squared cosine between a pore's normal and those of the triangles around it (23 degrees)."""
_FLATNESS = 0.6
"""A plane through neighbours counts if they spread across it less than this times along its shorter side."""


@attrs.frozen(kw_only=True, eq=False)
class Axes:
    """Per pore, where it points and how that is known."""

    normal: Double
    """``(n, 3)`` unit vectors z, y, x out of the nucleus, as far as the pores tell which side is out."""
    source: tuple[Source, ...]
    nucleus: Int
    """``(n,)`` from 0: pores of one nucleus."""


def pore_axes(points_nm: Double, *, mask_axis: Double, neighbours: int) -> Axes:
    """The normal of the envelope at every pore.

    Parameters
    ----------
    points_nm
        ``(n, 3)`` centres.
    mask_axis
        ``(n, 3)`` shortest axis of each mask: the last resort.
    neighbours
        Of the plane that stands in where the surface is not reliable, as at the cut edge of a partial nucleus.

    Notes
    -----
    Surface: mean over the triangles that meet in the pore, weighted by area. It is taken from the sum of the normals'
    outer products, so that it does not matter which side of a triangle is out.
    """
    nucleus = split_nuclei(points_nm)
    normal, source = np.array(mask_axis, np.float64), np.full(len(points_nm), "mask", object)
    for number in range(nucleus.max(initial=-1) + 1):
        of = np.flatnonzero(nucleus == number)
        found, where = _of_nucleus(points_nm[of], neighbours)
        known = np.isfinite(found).all(axis=1)
        normal[of[known]], source[of[known]] = found[known], where[known]
        outwards = points_nm[of] - points_nm[of].mean(axis=0)
        normal[of[np.einsum("ni,ni->n", normal[of], outwards) < 0]] *= -1
    return Axes(normal=normal, source=tuple(source), nucleus=nucleus)


def _of_nucleus(points: Double, neighbours: int) -> tuple[Double, npt.NDArray[np.object_]]:
    normal, reliable = surface_normals(points, envelope(points))
    source = np.full(len(points), "surface", object)
    if (~reliable).any():
        planes, flat = plane_normals(points, neighbours)
        normal[~reliable], source[~reliable] = planes[~reliable], "neighbours"
        normal[~reliable & ~flat] = np.nan
    return normal, source


def surface_normals(points: Double, triangles: Int) -> tuple[Double, npt.NDArray[np.bool_]]:
    """Normals ``(n, 3)`` of a triangulated surface in its points, and whether at least three triangles agree on each.

    Examples
    --------
    >>> square = np.array([[0.0, 0, 0], [0, 1, 1], [0, 1, -1], [0, -1, -1], [0, -1, 1]])
    >>> normals, reliable = surface_normals(square, np.array([[0, 1, 2], [0, 2, 3], [0, 3, 4], [0, 4, 1]]))
    >>> np.abs(normals[0]).tolist(), reliable.tolist()
    ([1.0, 0.0, 0.0], [True, False, False, False, False])
    """
    a, b, c = (points[triangles[:, i]] for i in range(3))
    across = np.cross(b - a, c - a)
    area = np.linalg.norm(across, axis=1)
    outer = np.einsum("ni,nj->nij", across, across) / np.maximum(area, 1e-12)[:, None, None]
    total = np.zeros((len(points), 3, 3))
    np.add.at(total, triangles.ravel(), np.repeat(outer, 3, axis=0))
    spread, vectors = np.linalg.eigh(total)
    count = np.bincount(triangles.ravel(), minlength=len(points))
    agree = spread[:, 2] >= _AGREEMENT * np.maximum(spread.sum(axis=1), 1e-12)
    return vectors[:, :, 2], (count >= _FEWEST_TRIANGLES) & agree


def plane_normals(points: Double, neighbours: int) -> tuple[Double, npt.NDArray[np.bool_]]:
    """Normal ``(n, 3)`` of the plane through each point and its neighbours, and whether they lie on a plane at all."""
    if len(points) < 4:
        return np.zeros((len(points), 3)), np.zeros(len(points), np.bool_)
    near = cKDTree(points).query(points, k=min(neighbours, len(points) - 1) + 1)[1]
    spread = points[near] - points[near].mean(axis=1, keepdims=True)
    _, size, rows = np.linalg.svd(spread, full_matrices=False)
    return rows[:, 2], size[:, 2] < _FLATNESS * size[:, 1]
