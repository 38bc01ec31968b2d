"""The plasma membrane beside an object: where a cell mask changes, and a smooth sheet through those places."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

Mask = npt.NDArray[np.bool_]
Points = npt.NDArray[np.float64]

_NEAREST_NM = 15.0
_FARTHEST_NM = 90.0
"""The sheet is fitted to the membrane between these distances from the object: beyond the rim that it bends itself."""
_FEWEST_POINTS = 60
_ROUNDS = 5
_OUTLIER_MAD = 3.5
_TURNED = 1e-3


@attrs.frozen(kw_only=True, eq=False)
class Boundary:
    """Faces between voxels inside and outside the cell."""

    points_nm: Points
    """Middle of each face ``(n, 3)`` zyx, nm from the lower edge of the array."""
    outward: Points
    """Unit vector ``(n, 3)`` across each face, out of the cell."""
    area_nm2: Points
    """Of each face ``(n,)``."""


@attrs.frozen(kw_only=True, eq=False)
class Frame:
    """The plane that touches the membrane over an object, with two axes in it.

    A point at ``depth`` below the plane is ``origin_nm - depth * normal``.
    """

    origin_nm: Points
    normal: Points
    """Out of the cell."""
    u: Points
    v: Points
    residual_nm: float
    """Root mean square distance of the membrane from the sheet that was fitted to it."""

    def local(self, points_nm: Points) -> Points:
        """``(..., 3)`` zyx in nm as depth, u, v."""
        found: Points = (points_nm - self.origin_nm) @ np.stack([-self.normal, self.u, self.v], axis=1)
        return found

    def place(self, depth: Points, u: Points, v: Points) -> Points:
        """The inverse of `local`."""
        found: Points = self.origin_nm - depth[..., None] * self.normal + u[..., None] * self.u + v[..., None] * self.v
        return found


def find_boundary(inside: Mask, *, voxel_nm: npt.ArrayLike) -> Boundary:
    """Every face between a voxel of the mask ``inside`` ``(z, y, x)`` and one that is not in it.

    Examples
    --------
    >>> cell = np.zeros((4, 3, 3), bool)
    >>> cell[:2] = True
    >>> found = find_boundary(cell, voxel_nm=(5, 5, 5))
    >>> len(found.points_nm), found.points_nm[0].tolist(), found.outward[0].tolist()
    (9, [10.0, 2.5, 2.5], [1.0, 0.0, 0.0])
    """
    size = np.asarray(voxel_nm, np.float64)
    points, outward, area = [], [], []
    for axis in range(3):
        below, above = (np.moveaxis(inside, axis, 0)[part] for part in (slice(None, -1), slice(1, None)))
        index = np.argwhere(below != above).astype(np.float64)
        sign = np.where(below[below != above], 1.0, -1.0)
        index[:, 0] += 0.5
        points.append((np.insert(index[:, 1:], axis, index[:, 0], axis=1) + 0.5) * size)
        outward.append(sign[:, None] * np.eye(3)[axis])
        area.append(np.full(len(index), size.prod() / size[axis]))
    return Boundary(points_nm=np.concatenate(points), outward=np.concatenate(outward), area_nm2=np.concatenate(area))


def fit_frame(boundary: Boundary, object_nm: Points) -> Frame | None:
    """The membrane's plane over the middle of an object, as it would be without it.

    Parameters
    ----------
    boundary
        Of the cell around the object.
    object_nm
        Middles of the object's voxels ``(n, 3)``.

    Returns
    -------
    Frame or None
        None where there is too little membrane, or it does not surround the object.

    Notes
    -----
    A quadratic sheet is fitted to the membrane between 15 and 90 nm from the object, least squares with outliers beyond
    3.5 median absolute deviations left out; the plane is the one that touches it where the object's axis, the normal
    through its centroid, meets it. The sheet follows a membrane that is bent, which a plane would cut.
    """
    centre = object_nm.mean(axis=0)
    away, _ = cKDTree(object_nm).query(boundary.points_nm, distance_upper_bound=_FARTHEST_NM)
    near = np.isfinite(away) & (away > _NEAREST_NM)
    points, outward, area = boundary.points_nm[near], boundary.outward[near], boundary.area_nm2[near]
    normal = (outward * area[:, None]).sum(axis=0)
    length = np.linalg.norm(normal)
    if len(points) < _FEWEST_POINTS or length < 0.2 * area.sum():
        return None
    normal = normal / length
    for _ in range(_ROUNDS):
        u, v = _across(normal)
        sheet = _fit_sheet((points - centre) @ np.stack([normal, u, v], axis=1))
        if sheet is None:
            return None
        coefficients, residual = sheet
        turned = normal - coefficients[1] * u - coefficients[2] * v
        turned /= np.linalg.norm(turned)
        if np.linalg.norm(turned - normal) < _TURNED:
            break
        normal = turned
    frame = Frame(origin_nm=centre + coefficients[0] * normal, normal=normal, u=u, v=v, residual_nm=residual)
    return frame if _surrounds(frame.local(points)) else None


def _across(normal: Points) -> tuple[Points, Points]:
    """Two unit vectors at right angles to ``normal`` and to each other."""
    u = np.cross(normal, np.eye(3)[np.abs(normal).argmin()])
    u /= np.linalg.norm(u)
    return u, np.cross(normal, u)


def _fit_sheet(local: Points) -> tuple[Points, float] | None:
    """Coefficients of height over 1, u, v, u^2, uv, v^2 for points ``(n, 3)`` of height, u, v; and their residual."""
    height, u, v = local.T
    terms = np.stack([np.ones_like(u), u, v, u * u, u * v, v * v], axis=1)
    kept = np.ones(len(local), np.bool_)
    for _ in range(_ROUNDS):
        coefficients = np.linalg.lstsq(terms[kept], height[kept], rcond=None)[0]
        residual = np.abs(height - terms @ coefficients)
        now = residual <= max(_OUTLIER_MAD * 1.4826 * float(np.median(residual[kept])), 1e-6)
        if now.sum() < _FEWEST_POINTS:
            return None
        if (now == kept).all():
            break
        kept = now
    return coefficients, float(np.sqrt(np.mean(residual[kept] ** 2)))


def _surrounds(local: Points) -> bool:
    """Whether the points ``(n, 3)`` lie in at least six of eight directions."""
    sector = np.floor(np.arctan2(local[:, 2], local[:, 1]) / (np.pi / 4)).astype(int) % 8
    return bool((np.bincount(sector, minlength=8) >= 3).sum() >= 6)
