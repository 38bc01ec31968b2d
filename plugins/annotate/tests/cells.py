"""A small image in which everything is known."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from asem_core import VoxelSize

VOXELS = VoxelSize((10.0, 10.0, 10.0))
SHAPE = (24, 40, 44)


def make_cell(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Noisy grey ``(z, y, x)`` uint8, and its two dark bodies: 0 elsewhere, 2 and 3 in them."""
    z, y, x = np.indices(SHAPE)
    truth = np.zeros(SHAPE, np.uint8)
    truth[(z - 12) ** 2 + (y - 13) ** 2 + (x - 13) ** 2 < 81] = 2
    truth[(z - 11) ** 2 + (y - 27) ** 2 + (x - 31) ** 2 < 64] = 3
    grey = 170 - 80 * (truth == 2) - 120 * (truth == 3)
    noisy = ndimage.gaussian_filter(grey.astype(float), 0.7) + np.random.default_rng(seed).normal(0, 8, SHAPE)
    return np.clip(noisy, 0, 255).astype(np.uint8), truth


def mark(truth: np.ndarray, sections: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Seeds in some voxels of ``sections``, well inside of what they mark."""
    rng, seeds = np.random.default_rng(seed), np.zeros_like(truth)
    for section in sections:
        for value, label in ((0, 1), (2, 2), (3, 3)):
            inside = ndimage.binary_erosion(truth[section] == value, iterations=2)
            seeds[section][inside & (rng.random(inside.shape) < 0.2)] = label
    return seeds


def dice(found: np.ndarray, truth: np.ndarray) -> float:
    """Overlap of two masks: 1 where they are the same."""
    return float(2 * (found & truth).sum() / (found.sum() + truth.sum()))
