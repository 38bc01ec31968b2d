"""The grid that one tile of tissue is painted on."""

from __future__ import annotations

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from asem_dataset_simulated.canvas import Canvas
from asem_dataset_simulated.noise import Float

# Grey values of stained matter before blur, tuned by eye so that the blurred image looks like hippocampus at 10 nm.
MEMBRANE_GREY = 40.0
MITO_RIM_GREY = 38.0


@frozen(eq=False, kw_only=True)
class TissueCanvas(Canvas):
    """A tile with its truth and the cells that it lies in.

    Attributes
    ----------
    mito : uint32 (nz, ny, nx)
        Ground truth: 0 background, 1..n mitochondria.
    er : uint8 (nz, ny, nx)
        Ground truth: 1 in endoplasmic reticulum, its membrane included.
    cell, clearance : int32 and float32 (nz, ny, nx)
        Cell of each voxel, and its distance in nm to the middle of the cleft.
    """

    mito: NDArray[np.uint32]
    er: NDArray[np.uint8]
    cell: NDArray[np.int32]
    clearance: Float
