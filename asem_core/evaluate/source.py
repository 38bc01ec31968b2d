"""Where a volume is non-zero, block by block, reading each section of a plane-wise source only once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from asem_core.geometry import Box, Triple, triple
from asem_core.grid.place import Placed

PLANES_BYTES = 256 * 2**20
"""Memory for the sections that a plane-wise source holds (one byte a voxel)."""


class NonZero:
    """``volume != 0`` in the reference frame; False outside the volume.

    Blocks are asked for in raster order. Sections of a plane-wise source are kept as long as blocks still need them.
    """

    def __init__(self, placed: Placed) -> None:
        self._placed = placed
        self._planes: dict[int, npt.NDArray[np.bool_]] = {}

    def read(self, box: Box) -> npt.NDArray[np.bool_]:
        """The voxels of ``box`` (reference frame) ``(z, y, x)``."""
        there = box.intersect(self._placed.box)
        result = np.zeros(box.shape, np.bool_)
        if there.size:
            result[there.shift([-s for s in box.start]).slices] = self._stored(self._placed.local(there))
        return result

    def _stored(self, box: Box) -> npt.NDArray[np.bool_]:
        if not self._placed.volume.planewise:
            return _nonzero(self._placed.volume.read(box))
        for z in [z for z in self._planes if z < box.start[0]]:
            del self._planes[z]
        return np.stack([self._plane(z)[box.slices[1:]] for z in range(box.start[0], box.stop[0])])

    def _plane(self, z: int) -> npt.NDArray[np.bool_]:
        if z not in self._planes:
            _, y, x = self._placed.volume.shape
            self._planes[z] = _nonzero(self._placed.volume.read(Box((z, 0, 0), (z + 1, y, x)))[0])
        return self._planes[z]


def _nonzero(values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    mask: npt.NDArray[np.bool_] = values != 0
    return mask


def bounded_block(block: Triple, halo_z: int, sources: Sequence[Placed]) -> Triple:
    """``block`` made thinner in z until the sections that plane-wise sources must hold fit `PLANES_BYTES`."""
    section = sum(p.volume.shape[1] * p.volume.shape[2] for p in sources if p.volume.planewise)
    thickest = PLANES_BYTES // section - 2 * halo_z if section else block[0]
    return triple([max(1, min(block[0], thickest)), block[1], block[2]])
