"""Counter-based noise: every value is a function of (seed, lattice index) only, so any block can be drawn alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]
Double = NDArray[np.float64]
Index = NDArray[np.int64]

# Standard deviation of white unit noise under a cubic B-spline in 3D: (mean of the sum of squared weights)^(3/2).
_BSPLINE_STD = 0.4794**1.5
_UNIFORM_SUM_STD = 65536.0 * np.sqrt(4.0 / 12.0)  # of four 16-bit uniforms


def _mix(value: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Finalizer of splitmix64 (Steele, Lea and Flood 2014), elementwise on uint64."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


def _key(seed: int, salt: int) -> NDArray[np.uint64]:
    """One well-mixed 64-bit key, as an array of shape (1,), for a seed and the noise's own number."""
    return _mix(
        _mix(np.array([seed % 2**64], np.uint64)) + np.array([salt % 2**64], np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    )


def _hash(seed: int, salt: int, z: Index, y: Index, x: Index) -> NDArray[np.uint64]:
    """64 well-mixed bits for every lattice index."""
    hashed = _key(seed, salt)
    for axis in (z, y, x):
        hashed = _mix(hashed + axis.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15))
    return hashed


def hash_uniform(seed: int, salt: int, z: Index, y: Index, x: Index) -> NDArray[np.float64]:
    """Independent uniform numbers in [0, 1) on the integer lattice, four for each index: (4, *broadcast shape)."""
    hashed = _hash(seed, salt, z, y, x)
    shifts = np.arange(0, 64, 16, dtype=np.uint64).reshape(4, *[1] * hashed.ndim)
    return ((hashed >> shifts) & np.uint64(0xFFFF)) / 65536.0


def hash_normal(seed: int, salt: int, z: Index, y: Index, x: Index) -> Float:
    """Nearly normal white noise on the integer lattice.

    Parameters
    ----------
    seed, salt : int
        Scene seed, and a number that tells one noise from another.
    z, y, x : int64 arrays that broadcast together
        Lattice indices; negative ones are fine.

    Returns
    -------
    float32 array, the broadcast shape
        Mean 0, standard deviation 1: the sum of four independent 16-bit uniforms.
    """
    hashed = _hash(seed, salt, z, y, x)
    low = np.uint64(0xFFFF)
    total = (
        (hashed & low)
        + ((hashed >> np.uint64(16)) & low)
        + ((hashed >> np.uint64(32)) & low)
        + (hashed >> np.uint64(48))
    )
    scaled: Float = (total.astype(np.float32) - np.float32(131070)) * np.float32(1.0 / _UNIFORM_SUM_STD)
    return scaled


def _weights(position: Double) -> tuple[Index, Double]:
    """First lattice index (N,) and the four cubic B-spline weights (N, 4) at each position in lattice units."""
    floor = np.floor(position)
    t = position - floor
    weights = np.stack([(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3], axis=-1) / 6.0
    return floor.astype(np.int64) - 1, weights


def smooth_grid(seed: int, salt: int, axes_nm: Sequence[Double], spacing_nm: Sequence[float]) -> Float:
    """Smooth unit noise on a grid.

    Parameters
    ----------
    axes_nm : three float64 arrays (nz,), (ny,), (nx,)
        Coordinates in nm along z, y and x.
    spacing_nm : three floats
        Lattice spacing in nm per axis; features are about 1.5 spacings wide.

    Returns
    -------
    float32 (nz, ny, nx), mean 0, standard deviation about 1
    """
    matrices: list[Float] = []
    indices: list[Index] = []
    for axis, spacing in zip(axes_nm, spacing_nm, strict=True):
        first, weights = _weights(axis / spacing)
        start = int(first.min())
        matrix = np.zeros((axis.size, int(first.max()) + 4 - start), np.float32)
        for tap in range(4):
            matrix[np.arange(axis.size), first - start + tap] = weights[:, tap]
        matrices.append(matrix)
        indices.append(np.arange(start, start + matrix.shape[1], dtype=np.int64))
    values = hash_normal(seed, salt, indices[0][:, None, None], indices[1][None, :, None], indices[2][None, None, :])
    values = np.tensordot(matrices[0], values, axes=(1, 0))
    values = np.matmul(matrices[1], values)
    result: Float = np.matmul(values, matrices[2].T) / np.float32(_BSPLINE_STD)
    return result


def smooth_at(seed: int, salt: int, points_nm: Double, spacing_nm: float) -> Double:
    """`smooth_grid` at scattered points: points_nm float64 (N, 3) zyx in nm; returns float64 (N,)."""
    first, weights = _weights(points_nm / spacing_nm)
    taps = np.arange(4, dtype=np.int64)
    lattice = first[:, :, None] + taps
    values = hash_normal(
        seed, salt, lattice[:, 0, :, None, None], lattice[:, 1, None, :, None], lattice[:, 2, None, None, :]
    )
    result: Double = np.einsum("nabc,na,nb,nc->n", values, weights[:, 0], weights[:, 1], weights[:, 2]) / _BSPLINE_STD
    return result
