"""Where in a volume the organelle is, coarsely: enough to accept or reject nearly every block without reading it."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.blocks.executors import Threads, map_blocks
from asem_core.geometry import Box, Triple, triple
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
class Places:
    """Starts of blocks in a volume, each once, in groups of neighbours."""

    first: npt.NDArray[np.int64]
    """``(groups, 3)``: the lowest start of each, z, y, x; below 0 where the volume is thinner than a block."""
    shape: npt.NDArray[np.int64]
    """``(groups, 3)``: how many starts it has along each axis."""
    ends: npt.NDArray[np.int64]
    """``(groups,)``: how many starts it and those before it have."""

    def __len__(self) -> int:
        return int(self.ends[-1]) if len(self.ends) else 0

    def __getitem__(self, number: int) -> Triple:
        if number >= len(self):
            raise IndexError(f"there are {len(self)} starts, got {number}")
        group = int(np.searchsorted(self.ends, number, side="right"))
        shape = self.shape[group]
        within = np.unravel_index(number - (self.ends[group] - shape.prod()), shape)
        return triple([int(a + b) for a, b in zip(self.first[group], within, strict=True)])


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

    def places(self, core: int, *, inside: float, organelle: float) -> Places:
        """Starts of blocks of ``core`` voxels that hold at least ``inside`` that count, ``organelle`` of the organelle.

        All such, and few others, as far as the counts tell. Where the volume is thinner, a block is centred on it.
        """
        spans = [_Span.of(n, core) for n in self.volume.labels.shape]
        possible = np.ones([len(span.first) for span in spans], np.bool_)
        for counts, least in ((self.inside, inside), (self.organelle, organelle)):
            if counts is not None:
                possible &= _within(counts, spans) >= least
        groups = np.nonzero(possible)
        shape = np.stack([span.count[at] for span, at in zip(spans, groups, strict=True)], axis=1)
        first = np.stack([span.first[at] for span, at in zip(spans, groups, strict=True)], axis=1)
        return Places(first=first, shape=shape, ends=shape.prod(axis=1).cumsum())

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


@attrs.frozen(kw_only=True, eq=False)
class _Span:
    """Groups of starts along an axis that share a first cell, and the cells that blocks which begin there may touch."""

    first: npt.NDArray[np.int64]
    count: npt.NDArray[np.int64]
    cells: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]
    """The first of them, and the one after the last."""

    @classmethod
    def of(cls, length: int, core: int) -> _Span:
        if length <= core:
            whole = np.array([0]), np.array([-(-length // _SIDE)])
            return cls(first=np.array([(length - core) // 2]), count=np.array([1]), cells=whole)
        first = np.arange(0, length - core + 1, _SIDE)
        count = np.minimum(_SIDE, length - core + 1 - first)
        return cls(first=first, count=count, cells=(first // _SIDE, (first + count + core - 2) // _SIDE + 1))


def _within(counts: Counts, spans: Sequence[_Span]) -> npt.NDArray[np.int64]:
    """The sum of ``counts`` over the cells of each group of starts."""
    total = counts.astype(np.int64)
    for axis, span in enumerate(spans):
        below = np.insert(total.cumsum(axis=axis), 0, 0, axis=axis)
        start, stop = span.cells
        total = below.take(stop, axis=axis) - below.take(start, axis=axis)
    return total


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
