"""Where in a volume the organelle is, coarsely: enough to accept or reject nearly every block without reading it."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.blocks.executors import Threads, map_blocks
from asem_core.geometry import Box
from asem_core.processors import processors
from asem_core.progress import Progress, silent
from asem_core.training.volumes import OpenedVolume

_SIDE = 8
"""Voxels per axis of a cell."""
_TILE = (64, 256, 256)
"""What is counted at once; whole cells."""
_AT_ONCE = 2

Counts = npt.NDArray[np.uint16]


@attrs.frozen(kw_only=True, eq=False)
class Occupancy:
    """Voxels of the organelle, and voxels that count, per cell of a volume; what these leave open is read."""

    volume: OpenedVolume
    organelle: Counts
    """``(z, y, x)`` cells; of the voxels that count."""
    inside: Counts | None
    """Alike: voxels that count; None: all do."""

    @classmethod
    def of(cls, volume: OpenedVolume, *, progress: Progress = silent) -> Occupancy:
        """Count ``volume``, tile by tile."""

        def count(tile: Box) -> tuple[Counts, Counts | None]:
            ones, inside = _read(volume, tile)
            return _per_cell(ones), None if inside is None else _per_cell(inside)

        cells = [-(-n // _SIDE) for n in volume.labels.shape]
        organelle = np.zeros(cells, np.uint16)
        within = None if volume.inside is None else np.zeros(cells, np.uint16)
        tiles = list(Box.of_shape(volume.labels.shape).tiles(_TILE))
        executor = Threads(min(_AT_ONCE, processors()))
        counted = map_blocks(count, tiles, sweep="count labels", progress=progress, executor=executor)
        for tile, (ones, inside) in zip(tiles, counted, strict=True):
            at = _cells(tile).slices
            organelle[at] = ones
            if within is not None and inside is not None:
                within[at] = inside
        return cls(volume=volume, organelle=organelle, inside=within)

    def counts(self, box: Box, voxels: float) -> bool:
        """Whether at least ``voxels`` of ``box``, which lies in the volume, count."""
        least, most = self._bounds(self.inside, box)
        if not least < voxels <= most:
            return least >= voxels
        return self._exact(box)[1] >= voxels

    def is_scarce(self, box: Box, fraction: float) -> bool:
        """Whether less than ``fraction`` of the voxels of ``box`` that count are the organelle."""
        least, most = self._bounds(self.organelle, box)
        fewest, all_ = self._bounds(self.inside, box)
        if most < fraction * fewest:
            return True
        if least >= fraction * all_:
            return False
        organelle, inside = self._exact(box)
        return organelle < fraction * inside

    def _bounds(self, counts: Counts | None, box: Box) -> tuple[int, int]:
        """Between which numbers the count of ``box`` lies."""
        if counts is None:
            return box.size, box.size
        cells = _cells(box)
        size = _overlap(Box.of_shape(self.volume.labels.shape), cells)
        shared = _overlap(box, cells)
        found = counts[cells.slices].astype(np.int64)
        return int(np.maximum(found - size + shared, 0).sum()), int(np.minimum(found, shared).sum())

    def _exact(self, box: Box) -> tuple[int, int]:
        ones, inside = _read(self.volume, box)
        return int(ones.sum(dtype=np.int64)), box.size if inside is None else int(inside.sum(dtype=np.int64))


def _read(volume: OpenedVolume, box: Box) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8] | None]:
    """The organelle where it counts, and where voxels count."""
    labels = volume.labels[box.slices]
    if volume.inside is None:
        return labels, None
    inside = volume.inside[box.slices]
    return labels * inside, inside


def _cells(box: Box) -> Box:
    """The cells that ``box`` touches."""
    aligned = box.align_out(_SIDE)
    return Box([a // _SIDE for a in aligned.start], [b // _SIDE for b in aligned.stop])


def _overlap(box: Box, cells: Box) -> npt.NDArray[np.int64]:
    """How many voxels of each of ``cells`` lie in ``box``."""
    spans = []
    for a, b, first, last in zip(box.start, box.stop, cells.start, cells.stop, strict=True):
        lower = _SIDE * np.arange(first, last)
        spans.append((np.minimum(lower + _SIDE, b) - np.maximum(lower, a)).clip(0))
    z, y, x = spans
    return np.asarray(z[:, None, None] * y[None, :, None] * x[None, None, :], np.int64)


def _per_cell(ones: npt.NDArray[np.uint8]) -> Counts:
    total: npt.NDArray[np.uint16] = ones.astype(np.uint16)
    for axis, n in enumerate(ones.shape):
        total = np.add.reduceat(total, np.arange(0, n, _SIDE), axis=axis)
    return total
