"""The cell mask of a whole array at once: what the blockwise one must equal."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from asem_core.geometry import Box, VoxelSize, triple
from asem_core.grid.mirror import read_mirrored
from asem_core.mask.steps import CellMask, filled, kept, rough_mask


def cell_mask(raw: npt.NDArray[Any], *, voxel_size: VoxelSize, params: CellMask) -> npt.NDArray[np.bool_]:
    """True inside the cell, shape of ``raw``."""
    box = Box.of_shape(raw.shape).grow(params.context(voxel_size))
    mask = rough_mask(
        read_mirrored(lambda b: raw[b.slices], triple(raw.shape), box), voxel_size=voxel_size, params=params
    )
    holes, _ = ndimage.label(~mask, structure=ndimage.generate_binary_structure(3, 1))
    mask = filled(np.bincount(holes.ravel()), voxel_size=voxel_size, params=params)[holes]
    objects, _ = ndimage.label(mask, structure=ndimage.generate_binary_structure(3, 3))
    inside: npt.NDArray[np.bool_] = kept(np.bincount(objects.ravel()), voxel_size=voxel_size, params=params)[objects]
    return inside
