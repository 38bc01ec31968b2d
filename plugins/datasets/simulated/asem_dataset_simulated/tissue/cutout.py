"""`simulate_tissue`: a whole cut-out in memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from asem_dataset_simulated.grid import VoxelSize
from asem_dataset_simulated.tissue.assemble import make_scene
from asem_dataset_simulated.tissue.draw import render


@frozen(eq=False)
class SimulatedTissue:
    """A simulated cut-out.

    Attributes
    ----------
    raw : uint8 (nz, ny, nx)
        The image.
    mito : uint32 (nz, ny, nx)
        0 background, 1..n mitochondria.
    er : uint8 (nz, ny, nx)
        1 in endoplasmic reticulum, its membrane included.
    voxel_size_nm : three floats, zyx
    seed : int
    """

    raw: NDArray[np.uint8]
    mito: NDArray[np.uint32]
    er: NDArray[np.uint8]
    voxel_size_nm: VoxelSize
    seed: int


def simulate_tissue(
    shape: Sequence[int] = (200, 200, 200), *, voxel_size_nm: Sequence[float] = (10.0, 10.0, 10.0), seed: int
) -> SimulatedTissue:
    """Simulate one cut-out; parameters and errors are those of `make_scene`.

    Examples
    --------
    >>> cell = simulate_tissue((32, 32, 32), seed=1)
    >>> cell.raw.shape, cell.raw.dtype.name, cell.mito.dtype.name
    ((32, 32, 32), 'uint8', 'uint32')
    """
    scene = make_scene(shape, voxel_size_nm=voxel_size_nm, seed=seed)
    raw, mito, er = render(scene, ((0, 0, 0), scene.shape))
    return SimulatedTissue(raw=raw, mito=mito, er=er, voxel_size_nm=scene.voxel_size_nm, seed=scene.seed)
