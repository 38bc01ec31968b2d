"""A volume through preprocessors into an OME-Zarr."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from asem_core.blocks.produce import produce
from asem_core.errors import OutputError
from asem_core.geometry import Box, BoxNm, Triple, triple
from asem_core.preprocess.levels import level_count
from asem_core.preprocess.stages import Step, normalised
from asem_core.preprocess.statistics import measured
from asem_core.progress import Progress, silent
from asem_core.volume.check import check_values
from asem_core.volume.convert import check_apart
from asem_core.volume.formats.ome_write import ArrayPlan, OmeVersion
from asem_core.volume.output import check_destination
from asem_core.volume.provenance import provenance
from asem_core.volume.staging import readable_by_blocks
from asem_core.volume.volume import Volume

CHUNK: Triple = (128, 128, 128)
BLOCK: Triple = (128, 256, 256)


def normalise(
    volume: Volume,
    destination: Path,
    *,
    steps: Sequence[Step],
    roi: Box | BoxNm | None = None,
    statistics: Path | None = None,
    block: Triple = BLOCK,
    ome_version: OmeVersion = "0.4",
    overwrite: bool = False,
    progress: Progress = silent,
) -> None:
    """Write ``volume`` after ``steps`` as an OME-Zarr.

    Parameters
    ----------
    volume
        uint8, uint16 or float in [0, 1].
    destination
        ``NAME.zarr``; complete or absent.
    steps
        From `make_steps`, in order.
    roi
        Write a part only. Statistics are those of the whole volume all the same: the result is the crop of the whole's.
    statistics
        A ``.npz`` file that keeps what was measured, and gives it to a later run on the same volume.
    block
        Voxels per axis that are computed at once; does not change the result.

    Raises
    ------
    AsemError
        A volume that is no image, a destination in the way, a ROI outside, statistics of something else.
    """
    if destination.suffix != ".zarr":
        raise OutputError(f"{destination}: a normalised volume is written as NAME.zarr; convert it to TIFF afterwards")
    level_count(volume.dtype)
    part = volume.part(roi)
    check_apart(volume, destination)
    check_destination(destination, overwrite=overwrite)
    lower, _ = part.to_nm(volume.voxel_size, origin_nm=volume.lower_edge_nm)
    chunk = triple([min(c, n) for c, n in zip(CHUNK, part.shape, strict=True)])
    with (
        tempfile.TemporaryDirectory(prefix=f".{destination.name}.", dir=destination.parent) as scratch,
        readable_by_blocks(volume, Path(scratch) / "staged", progress=progress) as source,
    ):
        check_values(source, progress=progress)
        result = normalised(source, steps, measured(source, steps, statistics, progress=progress))
        produce(
            destination, lambda box: {"image": result.read(box.shift(part.start))},
            image=ArrayPlan(shape=part.shape, dtype=np.dtype(result.dtype), chunk=chunk),
            voxel_size=volume.voxel_size, lower_edge_nm=lower, block=block,
            provenance=provenance("asem preprocess", volume, part=part, stages=[step.settings for step in steps]),
            stage="normalising", ome_version=ome_version, overwrite=overwrite, progress=progress,
        )  # fmt: skip
