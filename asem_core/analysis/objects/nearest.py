"""The nearest neighbour of every object, between the nearest voxels of both, however far it is.

The voxels at the surface are kept on disk, a piece per object and block, and a piece is read only when the boxes around
pieces do not rule it out.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.analysis.instances import Numbered
from asem_core.analysis.view import View
from asem_core.blocks.executors import map_blocks
from asem_core.geometry import Box, VoxelSize
from asem_core.progress import Progress

if TYPE_CHECKING:
    from scipy.spatial import cKDTree

Index = npt.NDArray[np.int64]
_TIE_NM = 1e-6
"""Distances that differ by less are equal but for rounding."""
_FIRST = 32
"""Pairs of pieces that are put in order at once: hardly ever more need a look."""


@attrs.frozen(kw_only=True, eq=False)
class Pieces:
    """The surface voxels of all objects, cut into pieces, one entry each."""

    owner: Index
    """Number of the object ``(n,)``."""
    low: Index
    """Box around the voxels ``(n, 3)``, both ends inside."""
    high: Index
    first: Index
    """Which rows of the file of its block hold it ``(n, 2)``."""
    block: Index
    folder: Path

    def voxels(self, piece: int) -> Index:
        """Of one piece ``(m, 3)``."""
        a, b = self.first[piece]
        stored = np.load(self.folder / f"{self.block[piece]}.npy", mmap_mode="r")
        return np.asarray(stored[a:b], np.int64)


@attrs.frozen(kw_only=True, eq=False)
class Neighbours:
    """The nearest object of every object."""

    distance_nm: npt.NDArray[np.float64]
    """From voxel centre to voxel centre; NaN where there is no other object."""
    number: Index
    """Which one: the lowest number on a tie; 0 where there is none."""


def surface_pieces(view: View, instances: Numbered, folder: Path, *, name: str) -> Pieces:
    """Write the surface voxels of every block into ``folder``, which is made: those that share a face with a voxel of
    another object or of none."""
    folder.mkdir()
    blocks = view.blocks
    index = {box: place for place, box in enumerate(blocks)}

    def cut(box: Box) -> Index:
        around = box.grow(1).intersect(view.box)
        inner = box.shift([-a for a in around.start]).slices
        found = instances.read(around)
        voxels = np.argwhere(_at_surface(found)[inner])
        owner = found[inner][tuple(voxels.T)]
        order = np.argsort(owner, kind="stable")
        voxels, owner = voxels[order] + box.start, owner[order]
        np.save(folder / f"{index[box]}.npy", voxels.astype(np.int32))
        number, start = np.unique(owner, return_index=True)
        stop = np.append(start[1:], len(owner))
        if not len(number):
            return np.zeros((0, 10), np.int64)
        low, high = (f.reduceat(voxels, start, axis=0) for f in (np.minimum, np.maximum))
        return np.column_stack([number, low, high, start, stop, np.full(len(number), index[box])])

    rows = np.concatenate(map_blocks(cut, blocks, sweep=f"surface of {name}", progress=view.progress))
    return Pieces(
        owner=rows[:, 0], low=rows[:, 1:4], high=rows[:, 4:7], first=rows[:, 7:9], block=rows[:, 9], folder=folder
    )


def nearest(
    mine: Pieces, theirs: Pieces, *, count: int, voxel_size: VoxelSize, sweep: str, progress: Progress
) -> Neighbours:
    """For each of the ``count`` objects of ``mine``, the nearest one of ``theirs``; itself is none where both are one.

    Objects of two organelles that overlap without crossing surfaces are as far as their surfaces.
    """
    from scipy.spatial import cKDTree

    size = np.array(voxel_size.zyx)

    @lru_cache(maxsize=64)
    def tree(piece: int) -> cKDTree:
        return cKDTree(theirs.voxels(piece) * size)

    @lru_cache(maxsize=64)
    def points(piece: int) -> npt.NDArray[np.float64]:
        return np.asarray(mine.voxels(piece) * size)

    best = Neighbours(distance_nm=np.full(count, np.nan), number=np.zeros(count, np.int64))
    for number in range(1, count + 1):
        progress(sweep, number - 1, count)
        distance, other = np.inf, 0
        candidates = np.flatnonzero(theirs.owner != number) if theirs is mine else np.arange(len(theirs.owner))
        own = np.flatnonzero(mine.owner == number)
        for gap, piece, candidate in _by_gap(mine, own, theirs, candidates, size):
            if gap > distance:
                break
            found, _ = tree(candidate).query(points(piece), distance_upper_bound=distance + _TIE_NM)
            closest = (float(found.min()), int(theirs.owner[candidate]))
            distance, other = min((distance, other), closest) if other else closest
        if other:
            best.distance_nm[number - 1], best.number[number - 1] = distance, other
    progress(sweep, count, count)
    return best


def _by_gap(
    mine: Pieces, own: Index, theirs: Pieces, candidates: Index, size: npt.NDArray[np.float64]
) -> Iterator[tuple[float, int, int]]:
    """Pairs of pieces with the distance of their boxes in nm, the nearest first."""
    gaps = np.zeros((len(own), len(candidates)))
    for row, piece in enumerate(own):
        apart = np.maximum(theirs.low[candidates] - mine.high[piece], mine.low[piece] - theirs.high[candidates])
        gaps[row] = np.linalg.norm(np.maximum(apart, 0) * size, axis=1)
    for place in _ascending(gaps.ravel()):
        row, column = divmod(int(place), len(candidates))
        yield float(gaps[row, column]), int(own[row]), int(candidates[column])


def _ascending(values: npt.NDArray[np.float64]) -> Iterator[int]:
    """The order of ``values``, of equal ones by place; whoever wants the first few does not wait for all."""
    if len(values) <= _FIRST:
        yield from np.argsort(values, kind="stable")
        return
    most = np.partition(values, _FIRST)[_FIRST]
    for part in (values <= most, values > most):
        places = np.flatnonzero(part)
        yield from places[np.argsort(values[places], kind="stable")]


def _at_surface(found: Index) -> npt.NDArray[np.bool_]:
    surface = np.zeros(found.shape, np.bool_)
    for axis in range(3):
        a, b = (tuple(s if k == axis else slice(None) for k in range(3)) for s in (slice(None, -1), slice(1, None)))
        differ = found[a] != found[b]
        surface[a] |= differ
        surface[b] |= differ
    return surface & (found > 0)
