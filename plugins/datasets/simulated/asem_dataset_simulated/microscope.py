"""What the microscope adds: blur, noise, uneven brightness; all functions of the voxel index and the seed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from attrs import frozen
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, shift  # type: ignore[import-untyped,unused-ignore]

from asem_dataset_simulated.grid import Triple, VoxelSize
from asem_dataset_simulated.noise import Double, Float, Index, hash_normal, smooth_grid

_TRUNCATE = 3.0
_CORRELATED_NM = 9.0  # spacing of the lattice of the noise that neighbouring voxels share


@frozen(eq=False)
class Look:
    """How the microscope saw this cut-out: lengths in nm, the rest in grey values."""

    gain: float
    offset: float
    psf_nm: float
    shot: float
    correlated: float
    jitter: float
    gradient: float
    curtain: float
    drift: float = 0.0
    """Standard deviation of each section's shift in the plane, voxels."""


def halo_voxels(look: Look, voxel_size_nm: VoxelSize) -> Triple:
    """Voxels on each side that the blur reaches, zyx."""
    z, y, x = (int(_TRUNCATE * look.psf_nm / size + 0.5) + 1 for size in voxel_size_nm)
    return z, y, x


def microscope(
    grey: Float, indices: Sequence[Index], *, look: Look, seed: int, voxel_size_nm: VoxelSize, halo: Triple
) -> NDArray[np.uint8]:
    """Image of a tile.

    Parameters
    ----------
    grey : float32 (nz, ny, nx), with halo
        What is there.
    indices : three int64 arrays, with halo
        Global voxel indices along z, y and x.
    halo : three ints
        Voxels to cut off on each side.

    Returns
    -------
    uint8 without the halo
    """
    for axis, size in enumerate(voxel_size_nm):
        grey = gaussian_filter1d(grey, look.psf_nm / size, axis=axis, mode="nearest", truncate=_TRUNCATE)
    if look.drift:
        grey = _drift(look, seed, grey, indices[0])
    grey = grey[tuple(slice(h, n - h) for h, n in zip(halo, grey.shape, strict=True))]
    z, y, x = (index[h : len(index) - h] for index, h in zip(indices, halo, strict=True))
    axes = [index.astype(np.float64) * size for index, size in zip((z, y, x), voxel_size_nm, strict=True)]
    grey = (grey - 140.0) * look.gain + 140.0 + look.offset
    grey += _shading(look, seed, axes, z)
    shot = hash_normal(seed, 300, z[:, None, None], y[None, :, None], x[None, None, :])
    shot *= look.shot * np.sqrt(np.maximum(grey, 1.0) / 140.0)
    spacing = tuple(max(_CORRELATED_NM, 0.9 * size) for size in voxel_size_nm)
    grey += shot + look.correlated * smooth_grid(seed, 301, axes, spacing)
    return np.clip(np.rint(grey), 0, 255).astype(np.uint8)


def _drift(look: Look, seed: int, grey: Float, z: Index) -> Float:
    """Each section a fraction of a voxel off its place: sections are imaged one by one."""
    zero = np.zeros(1, np.int64)
    steps = np.clip(look.drift * np.stack([hash_normal(seed, 305 + i, z, zero, zero) for i in range(2)], axis=1), -1, 1)
    return np.stack([shift(section, step, order=1, mode="nearest") for section, step in zip(grey, steps, strict=True)])


def _shading(look: Look, seed: int, axes: Sequence[Double], z: Index) -> Float:
    """Slow gradient, brightness of each slice, and curtains along y, the direction of the milling beam."""
    zero = np.zeros(1, np.int64)
    jitter = look.jitter * hash_normal(seed, 302, z, zero, zero)
    gradient = look.gradient * smooth_grid(seed, 303, axes, (1500.0, 1500.0, 1500.0))
    curtain = look.curtain * smooth_grid(seed, 304, axes, (20.0, 2500.0, 30.0))
    shading: Float = jitter[:, None, None] + gradient + curtain
    return shading
