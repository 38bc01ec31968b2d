"""The cell mask of a volume too large for memory: the same steps block by block, components across all blocks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.blocks.components import Components, connected_components
from asem_core.blocks.job import Job, Run, produce, run
from asem_core.geometry import Box, Triple, triple
from asem_core.grid.mirror import read_mirrored
from asem_core.home import local_path
from asem_core.mask.steps import CellMask, Mask, filled, kept, rough_mask
from asem_core.preprocessing.levels import level_count
from asem_core.progress import Progress, silent
from asem_core.volume.check import check_values
from asem_core.volume.formats.ome_write import IMAGE, ArrayPlan, OmePlan, OmeVersion
from asem_core.volume.provenance import provenance
from asem_core.volume.staging import staged_bytes
from asem_core.volume.volume import Volume

BLOCK: Triple = (128, 128, 128)
_BYTES_OF_IDS = 8
"""Temporary, per voxel: the components of holes and of objects."""


@attrs.frozen(kw_only=True)
class MaskSummary:
    """What `make_mask` found."""

    inside: float
    """Fraction of the volume that is cell."""
    objects_kept: int
    objects_dropped: int
    holes_filled: int
    voxels_filled: int
    voxels_dropped: int


def make_mask(
    volume: Volume,
    destination: Path,
    *,
    params: CellMask | None = None,
    block: Triple = BLOCK,
    ome_version: OmeVersion = "0.4",
    overwrite: bool = False,
    progress: Progress = silent,
) -> MaskSummary:
    """Write the cell mask of ``volume`` as an OME-Zarr: uint8, 1 inside, 0 outside, on the volume's grid.

    Parameters
    ----------
    volume
        uint8, uint16, or floats in [0, 1].
    destination
        OME-Zarr to create.
    params
        By default the paper's.
    block
        Voxels per axis that are held at once, per thread. The result does not depend on it: it equals `cell_mask` of
        the whole volume.

    Raises
    ------
    VolumeError
        Other dtypes (`asem_core.volume.check.graded` brings them there), or floats outside [0, 1].
    OutputError
        See `asem_core.blocks.job.run`.
    """
    destination = local_path(destination)
    params = params or CellMask()
    level_count(volume.dtype)
    check_values(volume, progress=progress)
    size, context = volume.voxel_size, params.context(volume.voxel_size)
    side = triple([min(b, n) for b, n in zip(block, volume.shape, strict=True)])
    image = ArrayPlan(shape=volume.shape, dtype="uint8", chunk=side, reduction="mode")
    plan = OmePlan(image=image, voxel_size=size, lower_edge_nm=volume.lower_edge_nm, ome_version=ome_version)

    def compute(run: Run) -> Callable[[Box], Mapping[str, npt.NDArray[Any]]]:
        source = run.readable(volume)

        def outside(box: Box) -> Mask:
            raw = read_mirrored(source.read, source.shape, box.grow(context))
            return ~rough_mask(raw, voxel_size=size, params=params)

        holes = connected_components(
            outside, volume.shape, connectivity=6, scratch=run.scratch / "holes", block=side, progress=progress,
            stage="holes", each=run.temporary,
        )  # fmt: skip
        fill = filled(holes.voxels, voxel_size=size, params=params)
        objects = connected_components(
            lambda box: fill[holes.ids(box)], volume.shape, connectivity=26, scratch=run.scratch / "objects",
            block=side, progress=progress, stage="objects", each=run.temporary,
        )  # fmt: skip
        keep = kept(objects.voxels, voxel_size=size, params=params)
        run.results.update(attrs.asdict(_summary(volume, holes, fill, objects, keep)))
        return lambda box: {IMAGE: keep[objects.ids(box)].view(np.uint8)}

    made = run(
        Job(
            verb="asem mask", destination=destination, plan=plan, inputs={"source": volume},
            settings={"params": attrs.asdict(params)}, fill=produce(compute, stage="writing", block=side, plan=plan),
            provenance=provenance(
                "asem mask", volume, params=attrs.asdict(params), voxel_size_nm=list(volume.voxel_size.zyx)
            ),
            scratch_bytes=staged_bytes(volume) + _BYTES_OF_IDS * volume.box.size,
        ),
        overwrite=overwrite, progress=progress,
    )  # fmt: skip
    return MaskSummary(**made.results)


def _summary(volume: Volume, holes: Components, fill: Mask, objects: Components, keep: Mask) -> MaskSummary:
    return MaskSummary(
        inside=float(objects.voxels[keep].sum() / volume.box.size),
        objects_kept=int(keep.sum()),
        objects_dropped=int(len(objects) - keep.sum()),
        holes_filled=int(fill[1:].sum()),
        voxels_filled=int(holes.voxels[fill].sum()),
        voxels_dropped=int(objects.voxels[~keep].sum()),
    )
