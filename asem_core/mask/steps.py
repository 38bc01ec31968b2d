"""The steps of the cell mask on arrays (paper, Methods; method of Gallusser et al. 2022).

``low < grey < high`` (without an upper bound where there is no ``high``), opening and closing by balls, filling of
6-connected holes and dropping of 26-connected objects by volume. At the faces of the volume the image is mirrored, so
that a cell which is cut there is not eroded. A small hole at a face is filled too, as by scikit-image's
``remove_small_holes``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
from attrs import validators

from asem_core.errors import AsemError
from asem_core.geometry import Triple, VoxelSize, triple
from asem_core.grid.reference import scale_volume, scale_width
from asem_core.preprocessing.levels import to_grey_range

Mask = npt.NDArray[np.bool_]


@attrs.frozen(kw_only=True)
class CellMask:
    """Parameters of the mask. Lengths and volumes are voxels of a 5 nm grid; another grid scales them."""

    low: float = 2.0
    """Cell is brighter than this, on the scale 0..255."""
    high: float | None = None
    """Cell is darker than this, on the scale 0..255. None: found by `make_mask`, from the image; see `resin_level`."""
    opening: int = attrs.field(default=3, validator=validators.ge(0))
    """Radius of the ball that must fit into the cell."""
    closing: int = attrs.field(default=2, validator=validators.ge(0))
    """Radius of the ball that must fit into the outside."""
    max_hole: int = attrs.field(default=100_000, validator=validators.ge(0))
    """Holes of less volume are filled."""
    min_object: int = attrs.field(default=100_000, validator=validators.ge(0))
    """Objects of less volume are dropped."""

    def __attrs_post_init__(self) -> None:
        if self.high is not None and not self.low < self.high:
            raise AsemError(f"the mask's low grey level must be below the high one, got {self.low:g} and {self.high:g}")

    def context(self, voxel_size: VoxelSize) -> Triple:
        """Voxels per axis (z, y, x) around a block on which its `rough_mask` depends."""
        reach = (scale_width(width, voxel_size) for width in (self.opening, self.closing))
        return triple([2 * (a + b) for a, b in zip(*reach, strict=True)])


def rough_mask(raw: npt.NDArray[Any], *, voxel_size: VoxelSize, params: CellMask) -> Mask:
    """Thresholds, opening and closing.

    Parameters
    ----------
    raw
        ``(z, y, x)`` with ``params.context`` voxels around what is wanted.

    Returns
    -------
    ndarray of bool
        ``raw`` without the context.
    """
    grey = to_grey_range(raw)
    mask = grey > params.low
    if params.high is not None:
        mask &= grey < params.high
    opening, closing = (scale_width(width, voxel_size) for width in (params.opening, params.closing))
    mask = ~erode(~erode(mask, opening), opening)
    return erode(~erode(~mask, closing), closing)


def filled(voxels: npt.NDArray[np.int64], *, voxel_size: VoxelSize, params: CellMask) -> Mask:
    """Per component of the outside (entry 0: the mask itself), whether it becomes mask; from the voxels of each."""
    small: Mask = voxels < scale_volume(params.max_hole, voxel_size)
    small[:1] = True
    return small


def kept(voxels: npt.NDArray[np.int64], *, voxel_size: VoxelSize, params: CellMask) -> Mask:
    """Per component of the mask (entry 0: the outside), whether it stays; from the voxels of each."""
    large: Mask = voxels >= scale_volume(params.min_object, voxel_size)
    large[:1] = False
    return large


def erode(mask: Mask, radii: Triple) -> Mask:
    """Binary erosion by the ball of ``radii``, exactly, without the rim on which it depends.

    The ball is ``{d : (dz / rz)^2 + (dy / ry)^2 + (dx / rx)^2 <= 1}``, for equal radii scikit-image's ``ball``. It is
    taken apart into rows along x: a row of each length is eroded once, and shifted rows are combined.

    Parameters
    ----------
    mask
        ``(z, y, x)``, at least ``2 * radii + 1`` voxels.

    Returns
    -------
    ndarray of bool
        ``radii`` voxels less at both ends of every axis.
    """
    if not all(radii):
        return mask
    inner = triple([n - 2 * r for n, r in zip(mask.shape, radii, strict=True)])
    rows = _eroded_rows(mask, radii[2])
    out = np.ones(inner, np.bool_)
    for z, y, half in _rows_of_ball(radii):
        out &= rows[half][z : z + inner[0], y : y + inner[1]]
    return out


def _eroded_rows(mask: Mask, radius: int) -> list[Mask]:
    """``mask`` eroded along x by rows of half length 0 to ``radius``; each without ``radius`` voxels at the ends."""
    n = mask.shape[2] - 2 * radius
    rows = [mask[:, :, radius : radius + n]]
    for half in range(1, radius + 1):
        left, right = radius - half, radius + half
        rows.append(rows[-1] & mask[:, :, left : left + n] & mask[:, :, right : right + n])
    return rows


def _rows_of_ball(radii: Triple) -> Iterator[tuple[int, int, int]]:
    """First z and y (from 0) and half length of every row of the ball; in whole numbers, so that nothing is rounded."""
    rz, ry, rx = radii
    for z in range(-rz, rz + 1):
        for y in range(-ry, ry + 1):
            rest = (rz * ry) ** 2 - (z * ry) ** 2 - (y * rz) ** 2
            if rest >= 0:
                yield z + rz, y + ry, math.isqrt(rest * rx**2 // (rz * ry) ** 2)
