"""What one block of a volume contributes to the numbers of its objects. Sums over blocks are those of the volume."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.analysis.instances import Numbered
from asem_core.analysis.objects.faces import surface_faces, surface_halo
from asem_core.analysis.view import View
from asem_core.blocks.executors import map_blocks
from asem_core.geometry import Box, Triple, VoxelSize, triple

_PAIRS = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))
"""Axes of the second moments, in the order in which they are kept."""


@attrs.frozen(kw_only=True, eq=False)
class Sums:
    """Numbers of ``n`` objects in voxels, over a block or a whole volume."""

    number: npt.NDArray[np.int64]
    """Which objects ``(n,)``, as `Numbered` counts them."""
    voxels: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]
    """Sums of the coordinates ``(n, 3)``, counted from the middle voxel of the volume."""
    second: npt.NDArray[np.int64]
    """Sums of their products ``(n, 6)``: zz, yy, xx, zy, zx, yx."""
    low: npt.NDArray[np.int64]
    """Bounding box ``(n, 3)``, voxels of the volume."""
    high: npt.NDArray[np.int64]
    """Its end, half-open ``(n, 3)``."""
    surface_nm2: npt.NDArray[np.float64]
    contact_nm2: npt.NDArray[np.float64]
    """Per other organelle ``(n, m)``: the surface near it."""

    @property
    def centre(self) -> npt.NDArray[np.float64]:
        """Centroids from the middle voxel ``(n, 3)``."""
        return self.first / self.voxels[:, None]

    @property
    def covariance(self) -> npt.NDArray[np.float64]:
        """Of the coordinates, in squared voxels ``(n, 3, 3)``."""
        found = np.zeros((len(self.voxels), 3, 3))
        for column, (a, b) in enumerate(_PAIRS):
            found[:, a, b] = self.second[:, column] / self.voxels - self.centre[:, a] * self.centre[:, b]
            found[:, b, a] = found[:, a, b]
        return found


def sum_blocks(view: View, instances: Numbered, *, others: Sequence[Numbered] = (), contact_nm: float = 0.0) -> Sums:
    """Read every block of ``view`` once and add up what its objects have there.

    Parameters
    ----------
    others
        Objects of other organelles that contacts count with, on the grid of ``view``.
    contact_nm
        How near their voxels are, from centre to centre.

    Notes
    -----
    Memory: a block with the halo of its surface, and for every other organelle one with the halo of the contact.
    """
    task = partial(_measure, view, instances, others=others, contact_nm=contact_nm)
    parts = map_blocks(task, view.blocks, sweep="measuring", progress=view.progress)
    total = _nothing(np.arange(1, len(instances) + 1), len(others))
    for part in parts:
        for name in ("voxels", "first", "second", "surface_nm2", "contact_nm2"):
            getattr(total, name)[part.number - 1] += getattr(part, name)
        total.low[part.number - 1] = np.minimum(total.low[part.number - 1], part.low)
        total.high[part.number - 1] = np.maximum(total.high[part.number - 1], part.high)
    return total


def middle(shape: Triple) -> Triple:
    """The voxel from which coordinates are counted: keeps their squares small."""
    return triple([n // 2 for n in shape])


def _nothing(number: npt.NDArray[np.int64], others: int) -> Sums:
    n = len(number)
    return Sums(
        number=number,
        voxels=np.zeros(n, np.int64),
        first=np.zeros((n, 3), np.int64),
        second=np.zeros((n, 6), np.int64),
        low=np.full((n, 3), np.iinfo(np.int64).max),
        high=np.zeros((n, 3), np.int64),
        surface_nm2=np.zeros(n),
        contact_nm2=np.zeros((n, others)),
    )


def _measure(view: View, instances: Numbered, box: Box, *, others: Sequence[Numbered], contact_nm: float) -> Sums:
    reach = box.grow(1).intersect(view.box)
    around = box.grow(surface_halo(view.voxel_size)).intersect(view.box)
    found = instances.read(around)
    number = np.unique(found[reach.shift([-a for a in around.start]).slices])
    sums = _nothing(number[number > 0], len(others))
    if not len(sums.number):
        return sums
    lookup = np.zeros(len(instances) + 1, np.int32)
    lookup[sums.number] = np.arange(1, len(sums.number) + 1)
    local = lookup[found]
    _add_moments(sums, local[box.shift([-a for a in around.start]).slices], box, middle(view.objects.shape))
    near = [_near(view, other, reach, contact_nm) for other in others]
    _add_surface(sums, local, box.shift([-a for a in around.start]), near, voxel_size=view.voxel_size)
    return sums


def _add_moments(sums: Sums, local: npt.NDArray[np.int32], box: Box, origin: Triple) -> None:
    """Voxels, coordinates and bounding boxes of ``local``, the objects in ``box`` counted as in ``sums``."""
    places = np.nonzero(local)
    which, n = local[places] - 1, len(sums.number)
    sums.voxels[:] = np.bincount(which, minlength=n)
    at = [place + (b - o) for place, b, o in zip(places, box.start, origin, strict=True)]

    def summed(values: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        # Exact: in one block the sums stay below 2**53.
        return np.bincount(which, weights=values, minlength=n).astype(np.int64)

    for axis in range(3):
        sums.first[:, axis] = summed(at[axis])
        np.minimum.at(sums.low[:, axis], which, places[axis] + box.start[axis])
        np.maximum.at(sums.high[:, axis], which, places[axis] + box.start[axis] + 1)
    for column, (a, b) in enumerate(_PAIRS):
        sums.second[:, column] = summed(at[a] * at[b])


def _add_surface(
    sums: Sums, local: npt.NDArray[np.int32], core: Box, near: list[npt.NDArray[np.bool_]], *, voxel_size: VoxelSize
) -> None:
    """Surface of the faces whose lower voxel is in ``core``, voxels of ``local``; ``near``: one voxel more around."""
    from scipy import ndimage

    whole = Box.of_shape(triple(local.shape))
    reach = core.grow(1).intersect(whole)
    for index, place in enumerate(ndimage.find_objects(local[reach.slices])):
        own = Box([s.start for s in place], [s.stop for s in place]).shift(reach.start)
        own = own.grow(surface_halo(voxel_size)).intersect(whole)
        asked = core.intersect(own).shift([-s for s in own.start])
        faces = surface_faces(local[own.slices] == index + 1, voxel_size=voxel_size, start=asked.start, stop=asked.stop)
        at = tuple((faces.outside + np.subtract(own.start, reach.start)).T)
        sums.surface_nm2[index] = faces.area_nm2.sum()
        sums.contact_nm2[index] = [faces.area_nm2[there[at]].sum() for there in near]


def _near(view: View, other: Numbered, box: Box, contact_nm: float) -> npt.NDArray[np.bool_]:
    """Where ``box`` is in an object of ``other`` or at most ``contact_nm`` from it, from centre to centre of voxels."""
    margin = [int(contact_nm / v) + 1 for v in view.voxel_size.zyx]
    around = box.grow(margin).intersect(view.box)
    mask = other.read(around) > 0
    inner = box.shift([-a for a in around.start]).slices
    if contact_nm == 0 or not mask.any():
        return mask[inner]
    from scipy import ndimage

    found: npt.NDArray[np.bool_] = ndimage.distance_transform_edt(~mask, sampling=view.voxel_size.zyx) <= contact_nm
    return found[inner]
