"""Connected components of a mask too large for memory.

Every block is labelled by itself; ids that meet across the faces of blocks are then merged::

    +-----+-----+        1 | 1             1 | 1
    |  1  |  1  |   ->  ---+---   ->      ---+---     ids in the order of each component's first voxel (z, y, x):
    +-----+-----+        1 | 2             1 | 2      they do not depend on the blocks
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from typing import Literal, TypeVar

import attrs
import numpy as np
import numpy.typing as npt
from scipy import ndimage, sparse

from asem_core.blocks.executors import map_blocks
from asem_core.blocks.local_ids import LocalIds
from asem_core.geometry import Box, Triple
from asem_core.progress import Progress, silent

Connectivity = Literal[6, 26]
Ids = npt.NDArray[np.uint32]
V = TypeVar("V", bound=np.generic)
Each = Callable[[str, Sequence[Box], Callable[[Box], Sequence[Path]]], None]
"""``each(sweep, blocks, write)`` calls ``write`` for every block; the paths of the files that it wrote are returned."""


@attrs.frozen(kw_only=True, eq=False)
class Components:
    """The components of a mask, numbered from 1 in the order of their first voxels; 0 is what is not in the mask."""

    voxels: npt.NDArray[np.int64]
    """Per id, how many voxels; 0 for id 0."""
    on_face: npt.NDArray[np.bool_]
    """Per id, whether it touches a face of the volume; False for id 0."""
    _local: LocalIds
    _merged: Ids

    def __len__(self) -> int:
        return len(self.voxels) - 1

    def ids(self, box: Box) -> Ids:
        """The id of every voxel of ``box``, which lies in the volume; ``(z, y, x)`` uint32."""
        return self._local.look_up(box, self._merged)

    def of_each(self, values: npt.NDArray[V], box: Box) -> npt.NDArray[V]:
        """``values[ids(box)]`` of values by id, entry 0 for what is not in the mask."""
        return self._local.look_up(box, self._merged, values)


def connected_components(
    read: Callable[[Box], npt.NDArray[np.bool_]],
    shape: Triple,
    *,
    connectivity: Connectivity,
    scratch: Path,
    block: Triple,
    progress: Progress = silent,
    sweep: str = "components",
    each: Each | None = None,
) -> Components:
    """Label a mask block by block.

    Parameters
    ----------
    read
        ``read(box)`` gives the mask in ``box`` ``(z, y, x)``; called once per block, from several threads.
    shape
        Of the whole volume.
    connectivity
        6: over faces; 26: over faces, edges and corners.
    scratch
        Folder for the ids of the blocks (4 bytes a voxel before compression). It must stay as long as `Components.ids`
        is used; the caller removes it. What is there already must come from the same mask, with the same ``each``.
    block
        Voxels per axis of a block. The result does not depend on it.
    each
        Calls a function for every block that is not done yet, such as `asem_core.blocks.job.Run.temporary`; by default
        for all.

    Returns
    -------
    Components
        In memory: about 25 bytes per component of a single block.
    """
    volume = Box.of_shape(shape)
    structure = ndimage.generate_binary_structure(3, 1 if connectivity == 6 else 3)
    local = LocalIds.open(scratch, shape, block)

    def label(box: Box) -> list[Path]:
        ids, count = ndimage.label(read(box), structure=structure)
        return [*local.write(box, ids), _measure(ids, count, box, volume).save(scratch, box)]

    blocks = list(volume.tiles(block))
    if each is not None:
        each(sweep, blocks, label)
    else:
        map_blocks(label, blocks, sweep=sweep, progress=progress)
    found = [_Found.load(scratch, box) for box in blocks]
    local = local.counted([len(f.voxels) for f in found])
    pairs = map_blocks(
        lambda box: _meeting(local, box, volume, connectivity), blocks, sweep=f"{sweep}: merging", progress=progress
    )
    return _merge(local, found, np.concatenate([np.empty((0, 2), np.int64), *pairs]))


@attrs.frozen(kw_only=True, eq=False)
class _Found:
    """The components of one block, one entry each."""

    voxels: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]
    """Raster index of the first voxel in the whole volume."""
    on_face: npt.NDArray[np.bool_]

    def save(self, folder: Path, box: Box) -> Path:
        """Keep it for `load`; the file."""
        path = _found_path(folder, box)
        path.parent.mkdir(exist_ok=True)
        np.savez(path, voxels=self.voxels, first=self.first, on_face=self.on_face)
        return path

    @classmethod
    def load(cls, folder: Path, box: Box) -> _Found:
        with np.load(_found_path(folder, box)) as file:
            return cls(voxels=file["voxels"], first=file["first"], on_face=file["on_face"])


def _found_path(folder: Path, box: Box) -> Path:
    return folder / "found" / f"{'_'.join(map(str, box.start))}.npz"


def _measure(ids: npt.NDArray[np.int32], count: int, box: Box, volume: Box) -> _Found:
    flat = ids.ravel()
    runs = np.concatenate([[0], np.flatnonzero(flat[1:] != flat[:-1]) + 1])
    of = flat[runs]
    first = np.zeros(count + 1, np.int64)
    first[of[::-1]] = runs[::-1]  # of repeated ids the last assignment stays: the smallest index
    place = np.array(np.unravel_index(first[1:], box.shape)) + np.reshape(box.start, (3, 1))
    on_face = np.zeros(count + 1, np.bool_)
    for axis in range(3):
        for end, at in ((box.start[axis] == volume.start[axis], 0), (box.stop[axis] == volume.stop[axis], -1)):
            if end:
                on_face[np.take(ids, at, axis=axis)] = True
    return _Found(
        voxels=np.bincount(of, weights=np.diff(runs, append=len(flat)), minlength=count + 1)[1:].astype(np.int64),
        first=np.ravel_multi_index(tuple(place), volume.shape).astype(np.int64),
        on_face=on_face[1:],
    )


def _meeting(local: LocalIds, box: Box, volume: Box, connectivity: Connectivity) -> npt.NDArray[np.int64]:
    """Pairs of ids ``(n, 2)`` that meet across the lower faces of ``box``."""
    reach = 1 if connectivity == 26 else 0
    pairs = [np.empty((0, 2), np.int64)]
    for axis in range(3):
        if box.start[axis] == volume.start[axis]:
            continue
        above = _plane(box, axis, box.start[axis])
        below = _plane(box, axis, box.start[axis] - 1).grow([0 if a == axis else reach for a in range(3)])
        inside = below.intersect(volume)
        ids = local.read(above)
        around = np.zeros(below.shape, np.int64)
        around[inside.shift([-s for s in below.start]).slices] = local.read(inside)
        for shift in product(*(range(n - m + 1) for n, m in zip(below.shape, above.shape, strict=True))):
            beside = around[Box.of_shape(above.shape).shift(shift).slices]
            both = (ids > 0) & (beside > 0)
            pairs.append(np.unique(np.stack([ids[both], beside[both]], axis=1), axis=0))
    return np.unique(np.concatenate(pairs), axis=0)


def _plane(box: Box, axis: int, at: int) -> Box:
    start, stop = list(box.start), list(box.stop)
    start[axis], stop[axis] = at, at + 1
    return Box(start, stop)


def _merge(local: LocalIds, found: list[_Found], pairs: npt.NDArray[np.int64]) -> Components:
    voxels, first, on_face = (
        np.concatenate([getattr(f, name) for f in found]) for name in ("voxels", "first", "on_face")
    )
    n = len(voxels)
    graph = sparse.coo_matrix((np.ones(len(pairs), np.bool_), (pairs[:, 0] - 1, pairs[:, 1] - 1)), shape=(n, n))
    count, component = sparse.csgraph.connected_components(graph, directed=False)
    earliest = np.full(count, np.iinfo(np.int64).max)
    np.minimum.at(earliest, component, first)
    rank = np.empty(count, np.int64)
    rank[np.argsort(earliest)] = np.arange(count)
    final = rank[component] + 1
    return Components(
        voxels=np.bincount(final, weights=voxels, minlength=count + 1).astype(np.int64),
        on_face=np.bincount(final, weights=on_face, minlength=count + 1) > 0,
        local=local,
        merged=np.concatenate([[0], final]).astype(np.uint32),
    )
