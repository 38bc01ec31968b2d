"""What the objects of a label volume or mask are: its own ids, or its connected components."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.blocks.components import connected_components
from asem_core.blocks.executors import map_blocks
from asem_core.errors import VolumeError
from asem_core.geometry import Box, Triple
from asem_core.progress import Progress, silent
from asem_core.volume.volume import Volume

Ids = npt.NDArray[np.integer[Any]]
Index = npt.NDArray[np.int64]


@attrs.frozen(kw_only=True, eq=False)
class Instances:
    """The objects of a volume."""

    ids: Ids
    """Of every object, ascending ``(n,)``: its label, or for components 1, 2, ... in the order of first voxels."""
    voxels: Index
    """Per object, how many ``(n,)``."""
    by: Literal["ids", "components"]
    """``"ids"``: as stored; ``"components"``: voxels that touch, at a corner at least, are one object."""
    read: Callable[[Box], Ids]
    """``read(box)``: the id of the object at every voxel of ``box`` ``(z, y, x)``, 0 for background."""

    def __len__(self) -> int:
        return len(self.ids)


def find_instances(
    labels: Volume, *, scratch: Path, block: Triple, progress: Progress = silent, sweep: str = "objects"
) -> Instances:
    """The objects of ``labels``.

    Two or more different values above 0 are ids of objects and taken as they are, even where an object is in pieces
    or touches another one. A single value (a mask: 0 and 1, 0 and 255) says nothing of objects: they are the
    26-connected components of the whole volume.

    Parameters
    ----------
    labels
        Integers or bool ``(z, y, x)``; read by blocks from several threads.
    scratch
        See `find_components`.

    Raises
    ------
    VolumeError
        Negative labels.
    """
    if labels.dtype != np.bool_:
        ids, voxels = _count(labels, block=block, progress=progress, sweep=f"{sweep}: ids")
        if len(ids) > 1:
            return Instances(ids=ids, voxels=voxels, by="ids", read=labels.read)
    return find_components(
        lambda box: labels.read(box) != 0, labels.shape, scratch=scratch, block=block, progress=progress, sweep=sweep
    )


def find_components(
    mask: Callable[[Box], npt.NDArray[np.bool_]],
    shape: Triple,
    *,
    scratch: Path,
    block: Triple,
    progress: Progress = silent,
    sweep: str = "objects",
) -> Instances:
    """The 26-connected components of a mask of ``shape``, as its objects.

    Parameters
    ----------
    mask
        ``mask(box)`` ``(z, y, x)``; called from several threads.
    scratch
        Folder that does not exist, for the ids of components, 4 bytes a voxel before compression; the caller removes
        it when the objects are no longer read.
    """
    found = connected_components(
        mask, shape, connectivity=26, scratch=scratch, block=block, progress=progress, sweep=sweep
    )
    return Instances(ids=np.arange(1, len(found) + 1), voxels=found.voxels[1:], by="components", read=found.ids)


def _count(labels: Volume, *, block: Triple, progress: Progress, sweep: str) -> tuple[Ids, Index]:
    """The values above 0, ascending, and how many voxels have each."""

    def count(box: Box) -> tuple[Ids, Index]:
        read = labels.read(box)
        values, counts = np.unique(read[read != 0], return_counts=True)  # background, most of it, is not sorted
        if len(values) and values[0] < 0:
            raise VolumeError(f"{labels.uri}: labels are not negative, found {values[0]}")
        return values, counts

    parts = map_blocks(count, list(labels.box.tiles(block)), sweep=sweep, progress=progress)
    values, index = np.unique(np.concatenate([v for v, _ in parts]), return_inverse=True)
    counts = np.bincount(index, weights=np.concatenate([c for _, c in parts])).astype(np.int64)
    return values, counts
