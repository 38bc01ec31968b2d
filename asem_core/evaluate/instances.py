"""What the objects of a label volume are: its own ids, or its connected components."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.blocks.components import connected_components
from asem_core.blocks.mapping import map_blocks
from asem_core.geometry import Box, Triple
from asem_core.progress import Progress, silent
from asem_core.volume.volume import Volume

Ids = npt.NDArray[np.integer[Any]]


@attrs.frozen(kw_only=True)
class Instances:
    """The object that every voxel belongs to."""

    read: Callable[[Box], Ids]
    """``read(box)``: ids ``(z, y, x)``, 0 for background."""
    by: Literal["ids", "components"]
    """``"ids"``: as stored; ``"components"``: voxels that touch, at a corner at least, are one object."""


def find_instances(
    labels: Volume, *, scratch: Path, block: Triple, progress: Progress = silent, stage: str = "objects"
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
        Folder that does not exist, for the ids of components, 4 bytes a voxel before compression; the caller removes
        it when the objects are no longer read.
    """
    if _hold_ids(labels, block=block, progress=progress, stage=stage):
        return Instances(read=labels.read, by="ids")
    components = connected_components(
        lambda box: labels.read(box) != 0, labels.shape, connectivity=26, scratch=scratch, block=block,
        progress=progress, stage=stage,
    )  # fmt: skip
    return Instances(read=components.ids, by="components")


def _hold_ids(labels: Volume, *, block: Triple, progress: Progress, stage: str) -> bool:
    if labels.dtype == np.bool_:
        return False

    def extremes(box: Box) -> set[int]:
        values = labels.read(box)
        values = values[values != 0]
        return {int(values.min()), int(values.max())} if values.size else set()

    found = map_blocks(extremes, list(labels.box.tiles(block)), stage=f"{stage}: ids", progress=progress)
    return len(set().union(*found)) > 1
