"""Which object every voxel belongs to: ids of labels, or connected components."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.analyze.view import View
from asem_core.blocks.components import connected_components
from asem_core.blocks.mapping import map_blocks
from asem_core.errors import VolumeError
from asem_core.geometry import Box

Index = npt.NDArray[np.int64]


@attrs.frozen(kw_only=True, eq=False)
class Instances:
    """The objects of a view, counted from 1; index 0 is background."""

    ids: Index
    """Per object, the name it goes by ``(n,)``: its label, or for components 1, 2, ... in the order of their first
    voxels (z, y, x)."""
    voxels: Index
    """Per object, how many ``(n,)``."""
    left_out: int
    """How many objects were smaller than asked for."""
    read: Callable[[Box], Index]
    """``read(box)``: the number of the object at every voxel of ``box``, which lies in the volume; 0 is background."""

    def __len__(self) -> int:
        return len(self.ids)


def find_instances(view: View, *, min_voxels: int = 1) -> Instances:
    """The objects of ``view`` that have at least ``min_voxels`` voxels.

    Labels of two or more values are taken as they are: each value is one object, in one piece or not. Probabilities,
    and labels of one value, are cut into components (26-connected).

    Raises
    ------
    VolumeError
        Negative labels.
    """
    if view.kind == "labels":
        values, counts = _count_labels(view)
        if len(values) > 1:
            return _of_labels(view, values, counts, min_voxels)
    found = connected_components(
        view.mask, view.objects.shape, connectivity=26, scratch=Path(tempfile.mkdtemp(dir=view.scratch)) / "ids",
        block=view.block, progress=view.progress, stage="finding objects",
    )  # fmt: skip
    keep = found.voxels >= max(min_voxels, 1)
    number = np.where(keep, np.cumsum(keep), 0)
    return Instances(
        ids=np.arange(1, keep.sum() + 1), voxels=found.voxels[keep], left_out=len(found) - int(keep.sum()),
        read=lambda box: number[found.ids(box)],
    )  # fmt: skip


def _count_labels(view: View) -> tuple[Index, Index]:
    """The values of the labels, ascending, and how many voxels have each."""

    def count(box: Box) -> tuple[Index, Index]:
        values, counts = np.unique(view.objects.read(box), return_counts=True)
        if values[0] < 0:
            raise VolumeError(f"{view.objects.uri}: labels are not negative, found {values[0]}")
        return values.astype(np.int64), counts

    parts = map_blocks(count, view.blocks, stage="reading labels", progress=view.progress)
    values, index = np.unique(np.concatenate([v for v, _ in parts]), return_inverse=True)
    counts = np.bincount(index, weights=np.concatenate([c for _, c in parts])).astype(np.int64)
    return values[values > 0], counts[values > 0]


def _of_labels(view: View, values: Index, counts: Index, min_voxels: int) -> Instances:
    keep = counts >= min_voxels
    kept = values[keep]

    def read(box: Box) -> Index:
        found = view.objects.read(box).astype(np.int64)
        number = np.minimum(np.searchsorted(kept, found), max(len(kept) - 1, 0))
        return np.where(kept[number] == found, number + 1, 0) if len(kept) else np.zeros_like(found)

    return Instances(ids=kept, voxels=counts[keep], left_out=int((~keep).sum()), read=read)
