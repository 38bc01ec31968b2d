"""What one object is measured in: the voxels around it."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import cKDTree

from asem_analysis_pits.membrane import Boundary, Mask, Points, find_boundary
from asem_core.analysis import Numbered, View
from asem_core.geometry import Box, FloatTriple

_MARGIN_NM = 160.0
_MARGIN_OF_DISTANCE_NM = 50.0
"""The plasma membrane is looked for this much farther than it matters."""


@attrs.frozen(kw_only=True, eq=False)
class Crop:
    """An object and its surroundings; positions are nm from `lower_nm`, the lower edge of the arrays."""

    box: Box
    """Of the arrays, in the volume."""
    lower_nm: FloatTriple
    """In the microscope's frame."""
    voxel_nm: FloatTriple
    inside: Mask
    """The object ``(z, y, x)``."""
    raw: npt.NDArray[Any]
    cell: Mask
    boundary: Boundary
    """Of the cell."""
    distance_nm: float
    """From the object's nearest voxel to the plasma membrane; NaN where there is none in reach."""
    cut: bool
    """Whether the object touches a face of the volume."""
    face_nm: float
    """From the object to the nearest face of the volume."""

    @property
    def object_nm(self) -> Points:
        """Middles of its voxels ``(n, 3)``."""
        return middles(self.inside, self.voxel_nm)


def middles(mask: Mask, voxel_nm: npt.ArrayLike) -> Points:
    """Middles of the voxels of ``mask``: ``(n, 3)`` zyx, nm from the lower edge of the array."""
    found: Points = (np.argwhere(mask) + 0.5) * np.asarray(voxel_nm)
    return found


def read_crop(view: View, instances: Numbered, number: int, *, box: Box, near_nm: float) -> Crop:
    """The object ``number`` that lies in ``box``, and its surroundings; membrane is looked for up to ``near_nm``."""
    assert view.raw is not None
    assert view.cell_mask is not None
    near = _grown(box, _MARGIN_NM, view)
    lower, _ = near.to_nm(view.voxel_size, origin_nm=view.objects.lower_edge_nm)
    inside, cell = instances.read(near) == number, view.cell_mask.read(near) != 0
    boundary = find_boundary(cell, voxel_nm=view.voxel_size.zyx)
    rim = middles(inside & ~ndimage.binary_erosion(inside), view.voxel_size.zyx)
    distance = _nearest(rim, boundary.points_nm)
    if not distance <= _MARGIN_NM:
        far = _grown(box, near_nm + _MARGIN_OF_DISTANCE_NM, view)
        wide = find_boundary(view.cell_mask.read(far) != 0, voxel_nm=view.voxel_size.zyx)
        distance = _nearest(rim, wide.points_nm + (np.array(far.start) - near.start) * view.voxel_size.zyx)
    rooms = np.stack([box.start, np.subtract(view.box.stop, box.stop)]) * view.voxel_size.zyx
    return Crop(
        box=near,
        lower_nm=lower,
        voxel_nm=view.voxel_size.zyx,
        inside=inside,
        raw=view.raw.read(near),
        cell=cell,
        boundary=boundary,
        distance_nm=distance,
        cut=not rooms.all(),
        face_nm=float(rooms.min()),
    )


def _grown(box: Box, by_nm: float, view: View) -> Box:
    return box.grow([int(n) for n in np.ceil(by_nm / np.array(view.voxel_size.zyx))]).intersect(view.box)


def _nearest(points: Points, others: Points) -> float:
    """Least distance between two sets of points ``(n, 3)``; NaN where one is empty."""
    if not len(points) or not len(others):
        return float("nan")
    away, _ = cKDTree(points).query(others)
    return float(away.min())
