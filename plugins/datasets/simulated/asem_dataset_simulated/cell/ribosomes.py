"""Ribosomes: dark grains 25 nm wide, free in the cytosol and in rows along the ER."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d  # type: ignore[import-untyped,unused-ignore]

from asem_dataset_simulated.cell.fields import Fields
from asem_dataset_simulated.cell.style import Ribosomes
from asem_dataset_simulated.noise import Float, hash_uniform
from asem_dataset_simulated.shapes import Axes

REACH_NM = 26.0
_SALT = 800


def ribosomes(seed: int, axes: Axes, fields: Fields, clusters: Float, *, how: Ribosomes) -> Float:
    """How much ribosome there is at every voxel, 1 in the middle of one: float32 (nz, ny, nx).

    ``clusters`` is smooth unit noise: free ribosomes gather where it is high (polysomes).
    """
    size = [float(axis[1] - axis[0]) for axis in axes]
    lattice = [
        np.arange(int(axis[0] // how.lattice_nm), int(axis[-1] // how.lattice_nm) + 1, dtype=np.int64) for axis in axes
    ]
    z, y, x = np.meshgrid(*lattice, indexing="ij")
    index = [n.ravel() for n in (z, y, x)]
    chance, *jitter = hash_uniform(seed, _SALT, *index)
    place = [
        ((n + j) * how.lattice_nm - axis[0]) / step for n, j, axis, step in zip(index, jitter, axes, size, strict=True)
    ]
    inside = np.all([(p >= 0) & (p < axis.size - 1) for p, axis in zip(place, axes, strict=True)], axis=0)
    place, chance = [p[inside] for p in place], chance[inside]
    voxel = tuple(np.rint(p).astype(np.intp) for p in place)
    er = fields.er[voxel]
    free = (fields.cell[voxel] < -28) & (fields.nucleus[voxel] > 30) & (fields.other[voxel] > 10) & (er > 9)
    bound = (er < 20) & (fields.nucleus[voxel] > 0)
    wanted = np.where(bound, how.bound, how.free * np.clip(1 + how.clustering * clusters[voxel], 0.05, 3.5))
    kept = free & (chance < wanted)
    field = _splat([p[kept] for p in place], fields.er.shape)
    for axis, step in enumerate(size):
        field = gaussian_filter1d(field, how.sigma_nm / step, axis=axis, mode="constant", truncate=3.0)
    unit: Float = field * np.float32((2 * np.pi) ** 1.5 * how.sigma_nm**3 / np.prod(size))
    return unit


def _splat(place: list[np.ndarray], shape: tuple[int, ...]) -> Float:
    """Unit points shared linearly among the eight voxels round them."""
    first = [np.floor(p).astype(np.intp) for p in place]
    rest = [p - f for p, f in zip(place, first, strict=True)]
    field = np.zeros(int(np.prod(shape)))
    for corner in np.ndindex(2, 2, 2):
        weight = np.prod([r if c else 1 - r for r, c in zip(rest, corner, strict=True)], axis=0)
        flat = np.ravel_multi_index(tuple(f + c for f, c in zip(first, corner, strict=True)), shape)
        field += np.bincount(flat, weight, len(field))
    return field.reshape(shape).astype(np.float32)
