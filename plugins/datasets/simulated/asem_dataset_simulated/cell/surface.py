"""The closed surfaces of a cell, plasma membrane and nuclear envelope: distances in nm, negative inside."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from attrs import frozen

from asem_dataset_simulated.noise import Double, Float, smooth_at, smooth_grid
from asem_dataset_simulated.shapes import Axes

_FLOOR_ROUNDING_NM = 160.0
_PROBE_NM = 8.0
_Real = TypeVar("_Real", Float, Double)


@frozen(eq=False)
class Surface:
    """An ellipsoid with smooth waves on it, cut off flat where it lies on the coverslip.

    Attributes
    ----------
    centre_nm, axes_nm : float64 (3,)
        Centre and semi-axes along z, y and x.
    waves : tuple of (spacing nm, amplitude nm)
    seed, salt : int
        Of the waves.
    floor_nm : float or None
        Height y of the coverslip; the cell lies at smaller y.
    """

    centre_nm: Double
    axes_nm: Double
    waves: tuple[tuple[float, float], ...]
    seed: int
    salt: int
    floor_nm: float | None = None

    def on_grid(self, axes: Axes) -> Float:
        """Distance at every voxel: float32 (nz, ny, nx); right to first order near the surface."""
        z, y, x = (axis.astype(np.float64) for axis in axes)
        distance = self._smooth(z[:, None, None], y[None, :, None], x[None, None, :]).astype(np.float32)
        for number, (spacing, amplitude) in enumerate(self.waves):
            distance += np.float32(amplitude) * smooth_grid(self.seed, self.salt + number, axes, (spacing,) * 3)
        if self.floor_nm is None:
            return distance
        floor = (y - self.floor_nm).astype(np.float32)[None, :, None]
        return smooth_maximum(distance, floor, _FLOOR_ROUNDING_NM)

    def at(self, points_nm: Double) -> Double:
        """The same at scattered points float64 (N, 3): float64 (N,)."""
        distance = self._smooth(*points_nm.T)
        for number, (spacing, amplitude) in enumerate(self.waves):
            distance = distance + amplitude * smooth_at(self.seed, self.salt + number, points_nm, spacing)
        if self.floor_nm is None:
            return distance
        found: Double = smooth_maximum(distance, points_nm[:, 1] - self.floor_nm, _FLOOR_ROUNDING_NM)
        return found

    def normal(self, points_nm: Double) -> Double:
        """Unit vectors (N, 3) that point outwards."""
        gradient = self._gradient(points_nm)
        unit: Double = gradient / np.linalg.norm(gradient, axis=1, keepdims=True)
        return unit

    def project(self, points_nm: Double) -> Double:
        """The points (N, 3) moved onto the surface along its gradient."""
        for _ in range(8):
            gradient = self._gradient(points_nm)
            squared = np.maximum((gradient**2).sum(axis=1), 0.05)
            points_nm = points_nm - (self.at(points_nm) / squared)[:, None] * gradient
        return points_nm

    @property
    def area_um2(self) -> float:
        """Of the bare ellipsoid, um^2, to 1.1 % (K. Thomsen 2004, with p = 1.6)."""
        a, b, c = self.axes_nm / 1000.0
        return float(4 * np.pi * (((a * b) ** 1.6 + (a * c) ** 1.6 + (b * c) ** 1.6) / 3) ** (1 / 1.6))

    def scatter(self, count: int, rng: np.random.Generator) -> Double:
        """``count`` points (N, 3) on the surface, even per area of the ellipsoid."""
        kept: list[Double] = []
        largest = float(np.prod(self.axes_nm) / self.axes_nm.min())
        while sum(len(points) for points in kept) < count:
            direction = rng.normal(size=(2 * count + 16, 3))
            direction /= np.linalg.norm(direction, axis=1, keepdims=True)
            stretch = np.prod(self.axes_nm) * np.linalg.norm(direction / self.axes_nm, axis=1)
            kept.append(direction[rng.random(len(direction)) < stretch / largest])
        return self.project(self.centre_nm + np.concatenate(kept)[:count] * self.axes_nm)

    def _gradient(self, points_nm: Double) -> Double:
        """Of the distance at points (N, 3), by central differences: (N, 3)."""
        steps = _PROBE_NM * np.eye(3)
        differences = [self.at(points_nm + step) - self.at(points_nm - step) for step in steps]
        gradient: Double = np.stack(differences, axis=1) / (2 * _PROBE_NM)
        return gradient

    def _smooth(self, z: Double, y: Double, x: Double) -> Double:
        """First-order distance to the bare ellipsoid."""
        first = np.zeros(())
        second = np.zeros(())
        for position, centre, semi in zip((z, y, x), self.centre_nm, self.axes_nm, strict=True):
            local = ((position - centre) / semi) ** 2
            first = first + local
            second = second + local / semi**2
        norm = np.sqrt(first)
        distance: Double = norm * (norm - 1) / np.sqrt(second + 1e-12)
        return distance


def smooth_maximum(a: _Real, b: _Real, rounding_nm: float) -> _Real:
    """The larger of two distances, the crease rounded over ``rounding_nm`` (I. Quilez 2013, quadratic polynomial)."""
    overlap = np.maximum(rounding_nm - np.abs(a - b), 0) / rounding_nm
    rounded: _Real = np.maximum(a, b) + overlap * overlap * (rounding_nm / 4)
    return rounded


def smooth_minimum(a: _Real, b: _Real, rounding_nm: float) -> _Real:
    """The smaller of two distances, the crease rounded; see `smooth_maximum`."""
    return -smooth_maximum(-a, -b, rounding_nm)
