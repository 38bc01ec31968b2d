"""What the microscope adds: blur, noise, uneven brightness; all functions of the voxel index and the seed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from attrs import frozen
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, shift  # type: ignore[import-untyped,unused-ignore]

from asem_dataset_simulated.grid import Triple, VoxelSize
from asem_dataset_simulated.noise import Double, Float, Index, hash_normal, smooth_grid
from asem_dataset_simulated.sections import cut_sections

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
    bandwidth: float = 0.0
    """Standard deviation, in pixels of the plane, of the Gaussian that the detector smooths its shot noise by."""
    lines: float = 0.0
    """Standard deviation of the brightness of each line of the scan, along x."""
    section_nm: float = 0.0
    """Thickness of the sections that the volume is cut into along z and interpolated from; 0: every voxel is imaged."""


def halo_voxels(look: Look, voxel_size_nm: VoxelSize) -> Triple:
    """Voxels on each side that blur and sections reach, zyx."""
    z, y, x = (int(_TRUNCATE * look.psf_nm / size + 0.5) + 1 for size in voxel_size_nm)
    return z + int(np.ceil(1.5 * look.section_nm / voxel_size_nm[0])), y, x


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
    z, y, x = (index[h : len(index) - h] for index, h in zip(indices, halo, strict=True))
    if look.section_nm:
        cut = cut_sections(indices[0], z, voxel_nm=voxel_size_nm[0], section_nm=look.section_nm)
        grey = np.tensordot(cut.average, grey, axes=1)
        seen = _expose(grey, (cut.numbers, y, x), look, seed, (look.section_nm, *voxel_size_nm[1:]), halo)
        seen = np.tensordot(cut.interpolation, seen, axes=1)
    else:
        seen = _expose(grey[halo[0] : len(grey) - halo[0]], (z, y, x), look, seed, voxel_size_nm, halo)
    return np.clip(np.rint(seen), 0, 255).astype(np.uint8)


def _expose(
    grey: Float, indices: Sequence[Index], look: Look, seed: int, voxel_size_nm: VoxelSize, halo: Triple
) -> Float:
    """Image of blurred sections ``indices[0]``, before it is rounded; cuts off the halo in the plane."""
    if look.drift:
        grey = _drift(look, seed, grey, indices[0])
    grey = grey[:, halo[1] : grey.shape[1] - halo[1], halo[2] : grey.shape[2] - halo[2]]
    z, y, x = indices
    axes = [index.astype(np.float64) * size for index, size in zip((z, y, x), voxel_size_nm, strict=True)]
    grey = (grey - 140.0) * look.gain + 140.0 + look.offset
    grey += _shading(look, seed, axes, z)
    shot = _white(seed, z, y, x) if not look.bandwidth else _coloured(look.bandwidth, seed, z, y, x)
    shot *= look.shot * np.sqrt(np.maximum(grey, 1.0) / 140.0)
    spacing = tuple(max(_CORRELATED_NM, 0.9 * size) for size in voxel_size_nm)
    grey += shot + look.correlated * smooth_grid(seed, 301, axes, spacing)
    if look.lines:
        grey += look.lines * hash_normal(seed, 307, z[:, None, None], y[None, :, None], np.zeros((1, 1, 1), np.int64))
    return grey


def _white(seed: int, z: Index, y: Index, x: Index) -> Float:
    return hash_normal(seed, 300, z[:, None, None], y[None, :, None], x[None, None, :])


def _coloured(width: float, seed: int, z: Index, y: Index, x: Index) -> Float:
    """White noise smoothed in the plane, of unit variance again."""
    reach = int(_TRUNCATE * width + 0.5) + 1
    y, x = (np.arange(index[0] - reach, index[-1] + reach + 1, dtype=np.int64) for index in (y, x))
    noise = _white(seed, z, y, x)
    for axis in (1, 2):
        noise = gaussian_filter1d(noise, width, axis=axis, truncate=_TRUNCATE)
    impulse = np.zeros(2 * reach + 1)
    impulse[reach] = 1
    power = float(np.square(gaussian_filter1d(impulse, width, truncate=_TRUNCATE)).sum())
    inner: Float = noise[:, reach:-reach, reach:-reach] / np.float32(power)
    return inner


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
