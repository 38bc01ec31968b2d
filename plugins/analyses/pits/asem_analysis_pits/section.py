"""The plane in which an object is seen best: of 9 planes along each axis the one with the largest outline."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

from asem_analysis_pits.membrane import Frame, Mask, Points
from asem_analysis_pits.sample import sample

PLANES = 9
"""Consecutive planes through an object's middle, per axis (Gallusser et al. 2022)."""
_IN_PROFILE = 0.6
"""Largest cosine between the membrane's normal and that of a plane in which a pit is seen in profile."""


@attrs.frozen(kw_only=True, eq=False)
class Section:
    """A plane of a volume with square pixels.

    The middle of pixel ``(i, j)`` lies at ``place([[(i + 0.5) * pixel_nm, (j + 0.5) * pixel_nm]])``.
    """

    axis: int
    """Which of z, y, x it is perpendicular to."""
    index: int
    """Of the plane in the array."""
    area_nm2: float
    """Of the object in it."""
    corner_nm: Points
    rows: Points
    columns: Points
    pixel_nm: float
    shape: tuple[int, int]

    def place(self, plane_nm: Points) -> Points:
        """Points ``(n, 2)`` of the plane, nm from its corner, as ``(n, 3)`` zyx in nm."""
        found: Points = self.corner_nm + plane_nm[:, :1] * self.rows + plane_nm[:, 1:] * self.columns
        return found

    def cut(self, volume: npt.NDArray[np.generic], *, voxel_nm: npt.ArrayLike) -> Points:
        """The values of ``volume`` ``(z, y, x)`` in this plane, `shape`."""
        pixels = (np.indices(self.shape).reshape(2, -1).T + 0.5).astype(np.float64) * self.pixel_nm
        return sample(volume, self.place(pixels), voxel_nm=voxel_nm).reshape(self.shape)


def best_section(inside: Mask, frame: Frame | None, *, voxel_nm: npt.ArrayLike) -> Section:
    """The plane with the largest outline of the object ``inside``, out of 9 through its middle along each axis.

    Parameters
    ----------
    inside
        ``(z, y, x)``, not empty.
    frame
        Of a pit: planes that cut the membrane along rather than across are left out, because a pit shows neither neck
        nor height in them. At least one of the three orientations remains. None: all 27 planes.
    voxel_nm
        Voxels may be anisotropic; the section's pixels are squares of half the smallest edge.
    """
    size = np.asarray(voxel_nm, np.float64)
    middle = np.floor(np.argwhere(inside).mean(axis=0) + 0.5).astype(int)
    candidates = []
    for axis in range(3):
        if frame is not None and abs(frame.normal[axis]) > _IN_PROFILE:
            continue
        face = size.prod() / size[axis]
        first = max(0, middle[axis] - PLANES // 2)
        for index in range(first, min(inside.shape[axis], middle[axis] + PLANES // 2 + 1)):
            candidates.append((float(np.take(inside, index, axis).sum() * face), axis, index))
    area, axis, index = max(candidates, key=lambda candidate: candidate[0])
    others = [a for a in range(3) if a != axis]
    pixel = float(size.min() / 2)
    corner = np.zeros(3)
    corner[axis] = (index + 0.5) * size[axis]
    first, second = (int(inside.shape[a] * size[a] / pixel) for a in others)
    return Section(
        axis=axis,
        index=index,
        area_nm2=area,
        corner_nm=corner,
        rows=np.eye(3)[others[0]],
        columns=np.eye(3)[others[1]],
        pixel_nm=pixel,
        shape=(first, second),
    )
