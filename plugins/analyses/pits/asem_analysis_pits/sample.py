"""Values of a volume at points in nm."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Points = npt.NDArray[np.float64]


def sample(volume: npt.NDArray[Any], points_nm: Points, *, voxel_nm: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Linear interpolation between the middles of voxels; beyond the array its nearest voxel.

    Parameters
    ----------
    volume
        ``(z, y, x)``.
    points_nm
        ``(..., 3)`` zyx, from the lower edge of the array.

    Examples
    --------
    >>> sample(np.arange(8.0).reshape(2, 2, 2), np.array([[5.0, 2.5, 2.5]]), voxel_nm=(5, 5, 5)).tolist()
    [2.0]
    """
    index = np.moveaxis(points_nm / np.asarray(voxel_nm) - 0.5, -1, 0)
    found: npt.NDArray[np.float64] = ndimage.map_coordinates(
        np.asarray(volume, np.float64), index, order=1, mode="nearest"
    )
    return found
