"""The clean-up rules on volumes too large for memory: `asem_core.labels.rules`, block by block, voxel for voxel.

Objects and holes are found in the whole volume, so that one that crosses blocks is judged as one.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import numpy.typing as npt

from asem_core.blocks.components import Components, Connectivity, connected_components
from asem_core.blocks.executors import map_blocks
from asem_core.geometry import Box, VoxelSize
from asem_core.grid.reference import scale_volume
from asem_core.labels.blocks import LabelBlocks
from asem_core.labels.rules import FillHoles, Labels, RemoveSmallObjects

_Flags = npt.NDArray[np.bool_]


def remove_small_objects(labels: LabelBlocks, *, voxel_size: VoxelSize, params: RemoveSmallObjects) -> LabelBlocks:
    """See `asem_core.labels.rules.remove_small_objects`. Counts ``objects_removed``."""
    objects = _components(labels, background=False, connectivity=26, sweep="finding objects")
    small = objects.voxels < scale_volume(params.min_voxels, voxel_size)
    small[0] = False

    def read(box: Box) -> Labels:
        found = labels.read(box)
        return np.where(objects.of_each(small, box), found.dtype.type(0), found)

    return labels.then(read, changes={"objects_removed": int(small.sum())})


def fill_holes(labels: LabelBlocks, *, voxel_size: VoxelSize, params: FillHoles) -> LabelBlocks:
    """See `asem_core.labels.rules.fill_holes`. Counts ``holes_filled``."""
    holes = _components(labels, background=True, connectivity=6, sweep="finding holes")
    filled = (holes.voxels < scale_volume(params.max_voxels, voxel_size)) & ~holes.on_face
    filled[0] = False
    around = _majority_around(labels, holes, filled)

    def read(box: Box) -> Labels:
        found = labels.read(box)
        return np.where(found == 0, holes.of_each(around, box), found)

    return labels.then(read, changes={"holes_filled": int(filled.sum())})


def _components(labels: LabelBlocks, *, background: bool, connectivity: Connectivity, sweep: str) -> Components:
    return connected_components(
        lambda box: (labels.read(box) == 0) == background,
        labels.shape,
        connectivity=connectivity,
        scratch=labels.scratch / sweep,
        block=labels.block,
        progress=labels.progress,
        sweep=sweep,
        each=labels.each,
    )


def _majority_around(labels: LabelBlocks, holes: Components, filled: _Flags) -> Labels:
    """Per hole the most frequent id of the voxels that share a face with it, the lowest on a tie; 0 if not filled."""
    tables = map_blocks(
        lambda box: _count_rims(labels, holes, filled, box),
        labels.blocks if filled.any() else [],
        sweep="looking around holes",
        progress=labels.progress,
    )
    majority = np.zeros(len(filled), labels.read(Box((0, 0, 0), (1, 1, 1))).dtype)
    if not tables:
        return majority
    hole, label, count = (np.concatenate(column) for column in zip(*tables, strict=True))
    labels_there, compact = np.unique(label, return_inverse=True)
    pairs, index = np.unique(np.stack([hole, compact], axis=1), axis=0, return_inverse=True)
    counts = np.bincount(index.ravel(), weights=count)
    order = np.lexsort((-pairs[:, 1], counts, pairs[:, 0]))  # the last one of every hole: most frequent, lowest id
    majority[pairs[order, 0]] = labels_there[pairs[order, 1]]
    return majority


def _count_rims(
    labels: LabelBlocks, holes: Components, filled: _Flags, box: Box
) -> tuple[npt.NDArray[np.int64], Labels, npt.NDArray[np.int64]]:
    """Hole, id and number of voxels of ``box`` that have the id and share a face with the hole."""
    found = labels.read(box)
    inside = box.grow(1).intersect(labels.box)
    ids = holes.ids(inside).astype(np.int64)
    ids = np.pad(np.where(filled[ids], ids, 0), [(a - b + 1, d - c + 1) for a, b, c, d in zip(
        inside.start, box.start, inside.stop, box.stop, strict=True)])  # fmt: skip
    voxels, beside = [], []
    for axis, step in product(range(3), (0, 2)):
        neighbours = ids[Box.of_shape(box.shape).shift([step if a == axis else 1 for a in range(3)]).slices]
        touching = np.flatnonzero((neighbours > 0) & (found != 0))
        voxels.append(touching)
        beside.append(neighbours.ravel()[touching])
    once = np.unique(np.stack([np.concatenate(voxels), np.concatenate(beside)], axis=1), axis=0)
    there, compact = np.unique(found.ravel()[once[:, 0]], return_inverse=True)
    pairs, count = np.unique(np.stack([once[:, 1], compact.ravel()], axis=1), axis=0, return_counts=True)
    return pairs[:, 0], there[pairs[:, 1]], count
