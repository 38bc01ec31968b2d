"""Labels that are read block by block, through every stage that they have passed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.blocks.components import Each
from asem_core.blocks.executors import map_blocks
from asem_core.errors import VolumeError
from asem_core.geometry import Box, Triple, VoxelSize
from asem_core.labels.rules import Labels
from asem_core.progress import Progress, silent
from asem_core.registry import resolve
from asem_core.specs import LabelRuleSpec
from asem_core.volume.staging import slabs_of
from asem_core.volume.volume import Volume


@attrs.frozen(kw_only=True)
class LabelBlocks:
    """Labels known by a function that gives any box of them, and where a stage may work.

    A stage returns another one whose function calls this one's: nothing is computed until a box is read.
    """

    read: Callable[[Box], Labels]
    """``read(box)``, a box inside the volume: its labels ``(z, y, x)``, integers >= 0."""
    shape: Triple
    scratch: Path
    """Folder for temporary files; who made it removes it when the labels are no longer read."""
    block: Triple
    """Voxels per axis in which a stage that must see the whole volume reads it."""
    progress: Progress = silent
    each: Each | None = None
    """How files of blocks are made in `scratch`, see `asem_core.blocks.components.connected_components`."""
    changes: Mapping[str, int] = attrs.field(factory=dict)
    """What the last stage did, such as ``objects_removed``."""

    def __reduce__(self) -> tuple[Callable[[], LabelBlocks], tuple[()]]:
        """In another process blocks are read: no sweep begins there."""
        known = attrs.asdict(self, recurse=False) | {"progress": silent, "each": None}
        return partial(LabelBlocks, **known), ()

    @property
    def box(self) -> Box:
        """The box of the whole volume."""
        return Box.of_shape(self.shape)

    @property
    def blocks(self) -> list[Box]:
        """The volume cut into `block`."""
        return list(self.box.tiles(self.block))

    def then(self, read: Callable[[Box], Labels], *, changes: Mapping[str, int] | None = None) -> LabelBlocks:
        """These labels after a stage that is ``read``."""
        return attrs.evolve(self, read=read, changes=changes or {})


def apply_rule(
    labels: LabelBlocks, spec: LabelRuleSpec, *, voxel_size: VoxelSize, params: attrs.AttrsInstance
) -> LabelBlocks:
    """``labels`` after the rule ``spec``: box by box the voxels that ``spec.fn`` gives on the whole array."""
    if spec.by_blocks is not None:
        found: LabelBlocks = resolve(spec.by_blocks)(labels, voxel_size=voxel_size, params=params)
        return found
    halo = resolve(spec.halo)(voxel_size, params) if spec.halo is not None else (0, 0, 0)
    on_array = partial(resolve(spec.fn), voxel_size=voxel_size, params=params)
    return labels.then(lambda box: with_halo(labels, box, halo, on_array))


def with_halo(
    labels: LabelBlocks, box: Box, halo: Triple, fn: Callable[[Labels], npt.NDArray[Any]]
) -> npt.NDArray[Any]:
    """``fn`` of the labels in ``box`` and ``halo`` voxels around it, as far as the volume goes; the halo is cut off."""
    around = box.grow(halo).intersect(labels.box)
    return np.asarray(fn(labels.read(around)))[box.shift([-s for s in around.start]).slices]


def check_ids(labels: Volume, *, progress: Progress = silent) -> None:
    """Stream through ``labels`` and refuse values below 0; unsigned ones pass unread.

    Raises
    ------
    VolumeError
        Names a value and the box that it is in.
    """

    def check(box: Box) -> None:
        lowest = labels.read(box).min()
        if lowest < 0:
            raise VolumeError(f"{labels.uri}: labels are integers >= 0, found {lowest} in box {box}")

    if labels.dtype.kind == "i":
        map_blocks(check, slabs_of(labels), sweep="checking labels", progress=progress)
