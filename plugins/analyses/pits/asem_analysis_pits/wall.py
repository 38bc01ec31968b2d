"""How dark the wall of an object is beside the plain plasma membrane: a clathrin coat darkens it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import cKDTree

from asem_analysis_pits.membrane import Boundary, Frame, Mask, Points
from asem_analysis_pits.sample import sample

Raw = npt.NDArray[Any]

_STEP_NM = 2.0
_SPAN_NM = 40.0
"""Length of the line across a wall on which its darkest place is sought; of the object and of the membrane alike."""
_NEAREST_NM, _FARTHEST_NM = 25.0, 150.0
"""The plain membrane lies between these distances from the object."""
_SHALLOWEST_NM, _DEEPEST_NM = 50.0, 120.0
"""The cytoplasm lies between these distances from the membrane."""
_FEWEST = 30
_DIRECTIONS = 300


def wall_grey(raw: Raw, inside: Mask, frame: Frame | None, *, voxel_nm: npt.ArrayLike) -> float:
    """Grey value of an object's wall: the median, over directions from its middle, of the darkest place near its edge.

    Parameters
    ----------
    raw, inside
        ``(z, y, x)``: the image, and the object.
    frame
        The membrane; directions that go up to it meet the neck, not the wall, and are left out. None: a vesicle.
    """
    size = np.asarray(voxel_nm, np.float64)
    centre = (np.argwhere(inside) + 0.5).mean(axis=0) * size
    directions = _sphere(_DIRECTIONS)
    if frame is not None:
        directions = directions[directions @ frame.normal < 0.2]
    edge = _edge(inside, centre, directions, size)
    return _darkest(raw, centre + (edge + 10)[:, None] * directions, -directions, size)


def membrane_grey(raw: Raw, boundary: Boundary, object_nm: Points, *, voxel_nm: npt.ArrayLike) -> float:
    """Grey value of the plain plasma membrane beside an object, measured as its wall; NaN where there is too little."""
    away, _ = cKDTree(object_nm).query(boundary.points_nm, distance_upper_bound=_FARTHEST_NM)
    near = np.isfinite(away) & (away > _NEAREST_NM)
    if near.sum() < _FEWEST:
        return float("nan")
    tree = cKDTree(boundary.points_nm)
    chosen = np.flatnonzero(near)[:: max(1, int(near.sum()) // _DIRECTIONS)]
    # Faces look along the axes; the membrane's own direction is the mean over those nearby.
    normals = np.array([boundary.outward[near_by].mean(axis=0) for near_by in tree.query_ball_point(
        boundary.points_nm[chosen], 25.0)])  # fmt: skip
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-6)
    return _darkest(raw, boundary.points_nm[chosen] + 10 * normals, -normals, np.asarray(voxel_nm, np.float64))


def cytoplasm_grey(raw: Raw, cell: Mask, inside: Mask, *, voxel_nm: npt.ArrayLike) -> float:
    """Median grey value of the cell 50-120 nm from membrane and object; NaN where there is none."""
    return _median_within(raw, cell & ~inside, _SHALLOWEST_NM, _DEEPEST_NM, voxel_nm)


def outside_grey(raw: Raw, cell: Mask, inside: Mask, *, voxel_nm: npt.ArrayLike) -> float:
    """Median grey value 20 nm and more from cell and object; NaN where there is no such place."""
    return _median_within(raw, ~(cell | inside), 20.0, np.inf, voxel_nm)


def enhancement(wall: float, membrane: float, cytoplasm: float) -> float:
    """How many times darker than the cytoplasm the wall is, in units of the plain membrane: 1 without a coat.

    Examples
    --------
    >>> enhancement(wall=20.0, membrane=110.0, cytoplasm=160.0)
    2.8
    """
    contrast = cytoplasm - membrane
    return (cytoplasm - wall) / contrast if contrast > 1e-3 * abs(cytoplasm) else float("nan")


def _median_within(raw: Raw, mask: Mask, least_nm: float, most_nm: float, voxel_nm: npt.ArrayLike) -> float:
    """Median over every other voxel of ``mask`` that lies at least and at most this far from what is not in it."""
    every = (slice(None, None, 2),) * 3
    away = ndimage.distance_transform_edt(mask[every], sampling=2 * np.asarray(voxel_nm))
    there = (away > least_nm) & (away < most_nm)
    return float(np.median(raw[every][there])) if there.sum() >= _FEWEST else float("nan")


def _darkest(raw: Raw, start: Points, direction: Points, size: Points) -> float:
    """Median over lines of the darkest grey value on each."""
    along = np.arange(0, _SPAN_NM, _STEP_NM)
    points = start[:, None, :] + along[:, None] * direction[:, None, :]
    return float(np.median(sample(raw, points, voxel_nm=size).min(axis=1)))


def _edge(inside: Mask, centre: Points, directions: Points, size: Points) -> Points:
    """Distance (n,) from ``centre`` at which each direction leaves the object for the last time."""
    along = np.arange(0, 1.8 * float(np.linalg.norm(np.array(inside.shape) * size)) / 2, _STEP_NM)
    points = centre + along[:, None] * directions[:, None, :]
    index = np.floor(points / size).astype(int)
    valid = np.all((index >= 0) & (index < np.array(inside.shape)), axis=-1)
    z, y, x = np.moveaxis(np.where(valid[:, :, None], index, 0), -1, 0)
    there = inside[z, y, x] & valid
    found: Points = along[np.where(there.any(axis=1), len(along) - 1 - there[:, ::-1].argmax(axis=1), 0)]
    return found


def _sphere(count: int) -> Points:
    """``count`` directions spread evenly (Fibonacci lattice)."""
    number = np.arange(count) + 0.5
    height = 1 - 2 * number / count
    turn = np.pi * (1 + 5**0.5) * number
    across = np.sqrt(1 - height**2)
    return np.stack([height, across * np.cos(turn), across * np.sin(turn)], axis=1)
