"""Where a ground-truth crop lies on raw's grid, and reading it there.

Ground truth is often finer than raw, and starts at a place in nm that need not be a voxel of raw::

    raw      |       |       |       |       |       |         4 nm
    crop              | | | | | | |                             2 nm, from 10 nm on
                      ^ start = voxel 5 of a 2 nm grid that begins where raw begins
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Literal

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.errors import GeometryError, VolumeError
from asem_core.geometry import AXES, WHOLE_VOXEL, Box, FloatTriple, Triple, resampled_box, triple
from asem_core.volume import Volume, window

OffsetUnit = Literal["nm", "crop-voxels", "raw-voxels"]


@attrs.frozen(kw_only=True)
class CropFrame:
    """A crop on raw's grid."""

    crop: Volume
    flip: frozenset[int]
    """Axes along which the crop is mirrored."""
    ratio: FloatTriple
    """Crop voxels per voxel of raw."""
    start: Triple
    """Voxel 0 of the crop (after mirroring) on a grid of crop voxels that begins where raw begins."""
    box: Box
    """The voxels of raw that the crop covers, also in part; inside raw."""
    notes: tuple[str, ...] = ()

    def read(self, box: Box) -> npt.NDArray[Any]:
        """Class ids of ``box`` of the grid of `start`, ``(z, y, x)``; 0 outside the crop."""
        local = box.shift([-s for s in self.start])
        sides = [
            (n - b, n - a) if axis in self.flip else (a, b)
            for axis, (a, b, n) in enumerate(zip(local.start, local.stop, self.crop.shape, strict=True))
        ]
        stored = window(self.crop, Box([a for a, _ in sides], [b for _, b in sides]))
        return np.flip(stored.read(stored.box), tuple(self.flip))


def place_crop(
    crop: Volume,
    raw: Volume,
    *,
    flip: Collection[int] = (),
    offset_unit: OffsetUnit = "nm",
    shift: Triple = (0, 0, 0),
) -> CropFrame:
    """Lay ``crop`` on the grid of ``raw``. Nothing is read.

    Parameters
    ----------
    crop
        Class ids ``(z, y, x)``, integers.
    raw
        The image that the crop's offset refers to.
    flip
        Axes (0 is z) along which raw as it is stored is mirrored against the frame in which the ground truth was drawn:
        place and voxels of the crop are mirrored about the middle of raw.
    offset_unit
        Unit of the crop's stored offset: nm as COSEM states it, or voxels of the crop or of raw.
    shift
        Moves the crop further by voxels of raw, where the source is known to be off.

    Raises
    ------
    GeometryError
        The crop lies outside raw.
    VolumeError
        The crop does not hold integers.
    """
    if crop.dtype.kind not in "ui":
        raise VolumeError(f"{crop.uri}: ground truth holds class ids, integers; found {crop.dtype}")
    fine, coarse = crop.voxel_size.zyx, raw.voxel_size.zyx
    unit = {"nm": (1.0, 1.0, 1.0), "crop-voxels": fine, "raw-voxels": coarse}[offset_unit]
    offset = []
    for axis in range(3):
        place = crop.lower_edge_nm[axis] * unit[axis] - raw.lower_edge_nm[axis]
        if axis in flip:
            place = raw.shape[axis] * coarse[axis] - place - crop.shape[axis] * fine[axis]
        offset.append((place + shift[axis] * coarse[axis]) / fine[axis])
    start = triple([round(o) for o in offset])
    covered = resampled_box(crop.box.shift(start), crop.voxel_size, raw.voxel_size)
    box = covered.intersect(raw.box)
    if not box.size:
        raise GeometryError(
            f"{crop.uri} lies outside {raw.uri}: it would cover voxels {covered} (z,y,x) of raw, which is {raw.box}; "
            "is it the right raw, or do --offset-unit or --flip not fit?"
        )
    notes = []
    missed = [abs(o - s) for o, s in zip(offset, start, strict=True)]
    if max(missed) > WHOLE_VOXEL:
        by = ", ".join(f"{axis} {m * f:.2g}" for axis, m, f in zip(AXES, missed, fine, strict=True))
        notes.append(f"the crop lies between its own voxels on raw's grid: moved to the nearest ones, by {by} nm")
    if box != covered:
        notes.append(f"the crop covers voxels {covered} (z,y,x) of raw, which is {raw.box}: clipped to {box}")
    return CropFrame(
        crop=crop,
        flip=frozenset(flip),
        ratio=crop.voxel_size.ratio_to(raw.voxel_size),
        start=start,
        box=box,
        notes=tuple(notes),
    )
