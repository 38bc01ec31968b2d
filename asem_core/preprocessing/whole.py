"""A volume through preprocessors into an OME-Zarr."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from asem_core.blocks.fill import Run, produce
from asem_core.blocks.job import Job, run
from asem_core.cluster import executing
from asem_core.errors import OutputError
from asem_core.geometry import Box, BoxNm, Triple, VoxelSize, triple
from asem_core.home import local_path
from asem_core.params import as_stage
from asem_core.preprocessing.levels import level_count
from asem_core.preprocessing.stages import make_steps
from asem_core.preprocessing.statistics import check_store, normalised_by
from asem_core.progress import Progress, silent
from asem_core.registry import Registry, make_registry
from asem_core.specs import StageRef
from asem_core.volume.address import Location, destination_of
from asem_core.volume.check import check_grey, check_values, graded, settled_range
from asem_core.volume.formats.ome_write import IMAGE, ArrayPlan, OmePlan, OmeVersion
from asem_core.volume.grey import Grey
from asem_core.volume.opening import as_volume
from asem_core.volume.provenance import provenance
from asem_core.volume.staging import staged_bytes
from asem_core.volume.volume import Volume

if TYPE_CHECKING:
    from distributed import Client

    from asem_core.cluster import Dask

CHUNK: Triple = (128, 128, 128)
BLOCK: Triple = (128, 256, 256)


def preprocess(
    volume: Volume | str | Path,
    output: str | Location,
    *,
    stages: Sequence[StageRef | str],
    registry: Registry | None = None,
    voxel_size: VoxelSize | Sequence[float] | None = None,
    grey: Grey = None,
    roi: Box | BoxNm | None = None,
    statistics: str | Path | None = None,
    block: Triple = BLOCK,
    ome_version: OmeVersion | None = None,
    shard: int | Triple | None = None,
    overwrite: bool = False,
    executor: Dask | Client | None = None,
    progress: Progress = silent,
) -> Location:
    """Write a volume through preprocessors, as an OME-Zarr.

    Parameters
    ----------
    volume
        The image, or its address: ``(z, y, x)``, uint8, uint16 or float in [0, 1].
    output
        ``NAME.zarr``, on the volume's grid, in the type of the last stage (uint8 for those of core).
    stages
        In order: `StageRef`, or text such as ``"clahe"`` and ``"clahe:clip=0.01,kernel=64"``.
    registry
        By default everything installed.
    voxel_size
        nm (z, y, x), where the volume does not state it; see `open_volume`.
    grey
        The levels that become 0 and 255, `GreyRange`; ``"auto"``: found from the volume. By default the full range of
        its type.
    roi
        Write a part only. Statistics are those of the whole volume all the same: the result is the crop of the whole's.
    statistics
        A ``.npz`` file that keeps what was measured, and gives it to a later run on the same volume.
    ome_version, shard
        Version of OME-Zarr, by default 0.4; sides in voxels of the files that hold chunks, then it is 0.5. By default
        every chunk is a file.
    executor
        Where blocks run: a `distributed.Client`, or what `asem_core.cluster.connect` gives; by default on this machine.
        Does not change the result.
    block
        Voxels per axis that are computed at once; does not change the result.

    Returns
    -------
    Path or UPath
        Where the output lies.

    Raises
    ------
    AsemError
        No such stage or parameter, stages in an order that cannot be, a volume that is no image (`check_grey`), a
        destination in the way, a ROI outside, statistics of something else.

    Examples
    --------
    >>> preprocess("cell.zarr", "equal.zarr", stages=["clahe:clip=0.01"])  # doctest: +SKIP
    """
    registry = registry or make_registry()
    steps = make_steps([as_stage(stage) for stage in stages], registry)
    stored = as_volume(volume, registry=registry, voxel_size=voxel_size)
    range_ = settled_range(stored, grey)
    volume = graded(stored, range_)
    destination = destination_of(output)
    if destination.suffix != ".zarr":
        raise OutputError(f"{destination}: a normalised volume is written as NAME.zarr; convert it to TIFF afterwards")
    kept = None
    if statistics is not None:
        kept = check_store(local_path(statistics), volume, steps, inputs=[volume, destination])
    if steps and steps[0].any_range:
        level_count(volume.dtype)
        check_values(volume, progress=progress)
    else:
        check_grey(stored, grey=range_, progress=progress)
    part = volume.part(roi)
    lower, _ = part.to_nm(volume.voxel_size, origin_nm=volume.lower_edge_nm)
    chunk = triple([min(c, n) for c, n in zip(CHUNK, part.shape, strict=True)])
    dtype = steps[-1].spec.dtype_out if steps else volume.dtype
    image = ArrayPlan(shape=part.shape, dtype=np.dtype(dtype), chunk=chunk)
    plan = OmePlan(image=image, voxel_size=volume.voxel_size, lower_edge_nm=lower, ome_version=ome_version, shard=shard)
    settings = [step.settings for step in steps]

    def compute(run: Run) -> Callable[[Box], Mapping[str, npt.NDArray[Any]]]:
        source = run.readable(volume)
        store = kept or run.scratch / "statistics.npz"
        result = normalised_by(source, steps, store, progress=progress)
        return lambda box: {IMAGE: result.read(box.shift(part.start))}

    with executing(executor):
        return run(
            Job(
                verb="asem preprocess",
                destination=destination,
                plan=plan,
                inputs={"source": volume},
                settings={"stages": settings, "roi": str(part)},
                fill=produce(compute, sweep="normalising", block=block, plan=plan),
                provenance=provenance("asem preprocess", volume, part=part, stages=settings),
                scratch_bytes=staged_bytes(volume),
            ),
            overwrite=overwrite,
            progress=progress,
        ).path
