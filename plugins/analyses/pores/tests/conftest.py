"""A piece of nuclear envelope in which every pore is known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import zarr

from asem_core import Registry, make_registry

from .envelope import Envelope

WIDE_NM, DEEP_NM = 1000.0, 260.0


@attrs.frozen(eq=False)
class Drawn:
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
def draw(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Drawn]:
    """``draw(...)``: raw and labels of pores in an envelope that is part of a ball, as two Zarr arrays."""

    def make(
        *,
        voxel_nm: tuple[float, ...] = (5.0, 5.0, 5.0),
        radius_nm: float = 2500.0,
        spacing_nm: float = 250.0,
        diameters: tuple[float, float] = (65.0, 125.0),
        count: int | None = None,
        seed: int = 1,
    ) -> Drawn:
        rng = np.random.default_rng(seed)
        centres = place(spacing_nm, radius_nm, rng)
        widths = rng.uniform(*diameters, len(centres))
        envelope = Envelope(
            middle_nm=np.array([DEEP_NM / 2 + 40 - radius_nm, WIDE_NM / 2, WIDE_NM / 2]),
            radius_nm=radius_nm,
            centres_nm=centres[:count],
            diameters_nm=widths[:count],
        )
        size = np.array(voxel_nm)
        z, y, x = (int(n) for n in np.round(np.array([DEEP_NM, WIDE_NM, WIDE_NM]) / size))
        raw, labels = envelope.draw(np.zeros(3), (z, y, x), voxel_nm=size, rng=rng)
        folder = tmp_path_factory.mktemp("envelope")
        return Drawn(
            raw=write(folder / "raw.zarr", raw, voxel_nm=voxel_nm),
            pores=write(folder / "pores.zarr", labels, voxel_nm=voxel_nm),
            centres_nm=envelope.centres_nm,
            diameters_nm=envelope.diameters_nm,
        )

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
