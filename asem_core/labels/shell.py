"""The exclusion zone of the paper: a shell around the boundary of the ground truth.

With D the dilation and E the erosion of the ground truth, the zone is ``D and not E``. On the 5 nm grid of the paper
both iterate the 6-connected cross; `asem_core.labels.ball` says what widths that differ between axes mean.
"""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt
from attrs import validators

from asem_core.geometry import Triple, VoxelSize, triple
from asem_core.grid.reference import WIDTH, scale_width
from asem_core.labels.ball import dilate_mask


@attrs.frozen(kw_only=True)
class Shell:
    """Parameters of `shell`, in voxels of 5 nm."""

    dilate: int = attrs.field(validator=validators.ge(0), metadata=WIDTH)
    """How far it reaches outwards."""
    erode: int = attrs.field(validator=validators.ge(0), metadata=WIDTH)
    """How far it reaches inwards."""


def shell(inside: npt.NDArray[np.bool_], *, voxel_size: VoxelSize, params: Shell) -> npt.NDArray[np.bool_]:
    """The shell around the boundary of the organelle: ``dilate`` voxels outwards, ``erode`` voxels inwards.

    Parameters
    ----------
    inside
        ``(z, y, x)``, where the organelle is. Outside the array it is not, so an object cut by a face of the array has
        an inner zone there too.
    voxel_size
        The grid of ``inside``, nm: `asem_core.grid.reference.scale_width` says how many voxels the widths are.

    Returns
    -------
    ndarray of bool
        Shape of ``inside``; True = not scored.

    Examples
    --------
    >>> inside = np.zeros((3, 3, 7), bool)
    >>> inside[..., 2:5] = True
    >>> found = shell(inside, voxel_size=VoxelSize((5, 5, 5)), params=Shell(dilate=1, erode=1))
    >>> found[1, 1].astype(int).tolist()
    [0, 1, 1, 0, 1, 1, 0]
    """
    # One ring of background is enough: the nearest voxel outside the array lies straight across a face.
    eroded = ~dilate_mask(~np.pad(inside, 1), scale_width(params.erode, voxel_size))[1:-1, 1:-1, 1:-1]
    zone: npt.NDArray[np.bool_] = dilate_mask(inside, scale_width(params.dilate, voxel_size)) & ~eroded
    return zone


def shell_halo(voxel_size: VoxelSize, params: Shell) -> Triple:
    """Context of a block: the wider of the two widths on the grid, voxels z, y, x."""
    widths = (scale_width(width, voxel_size) for width in (params.dilate, params.erode))
    return triple([max(pair) for pair in zip(*widths, strict=True)])
