"""Which planes of a volume a picture shows, and reading just those."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.geometry import AXES, Box, VoxelSize, triple
from asem_core.grid.place import Placed

CANDIDATES = 9
"""Sections among which the one with most foreground is looked for."""


@attrs.frozen(kw_only=True)
class Plane:
    """One plane of a region: ``axis`` 0 is a z section (y, x), 1 a y plane (z, x), 2 an x plane (z, y)."""

    axis: int
    index: int
    """In voxels of the reference frame."""
    region: Box

    @property
    def box(self) -> Box:
        """The plane as a box that is one voxel thick."""
        start, stop = list(self.region.start), list(self.region.stop)
        start[self.axis], stop[self.axis] = self.index, self.index + 1
        return Box(start, stop)

    @property
    def name(self) -> str:
        """Such as ``z0082``: a part of file names."""
        return f"{AXES[self.axis]}{self.index:04d}"

    def pixel_nm(self, voxel_size: VoxelSize) -> tuple[float, float]:
        """Height and width of one pixel of the plane."""
        height, width = (v for axis, v in enumerate(voxel_size.zyx) if axis != self.axis)
        return height, width


def read_plane(source: Placed, plane: Plane) -> npt.NDArray[Any]:
    """The plane's voxels, two-dimensional, in the stored dtype; 0 outside the volume."""
    there = plane.box.intersect(source.box)
    result = np.zeros(plane.box.shape, source.volume.dtype)
    if there.size:
        result[there.shift([-s for s in plane.box.start]).slices] = source.volume.read(source.local(there))
    return result.squeeze(axis=plane.axis)


def choose_planes(region: Box, source: Placed) -> list[Plane]:
    """The middle plane of every axis, and of nine spread z sections the one where ``source`` has most foreground."""
    middle = triple([(a + b) // 2 for a, b in zip(region.start, region.stop, strict=True)])
    planes = [Plane(axis=axis, index=middle[axis], region=region) for axis in range(3)]
    spread = [region.start[0] + (2 * k + 1) * region.shape[0] // (2 * CANDIDATES) for k in range(CANDIDATES)]
    sections = [Plane(axis=0, index=index, region=region) for index in dict.fromkeys([middle[0], *spread])]
    fullest = max(sections, key=lambda plane: int(np.count_nonzero(read_plane(source, plane))))
    return planes if fullest in planes else [fullest, *planes]
