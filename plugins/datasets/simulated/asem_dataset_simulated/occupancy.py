"""Which space is taken: spheres in a grid of bins, asked while objects are placed."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import floor

from asem_dataset_simulated.noise import Double


class Occupancy:
    """Spheres (zyx in nm) that may not be overlapped; `bin_nm` is the edge of the bins they are looked up in."""

    def __init__(self, bin_nm: float) -> None:
        self._bin_nm = bin_nm
        self._bins: dict[tuple[int, int, int], list[tuple[float, float, float, float]]] = {}

    def _keys(self, centre: Double, radius: float) -> Iterator[tuple[int, int, int]]:
        size = self._bin_nm
        z, y, x = (range(floor((c - radius) / size), floor((c + radius) / size) + 1) for c in centre.tolist())
        return product(z, y, x)

    def add(self, centre: Double, radius: float) -> None:
        """Take the sphere."""
        sphere = (float(centre[0]), float(centre[1]), float(centre[2]), radius)
        for key in self._keys(centre, radius):
            self._bins.setdefault(key, []).append(sphere)

    def is_free(self, centre: Double, radius: float) -> bool:
        """True where no sphere taken so far overlaps this one."""
        z, y, x = (float(v) for v in centre)
        for key in self._keys(centre, radius):
            for cz, cy, cx, taken in self._bins.get(key, ()):
                if (cz - z) ** 2 + (cy - y) ** 2 + (cx - x) ** 2 < (taken + radius) ** 2:
                    return False
        return True
