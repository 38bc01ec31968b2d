"""The grid that one tile is painted on, and the few ways to paint."""

from __future__ import annotations

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from asem_dataset_simulated.noise import Float
from asem_dataset_simulated.shapes import Axes, Part

# Grey values of stained matter before blur, tuned by eye so that the blurred image looks like hippocampus at 10 nm.
MEMBRANE_GREY = 40.0
MITO_RIM_GREY = 38.0


@frozen(eq=False)
class Canvas:
    """One tile with its halo.

    Attributes
    ----------
    grey : float32 (nz, ny, nx)
        Grey value before the microscope.
    mito : uint32 (nz, ny, nx)
        Ground truth.
    cell, clearance : int32 and float32 (nz, ny, nx)
        Cell of each voxel, and its distance in nm to the middle of the cleft.
    wave, ripple, grain : float32 (nz, ny, nx)
        Smooth unit noise, features about 180, 70 and 25 nm wide.
    voxel_nm : float
        Smoothing length of thin layers: the root mean square voxel edge.
    """

    axes: Axes
    grey: Float
    mito: NDArray[np.uint32]
    cell: NDArray[np.int32]
    clearance: Float
    wave: Float
    ripple: Float
    grain: Float
    voxel_nm: float

    def blend(self, part: Part, share: Float, grey: Float | float) -> None:
        """Move the grey values of `part` towards `grey` by `share` (0..1)."""
        view = self.grey[part]
        view += share * (np.asarray(grey, np.float32) - view)
