"""How supervoxels look, at several scales, by themselves and with those round them: what seeds teach from."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from os import cpu_count

import numpy as np
import numpy.typing as npt
from scipy import ndimage, sparse

from asem_annotate.graph import Pairs
from asem_annotate.kernels import MEASURES, sum_measures
from asem_annotate.lattice import radii
from asem_core.geometry import Triple, VoxelSize

Features = npt.NDArray[np.float32]
"""``(n, k)``: what each supervoxel looks like; no column where seeds teach by grey levels alone."""

SCALES = (0.7, 1.6, 3.5)
"""Sigmas of Gaussians, in voxels along the axes with the smallest voxels."""
HOPS = 2
"""So many supervoxels far a supervoxel sees what is round it."""
COLUMNS = len(SCALES) * MEASURES * (1 + HOPS)


def describe(
    grey: npt.NDArray[np.uint8],
    ids: npt.NDArray[np.int32],
    *,
    voxels: npt.NDArray[np.int64],
    pairs: Pairs,
    voxel_size: VoxelSize,
) -> Features:
    """The features of every supervoxel.

    Parameters
    ----------
    grey
        ``(z, y, x)``, uint8.
    ids
        As ``grey``: supervoxels 0 to n - 1.
    voxels
        ``(n,)``: how many each has.
    pairs
        Those that touch.

    Returns
    -------
    ndarray of float32
        ``(n, COLUMNS)``. Of the image after a Gaussian of each of `SCALES`: mean, deviation, and the means of the
        slope and of the three curvatures (eigenvalues of the Hessian); then the mean of all that over the supervoxels
        that touch, and again over those of theirs.

    Notes
    -----
    These are the features that pixel classifiers learn from (ilastik, Berg et al. 2019), taken per supervoxel.
    """
    finest = min(voxel_size.zyx)
    steps = np.divide(voxel_size.zyx, finest)
    levels = grey.astype(np.float32) / 255

    def measure(sigma: float) -> Features:
        fine = ndimage.gaussian_filter(levels, sigma / steps, mode="nearest", radius=radii(sigma, voxel_size))
        sums = np.zeros((len(voxels), MEASURES))
        sum_measures(fine, ids, steps, sums)
        means = sums / voxels[:, None]
        means[:, 1] = np.sqrt(np.maximum(means[:, 1] - means[:, 0] ** 2, 0))
        return means.astype(np.float32)

    with ThreadPoolExecutor(min(len(SCALES), cpu_count() or 1)) as pool:
        own = np.concatenate(list(pool.map(measure, SCALES)), axis=1)
    seen = [own]
    for _ in range(HOPS):
        seen.append(_mean_of_touching(pairs, seen[-1]))
    return np.concatenate(seen, axis=1)


def reach(voxel_size: VoxelSize) -> Triple:
    """Voxels per axis round a supervoxel that its own measures depend on."""
    z, y, x = radii(max(SCALES), voxel_size)
    return (z + 1, y + 1, x + 1)


def _mean_of_touching(pairs: Pairs, values: Features) -> Features:
    """The mean of ``values`` ``(n, k)`` over the supervoxels that touch each; 0 where none does."""
    u, v = pairs.T
    n = len(values)
    ones = np.ones(2 * len(pairs), np.float32)
    touching = sparse.csr_array((ones, (np.r_[u, v], np.r_[v, u])), shape=(n, n))
    found: Features = touching @ values / np.maximum(np.diff(touching.indptr), 1)[:, None]
    return found.astype(np.float32)
