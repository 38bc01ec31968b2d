"""The cell mask of a volume too large for memory: the same steps block by block, components across all blocks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.blocks.components import Components, connected_components
from asem_core.blocks.fill import Run, produce
from asem_core.blocks.job import Job, run
from asem_core.cluster import executing
from asem_core.geometry import Box, Triple, VoxelSize, triple
from asem_core.grid.mirror import read_mirrored
from asem_core.mask.resin import resin_level
from asem_core.mask.steps import CellMask, Mask, filled, kept, rough_mask
from asem_core.progress import Progress, silent
from asem_core.registry import Registry
from asem_core.volume.address import Location, destination_of
from asem_core.volume.check import check_grey, graded, settled_range
from asem_core.volume.formats.ome_write import IMAGE, ArrayPlan, OmePlan, OmeVersion
from asem_core.volume.grey import Grey
from asem_core.volume.opening import as_volume
from asem_core.volume.output import check_ome_name
from asem_core.volume.provenance import provenance
from asem_core.volume.staging import staged_bytes
from asem_core.volume.volume import Volume

if TYPE_CHECKING:
    from distributed import Client

    from asem_core.cluster import Dask

BLOCK: Triple = (128, 128, 128)
_BYTES_OF_IDS = 8
"""Temporary, per voxel: the components of holes and of objects."""


@attrs.frozen(kw_only=True)
class MaskSummary:
    """What `make_mask` found."""

    path: Location
    """The OME-Zarr."""
    high: float | None
    """Grey level (0..255) below which is cell; None: none was given, and the image shows no empty resin."""
    inside: float
    """Fraction of the volume that is cell."""
    objects_kept: int
    objects_dropped: int
    holes_filled: int
    voxels_filled: int
    voxels_dropped: int

    def __str__(self) -> str:
        return (
            f"{self.path}: {self.inside:.1%} inside{'' if self.high is None else f' (darker than {self.high:g})'}, "
            f"{self.objects_kept} objects kept, {self.objects_dropped} dropped ("
            f"{self.voxels_dropped:,} voxels), {self.holes_filled} holes filled ({self.voxels_filled:,} voxels)"
        )


def make_mask(
    volume: Volume | str | Path,
    output: str | Location,
    *,
    params: CellMask | Mapping[str, float | None] | None = None,
    registry: Registry | None = None,
    voxel_size: VoxelSize | Sequence[float] | None = None,
    grey: Grey = None,
    block: Triple = BLOCK,
    ome_version: OmeVersion | None = None,
    shard: int | Triple | None = None,
    overwrite: bool = False,
    executor: Dask | Client | None = None,
    progress: Progress = silent,
) -> MaskSummary:
    """Write the cell mask of ``volume`` as an OME-Zarr: uint8, 1 inside, 0 outside, on the volume's grid.

    Parameters
    ----------
    volume
        The image, or its address: ``(z, y, x)``, uint8, uint16, or floats in [0, 1].
    output
        OME-Zarr to create.
    params
        Thresholds and sizes, `CellMask` or its fields by name. The upper threshold is found from the image where it is
        not given; what else is not given is the paper's.
    registry
        By default everything installed.
    voxel_size
        nm (z, y, x), where the volume does not state it; see `open_volume`.
    grey
        The levels that become 0 and 255, `GreyRange`; ``"auto"``: found from the volume. By default the full range of
        its type.
    ome_version, shard
        Version of OME-Zarr, by default 0.4; sides in voxels of the files that hold chunks, then it is 0.5. By default
        every chunk is a file.
    executor
        Where blocks run: a `distributed.Client`, or what `asem_core.cluster.connect` gives; by default on this machine.
        Does not change the result.
    block
        Voxels per axis that are held at once, per thread. The result does not depend on it: it equals `cell_mask` of
        the whole volume.

    Raises
    ------
    VolumeError
        Other dtypes (``grey`` brings them there), floats outside [0, 1], or no image at all: see `check_grey`.
    OutputError
        ``output`` is named as another format; see also `asem_core.blocks.job.run`.

    Notes
    -----
    Method: Gallusser et al. 2022: thresholds, opening, closing, then small holes filled and small objects dropped. The
    paper took 180 of 255 for the upper threshold, for cells whose cytosol is darker; see `asem_core.mask.resin`.

    Examples
    --------
    >>> print(make_mask("cell.zarr", "mask.zarr", params={"high": 150}))  # doctest: +SKIP
    """
    destination = destination_of(output)
    check_ome_name(destination, "a mask")
    stored = as_volume(volume, registry=registry, voxel_size=voxel_size)
    range_ = settled_range(stored, grey)
    volume = graded(stored, range_)
    params = params if isinstance(params, CellMask) else CellMask(**dict(params or {}))  # type: ignore[arg-type]
    check_grey(stored, grey=range_, progress=progress)
    given = params
    if params.high is None:
        params = attrs.evolve(params, high=resin_level(volume))
    size, context = volume.voxel_size, params.context(volume.voxel_size)
    side = triple([min(b, n) for b, n in zip(block, volume.shape, strict=True)])
    image = ArrayPlan(shape=volume.shape, dtype="uint8", chunk=side, reduction="mode")
    plan = OmePlan(
        image=image, voxel_size=size, lower_edge_nm=volume.lower_edge_nm, ome_version=ome_version, shard=shard
    )

    def compute(run: Run) -> Callable[[Box], Mapping[str, npt.NDArray[Any]]]:
        source = run.readable(volume)

        def outside(box: Box) -> Mask:
            raw = read_mirrored(source.read, source.shape, box.grow(context))
            return ~rough_mask(raw, voxel_size=size, params=params)

        holes = connected_components(
            outside,
            volume.shape,
            connectivity=6,
            scratch=run.scratch / "holes",
            block=side,
            progress=progress,
            sweep="holes",
            each=run.temporary,
        )
        fill = filled(holes.voxels, voxel_size=size, params=params)
        objects = connected_components(
            lambda box: holes.of_each(fill, box),
            volume.shape,
            connectivity=26,
            scratch=run.scratch / "objects",
            block=side,
            progress=progress,
            sweep="objects",
            each=run.temporary,
        )
        keep = kept(objects.voxels, voxel_size=size, params=params)
        run.results.update(high=params.high, **_counts(volume, holes, fill, objects, keep))
        return lambda box: {IMAGE: objects.of_each(keep, box).view(np.uint8)}

    with executing(executor):
        made = run(
            Job(
                verb="asem mask",
                destination=destination,
                plan=plan,
                inputs={"source": volume},
                settings={"params": attrs.asdict(params)},
                fill=produce(compute, sweep="writing", block=side, plan=plan),
                provenance=provenance(
                    "asem mask",
                    volume,
                    params=attrs.asdict(params),
                    high_from="image" if given.high is None else "given",
                    voxel_size_nm=list(volume.voxel_size.zyx),
                ),
                scratch_bytes=staged_bytes(volume) + _BYTES_OF_IDS * volume.box.size,
            ),
            overwrite=overwrite,
            progress=progress,
        )
    return MaskSummary(path=made.path, **made.results)


def _counts(volume: Volume, holes: Components, fill: Mask, objects: Components, keep: Mask) -> dict[str, Any]:
    return {
        "inside": float(objects.voxels[keep].sum() / volume.box.size),
        "objects_kept": int(keep.sum()),
        "objects_dropped": int(len(objects) - keep.sum()),
        "holes_filled": int(fill[1:].sum()),
        "voxels_filled": int(holes.voxels[fill].sum()),
        "voxels_dropped": int(objects.voxels[~keep].sum()),
    }
