"""A piece of nuclear envelope in which every pore is known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import zarr
from scipy import ndimage

from asem_core import Registry, make_registry

MEMBRANE_NM, HALF_NM, BLUR_NM = 7.5, 24.0, 7.0
WIDE_NM, DEEP_NM = 1000.0, 260.0


@attrs.frozen(eq=False)
class Envelope:
    """What was drawn, and where it was written."""

    raw: Path
    pores: Path
    centres_nm: np.ndarray
    diameters_nm: np.ndarray


def place(spacing: float, radius_nm: float, rng: np.random.Generator) -> np.ndarray:
    """Points ``(n, 3)`` near a square lattice on a ball whose pole is in the middle of the piece."""
    at = np.arange(spacing / 2, WIDE_NM, spacing)
    points = np.stack(np.meshgrid(at, at, indexing="ij"), axis=-1).reshape(-1, 2) + rng.uniform(
        -15, 15, (len(at) ** 2, 2)
    )
    away = points - WIDE_NM / 2
    return np.c_[DEEP_NM / 2 + 40 + np.sqrt(radius_nm**2 - (away**2).sum(axis=1)) - radius_nm, points]


@pytest.fixture(scope="session")
def draw(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Envelope]:
    """``draw(...)``: raw and labels of pores in an envelope that is part of a ball, as two Zarr arrays."""

    def make(
        *, voxel_nm: tuple[float, ...] = (5.0, 5.0, 5.0), radius_nm: float = 2500.0, spacing_nm: float = 250.0,
        diameters: tuple[float, float] = (65.0, 125.0), count: int | None = None, seed: int = 1,
    ) -> Envelope:  # fmt: skip
        rng = np.random.default_rng(seed)
        centres = place(spacing_nm, radius_nm, rng)
        widths = rng.uniform(*diameters, len(centres))[:count]
        centres = centres[:count]
        size = np.array(voxel_nm)
        shape = np.round(np.array([DEEP_NM, WIDE_NM, WIDE_NM]) / size).astype(int)
        at = np.meshgrid(
            *((np.arange(n) + 0.5) * s for n, s in zip(shape, size, strict=True)), indexing="ij", sparse=True
        )
        middle = np.array([DEEP_NM / 2 + 40 - radius_nm, WIDE_NM / 2, WIDE_NM / 2])
        height = np.sqrt(sum((a - m) ** 2 for a, m in zip(at, middle, strict=True))) - radius_nm
        distance, across = np.abs(height) - HALF_NM, np.full(height.shape, np.inf)
        labels = np.zeros(height.shape, np.uint16)
        for number, (centre, width) in enumerate(zip(centres, widths, strict=True), 1):
            normal = (centre - middle) / radius_nm
            apart = [a - c for a, c in zip(at, centre, strict=True)]
            along = sum(a * n for a, n in zip(apart, normal, strict=True))
            ring = np.sqrt(np.maximum(sum(a * a for a in apart) - along**2, 0))
            face = (width - MEMBRANE_NM) / 2
            near = ring < face + HALF_NM
            distance[near] = (np.hypot(height, np.maximum(face + HALF_NM - ring, 0)) - HALF_NM)[near]
            labels[(ring < width / 2) & (np.abs(height) < HALF_NM)] = number
            np.minimum(across, ring - face, out=across)
        grey = np.where(distance < -MEMBRANE_NM, 190.0, np.where(distance < 0, 10.0, 150.0))
        grey[(distance > 0) & (across < 0) & (np.abs(height) < HALF_NM)] = 125
        grey = ndimage.gaussian_filter(grey, BLUR_NM / size) + rng.normal(0, 4, grey.shape)
        folder = tmp_path_factory.mktemp("envelope")
        for name, array in (("raw", np.clip(np.rint(grey), 0, 255).astype(np.uint8)), ("pores", labels)):
            write(folder / f"{name}.zarr", array, voxel_nm=voxel_nm)
        return Envelope(folder / "raw.zarr", folder / "pores.zarr", centres, widths)

    return make


def write(path: Path, array: np.ndarray, *, voxel_nm: Any = (5.0, 5.0, 5.0), offset: Any = (0.0, 0.0, 0.0)) -> Path:
    """A Zarr array with its place."""
    stored = zarr.create_array(path, shape=array.shape, chunks=(64, 64, 64), dtype=array.dtype, zarr_format=2)
    stored[:] = array
    stored.attrs.update(resolution=list(voxel_nm), offset=list(offset))
    return path


@pytest.fixture(scope="session")
def registry() -> Registry:
    """What is installed."""
    return make_registry()
