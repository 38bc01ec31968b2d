"""Where there is room in a cell: the cytosol between nucleus and plasma membrane."""

from __future__ import annotations

import numpy as np
from attrs import frozen
from scipy.ndimage import map_coordinates  # type: ignore[import-untyped,unused-ignore]

from asem_dataset_simulated.cell.surface import Surface
from asem_dataset_simulated.noise import Double, Float, Index

_CELLS_ACROSS = 180


@frozen(eq=False)
class Cytosol:
    """Distances to the membranes round the cytosol, on a coarse grid over the cell's box.

    Attributes
    ----------
    clearance_nm : float32 (nz, ny, nx)
        To the nearest of plasma membrane and nuclear envelope, positive in the cytosol.
    step_nm : float
    """

    clearance_nm: Float
    step_nm: float

    def locate(self, points_nm: Double) -> tuple[Index, Double]:
        """0 for each point (N, 3), as there is one cell, and its clearance (N,) in nm, negative outside the cytosol."""
        clearance = map_coordinates(self.clearance_nm, np.asarray(points_nm).T / self.step_nm, order=1, mode="nearest")
        return np.zeros(len(clearance), np.int64), clearance.astype(np.float64)

    def draw(self, count: int, rng: np.random.Generator, *, room_nm: float = 0.0) -> Double:
        """``count`` random points (N, 3) with at least ``room_nm`` of clearance; fewer where there is no such place."""
        extent = (np.array(self.clearance_nm.shape) - 1) * self.step_nm
        found: list[Double] = []
        for _ in range(60):
            points = rng.uniform(0, 1, (4 * count + 64, 3)) * extent
            found.append(points[self.locate(points)[1] > room_nm])
            if sum(map(len, found)) >= count:
                break
        return np.concatenate(found)[:count]

    @property
    def volume_um3(self) -> float:
        """Volume of the cytosol, organelles included, um^3."""
        return float((self.clearance_nm > 0).sum()) * self.step_nm**3 * 1e-9


def make_cytosol(membrane: Surface, nucleus: Surface, extent_nm: Double) -> Cytosol:
    """Sample the clearance over the box 0..``extent_nm`` (3,)."""
    step = max(30.0, float(extent_nm.max()) / _CELLS_ACROSS)
    z, y, x = (np.arange(0.0, length + step, step) for length in extent_nm)
    inside = np.minimum(-membrane.on_grid((z, y, x)), nucleus.on_grid((z, y, x)))
    return Cytosol(clearance_nm=inside, step_nm=step)
