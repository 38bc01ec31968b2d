"""The objects of a mask too large for memory, those that touch told apart, whatever the blocks.

Sweeps::

    heights and basins    of every block, with context; on disk
    joining basins        an ascent that left its block goes on in the next one
    saddles               of every block, between basins of the whole volume
    merging               basins into objects, in memory
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.blocks.components import Each
from asem_core.blocks.executors import map_blocks
from asem_core.blocks.local_ids import LocalIds
from asem_core.geometry import Box, Triple, VoxelSize
from asem_core.progress import Progress
from asem_core.separation.basins import climb
from asem_core.separation.height import heights, reach
from asem_core.separation.merge import merge
from asem_core.separation.saddles import Saddles, highest, saddles
from asem_core.specs import Separation
from asem_core.volume.formats.zarr_array import block_files, temporary_array

Index = npt.NDArray[np.int64]


@attrs.frozen(kw_only=True, eq=False)
class Objects:
    """The objects of a mask, numbered from 1 in the order of their first voxels (z, y, x); 0 is all else."""

    voxels: Index
    """Per id, how many; 0 for id 0."""
    basins: int
    """Of how many basins they were made."""
    dropped_voxels: int
    """In the mask, but in no object."""
    _local: LocalIds
    _object: npt.NDArray[np.uint32]

    def __len__(self) -> int:
        return len(self.voxels) - 1

    def ids(self, box: Box) -> npt.NDArray[np.uint32]:
        """The id of every voxel of ``box``, which lies in the volume; ``(z, y, x)``."""
        return self._local.look_up(box, self._object)


def separate(
    mask: Callable[[Box], npt.NDArray[np.bool_]],
    shape: Triple,
    *,
    voxel_size: VoxelSize,
    separation: Separation,
    scratch: Path,
    block: Triple,
    each: Each,
    progress: Progress,
) -> Objects:
    """Tell the objects of a mask apart.

    Parameters
    ----------
    mask
        ``mask(box)`` gives the mask in ``box`` ``(z, y, x)``; called from several threads.
    shape
        Of the whole volume.
    scratch
        Folder for heights and basins (8 bytes a voxel before compression). It must stay as long as `Objects.ids` is
        used. What is there already must come from the same mask and parameters, with the same ``each``.
    block
        Voxels per axis of a block. The result does not depend on it.
    each
        Calls a function for every block that is not done yet, such as `asem_core.blocks.fill.Run.temporary`.

    Returns
    -------
    Objects
        In memory: about 50 bytes per basin and block that it lies in.
    """
    store = _Store.open(scratch, shape, block)
    blocks = list(store.volume.tiles(block))
    cut = partial(_cut, store, mask, voxel_size=voxel_size, reach_nm=separation.reach_nm)
    each("heights and basins", blocks, cut)
    found = [_Found.load(scratch, box) for box in blocks]
    store = attrs.evolve(store, ids=store.ids.counted([len(f.end) for f in found]))
    ends = map_blocks(lambda box: _next(store, box), blocks, sweep="joining basins", progress=progress)
    basins = _join(found, np.concatenate([[0], *ends]))
    met = map_blocks(lambda box: _saddles(store, basins, box), blocks, sweep="saddles", progress=progress)
    between = highest(*(np.concatenate([getattr(part, name) for part in met]) for name in ("pairs", "height")))
    of = merge(basins.peak, basins.voxels, between, separation=separation, voxel_size=voxel_size)
    return _number(basins, of, store.ids)


@attrs.frozen(kw_only=True, eq=False)
class _Store:
    """What the blocks have written."""

    volume: Box
    folder: Path
    heights: Any
    ids: LocalIds

    @classmethod
    def open(cls, folder: Path, shape: Triple, block: Triple) -> _Store:
        array = temporary_array(folder / "heights", shape=shape, dtype="int32", chunk=block)
        return cls(volume=Box.of_shape(shape), folder=folder, heights=array, ids=LocalIds.open(folder, shape, block))

    def ring(self, box: Box) -> Box:
        """``box`` and the voxels around it that are there."""
        return box.grow(1).intersect(self.volume)


@attrs.frozen(kw_only=True, eq=False)
class _Found:
    """The basins of one block, one entry each; voxels by their raster index in the whole volume."""

    end: Index
    """See `asem_core.separation.basins.Basins`."""
    height: npt.NDArray[np.int32]
    """Of the end."""
    voxels: Index
    first: Index

    def save(self, folder: Path, box: Box) -> Path:
        """Keep it for `load`; the file."""
        path = _found_path(folder, box)
        path.parent.mkdir(exist_ok=True)
        np.savez(path, **attrs.asdict(self))
        return path

    @classmethod
    def load(cls, folder: Path, box: Box) -> _Found:
        with np.load(_found_path(folder, box)) as file:
            return cls(**file)


def _found_path(folder: Path, box: Box) -> Path:
    return folder / "found" / f"{'_'.join(map(str, box.start))}.npz"


@attrs.frozen(kw_only=True, eq=False)
class _Basins:
    """The basins of the whole volume, one entry each, in the order of their peaks (z, y, x)."""

    of: Index
    """Per basin of a block, in the common count, its number here from 1; 0 for 0."""
    peak: npt.NDArray[np.int32]
    voxels: Index
    first: Index


def _cut(
    store: _Store,
    mask: Callable[[Box], npt.NDArray[np.bool_]],
    box: Box,
    *,
    voxel_size: VoxelSize,
    reach_nm: float,
) -> Sequence[Path]:
    ring = store.ring(box)
    around = ring.grow(reach(voxel_size, reach_nm)).intersect(store.volume)
    inside, inner = mask(around), ring.shift([-a for a in around.start]).slices
    if inside[inner].any():
        height = heights(inside, voxel_size=voxel_size, reach_nm=reach_nm)[inner]
    else:
        height = np.full(ring.shape, -1, np.int32)
    core = box.shift([-a for a in ring.start])
    found = climb(height, core)

    def index(voxels: Index) -> Index:
        flat = np.ravel_multi_index(tuple((voxels + ring.start).T), store.volume.shape)
        return np.asarray(flat, np.int64)

    kept = _Found(
        end=index(found.end), height=height[tuple(found.end.T)], voxels=found.voxels, first=index(found.first)
    )
    store.heights[box.slices] = height[core.slices]
    return [*block_files(store.heights, box), *store.ids.write(box, found.ids), kept.save(store.folder, box)]


def _next(store: _Store, box: Box) -> Index:
    """Per basin of a block the basin in which its ascent ends, in the common count: another one where it left."""
    ring = store.ring(box)
    end = np.stack(np.unravel_index(_Found.load(store.folder, box).end, store.volume.shape), axis=1)
    ids = store.ids.read(ring)
    return np.asarray(ids[tuple((end - ring.start).T)])


def _join(found: Sequence[_Found], to: Index) -> _Basins:
    while not np.array_equal(further := to[to], to):
        to = further
    end, height, voxels, first = (
        np.concatenate([[0], *(getattr(f, name) for f in found)]) for name in ("end", "height", "voxels", "first")
    )
    peaks = np.flatnonzero(to == np.arange(len(to)))[1:]
    peaks = peaks[np.argsort(end[peaks])]
    of = np.zeros(len(to), np.int64)
    of[peaks] = np.arange(1, len(peaks) + 1)
    of = of[to]
    earliest = np.full(len(peaks) + 1, np.iinfo(np.int64).max)
    np.minimum.at(earliest, of, first)
    counts = np.bincount(of, weights=voxels, minlength=len(peaks) + 1).astype(np.int64)
    return _Basins(of=of, peak=height[peaks].astype(np.int32), voxels=counts[1:], first=earliest[1:])


def _saddles(store: _Store, basins: _Basins, box: Box) -> Saddles:
    """At the voxels of ``box``, between basins of the whole volume from 0."""
    ring = store.ring(box)
    height = np.asarray(store.heights[ring.slices])
    found = saddles(basins.of[store.ids.read(ring)], height, box.shift([-a for a in ring.start]))
    return attrs.evolve(found, pairs=found.pairs - 1)


def _number(basins: _Basins, of: Index, ids: LocalIds) -> Objects:
    kept = np.flatnonzero(of >= 0)
    stands = np.unique(of[kept])
    earliest = np.full(len(of), np.iinfo(np.int64).max)
    np.minimum.at(earliest, of[kept], basins.first[kept])
    number = np.zeros(len(of) + 1, np.uint32)
    number[stands[np.argsort(earliest[stands])]] = np.arange(1, len(stands) + 1)
    object_of = number[of]  # -1, what is dropped, finds the last: 0
    counts = np.bincount(object_of, weights=basins.voxels, minlength=len(stands) + 1).astype(np.int64)
    return Objects(
        voxels=np.concatenate([[0], counts[1:]]),
        basins=len(of),
        dropped_voxels=int(counts[0]),
        local=ids,
        object=np.concatenate([[0], object_of])[basins.of].astype(np.uint32),
    )
