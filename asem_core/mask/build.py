"""The cell mask of a volume too large for memory: the same steps block by block, components across all blocks."""

from __future__ import annotations

import tempfile
from pathlib import Path

import attrs
import numpy as np

from asem_core.blocks.components import Components, connected_components
from asem_core.blocks.produce import produce
from asem_core.geometry import Box, Triple, triple
from asem_core.grid.mirror import read_mirrored
from asem_core.mask.steps import CellMask, Mask, filled, kept, rough_mask
from asem_core.preprocess.levels import level_count
from asem_core.progress import Progress, silent
from asem_core.volume.check import check_values
from asem_core.volume.convert import check_apart
from asem_core.volume.formats.ome_write import ArrayPlan, OmeVersion
from asem_core.volume.output import check_destination
from asem_core.volume.provenance import provenance
from asem_core.volume.staging import readable_by_blocks
from asem_core.volume.volume import Volume

BLOCK: Triple = (128, 128, 128)


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
        Folder to create, complete or absent.
    params
        By default the paper's.
    block
        Voxels per axis that are held at once, per thread. The result does not depend on it: it equals
        that of the whole volume at once.

    Raises
    ------
    VolumeError
        Other dtypes (`asem_core.volume.check.graded` brings them there), or floats outside [0, 1].
    OutputError
        See `complete_or_absent`.
    """
    params = params or CellMask()
    check_apart(volume, destination)
    check_destination(destination, overwrite=overwrite)
    level_count(volume.dtype)
    check_values(volume, progress=progress)
    size, context = volume.voxel_size, params.context(volume.voxel_size)
    side = triple([min(b, n) for b, n in zip(block, volume.shape, strict=True)])
    with (
        tempfile.TemporaryDirectory(prefix=f".{destination.name}.", dir=destination.parent) as name,
        readable_by_blocks(volume, Path(name) / "staged", progress=progress) as source,
    ):
        scratch = Path(name)

        def outside(box: Box) -> Mask:
            raw = read_mirrored(source.read, source.shape, box.grow(context))
            return ~rough_mask(raw, voxel_size=size, params=params)

        holes = connected_components(
            outside,
            volume.shape,
            connectivity=6,
            scratch=scratch / "holes",
            block=side,
            progress=progress,
            stage="holes",
        )
        fill = filled(holes.voxels, voxel_size=size, params=params)
        objects = connected_components(
            lambda box: fill[holes.ids(box)], volume.shape, connectivity=26, scratch=scratch / "objects", block=side,
            progress=progress, stage="objects",
        )  # fmt: skip
        keep = kept(objects.voxels, voxel_size=size, params=params)
        produce(
            destination,
            lambda box: {"image": keep[objects.ids(box)].view(np.uint8)},
            image=ArrayPlan(shape=volume.shape, dtype="uint8", chunk=side, reduction="mode"),
            voxel_size=size, lower_edge_nm=volume.lower_edge_nm, block=side, provenance=provenance(
                "asem mask", volume, params=attrs.asdict(params), voxel_size_nm=list(volume.voxel_size.zyx)
            ),
            stage="writing", ome_version=ome_version, overwrite=overwrite, progress=progress,
        )  # fmt: skip
    return _summary(volume, holes, fill, objects, keep)


def _summary(volume: Volume, holes: Components, fill: Mask, objects: Components, keep: Mask) -> MaskSummary:
    return MaskSummary(
        inside=float(objects.voxels[keep].sum() / volume.box.size),
        objects_kept=int(keep.sum()),
        objects_dropped=int(len(objects) - keep.sum()),
        holes_filled=int(fill[1:].sum()),
        voxels_filled=int(holes.voxels[fill].sum()),
        voxels_dropped=int(objects.voxels[~keep].sum()),
    )
