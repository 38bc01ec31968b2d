"""A drawn nuclear envelope in which every pore is known: a ball's surface or a piece of it, drawn box by box."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt
from scipy import ndimage

Double = npt.NDArray[np.float64]

MEMBRANE_NM, HALF_NM, BLUR_NM, NOISE = 7.5, 24.0, 7.0, 4.0
OUTSIDE, PORE, MEMBRANE, BETWEEN = 150, 125, 10, 190
"""Grey values; `BETWEEN` is the perinuclear space."""
_REACH_NM = 2 * HALF_NM
"""How far from its wall a pore changes the envelope."""
_MARGIN = 8
"""Voxels drawn around a box: the blur reaches less."""


@attrs.frozen(eq=False, kw_only=True)
class Envelope:
    """Pores in the surface of a ball. Lengths in nm, z, y, x."""

    middle_nm: Double
    """``(3,)`` of the ball."""
    radius_nm: float
    """Half way between the two membranes."""
    centres_nm: Double
    """``(n, 3)`` on the surface."""
    diameters_nm: Double
    """``(n,)`` between the middles of the membrane."""

    def draw(
        self, lower_nm: Double, shape: tuple[int, ...], *, voxel_nm: Double, rng: np.random.Generator
    ) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint16]]:
        """The image, blurred and with noise, and the labels of the pores, 1, 2, ..., in the box at ``lower_nm``."""
        grown = [n + 2 * _MARGIN for n in shape]
        at = [
            low + (np.arange(n) - _MARGIN + 0.5) * s for low, n, s in zip(lower_nm, grown, voxel_nm, strict=True)
        ]  # fmt: skip
        grey, labels = self._sharp(at)
        inner = tuple(slice(_MARGIN, _MARGIN + n) for n in shape)
        blurred = ndimage.gaussian_filter(grey, BLUR_NM / voxel_nm)[inner]
        noisy = blurred + NOISE * rng.standard_normal(shape, np.float32)
        return np.clip(np.rint(noisy), 0, 255).astype(np.uint8), labels[inner]

    def _sharp(self, at: list[Double]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint16]]:
        """Grey values and labels at the places where the coordinates ``at`` of the three axes cross."""
        shape = tuple(len(a) for a in at)
        grey, labels = np.full(shape, OUTSIDE, np.float32), np.zeros(shape, np.uint16)
        height = self._height(at)
        if np.abs(height).min() > HALF_NM:
            return grey, labels
        distance = np.abs(height) - HALF_NM
        inside = np.zeros(shape, np.bool_)
        edges = [(a[0], a[-1]) for a in at]
        reach = self.diameters_nm / 2 + _REACH_NM
        low, high = (np.array(edge) for edge in zip(*edges, strict=True))
        near = ((self.centres_nm > low - reach[:, None]) & (self.centres_nm < high + reach[:, None])).all(axis=1)
        for row in np.flatnonzero(near):
            place = tuple(
                slice(*np.searchsorted(a, (c - reach[row], c + reach[row])))
                for a, c in zip(at, self.centres_nm[row], strict=True)
            )
            wall = self._wall(row, [a[s] for a, s in zip(at, place, strict=True)])
            here = height[place]
            rim = wall < HALF_NM
            distance[place][rim] = (np.hypot(here, np.maximum(HALF_NM - wall, 0)) - HALF_NM)[rim]
            within = np.abs(here) < HALF_NM
            inside[place] |= within & (wall < 0)
            labels[place][within & (wall < MEMBRANE_NM / 2)] = row + 1
        grey[distance < 0] = MEMBRANE
        grey[distance < -MEMBRANE_NM] = BETWEEN
        grey[(distance > 0) & inside] = PORE
        return grey, labels

    def _height(self, at: list[Double]) -> Double:
        """Above the surface, outwards."""
        square = sum(a**2 for a in np.meshgrid(*_less(at, self.middle_nm), indexing="ij", sparse=True))
        found: Double = np.sqrt(square) - self.radius_nm
        return found

    def _wall(self, row: int, at: list[Double]) -> Double:
        """Distance from the face of pore ``row``, negative in it; the face lies half a membrane inside its radius."""
        normal = (self.centres_nm[row] - self.middle_nm) / self.radius_nm
        apart = np.meshgrid(*_less(at, self.centres_nm[row]), indexing="ij", sparse=True)
        along = sum(a * n for a, n in zip(apart, normal, strict=True))
        ring: Double = np.sqrt(np.maximum(sum(a * a for a in apart) - along**2, 0))
        return ring - (self.diameters_nm[row] - MEMBRANE_NM) / 2


def _less(at: list[Double], point: Double) -> list[Double]:
    return [a - p for a, p in zip(at, point, strict=True)]
