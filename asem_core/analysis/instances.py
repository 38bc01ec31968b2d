"""The objects that an analysis measures, counted from 1."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import attrs
import numpy as np

from asem_core.analysis.view import View
from asem_core.errors import VolumeError
from asem_core.geometry import Box
from asem_core.labels.instances import Index, Instances, find_components, find_instances

_LARGEST = int(np.iinfo(np.int64).max)


@attrs.frozen(kw_only=True, eq=False)
class Numbered:
    """The objects of a view, counted from 1; 0 is background."""

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


def number_objects(view: View, *, min_voxels: int = 1) -> Numbered:
    """The objects of ``view`` that have at least ``min_voxels`` voxels.

    Labels of two or more values are taken as they are: each value is one object, in one piece or not. Probabilities,
    and labels of one value, are cut into components (26-connected).

    Raises
    ------
    VolumeError
        Negative labels, or such as a table cannot hold: 2^63 and more.
    """
    found = _find(view)
    if len(found.ids) and int(found.ids.max()) > _LARGEST:
        raise VolumeError(
            f"{view.objects.uri} holds {found.ids.max()}, which is no id (the largest is {_LARGEST}): write 0 there if "
            "it is background, or number the objects anew"
        )
    keep = found.voxels >= max(min_voxels, 1)
    kept = found.ids[keep]

    def read(box: Box) -> Index:
        ids = found.read(box)
        numbers = np.zeros(ids.shape, np.int64)
        inside = ids != 0  # most voxels are background, and a search for each would be most of the time
        if len(kept) and inside.any():
            wanted = ids[inside]
            place = np.minimum(np.searchsorted(kept, wanted), len(kept) - 1)
            numbers[inside] = np.where(kept[place] == wanted, place + 1, 0)
        return numbers

    names = kept.astype(np.int64) if found.by == "ids" else np.arange(1, len(kept) + 1)
    return Numbered(ids=names, voxels=found.voxels[keep], left_out=int((~keep).sum()), read=read)


def _find(view: View) -> Instances:
    scratch = Path(tempfile.mkdtemp(dir=view.scratch)) / "ids"
    if view.kind == "labels":
        return find_instances(view.objects, scratch=scratch, block=view.block, progress=view.progress)
    return find_components(view.mask, view.objects.shape, scratch=scratch, block=view.block, progress=view.progress)
