"""A whole volume on another grid, block by block."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from asem_core.blocks.fill import Run, produce
from asem_core.blocks.job import Job, run
from asem_core.conversion.convert import DEFAULT_CHUNK, reduction_of, stored_dtype
from asem_core.errors import GeometryError, OutputError
from asem_core.geometry import Box, BoxNm, Triple, VoxelSize, resampled_shape, triple
from asem_core.grid.mirror import mirrored_box, read_mirrored
from asem_core.grid.resample import resample, resample_labels, source_box
from asem_core.progress import Progress, silent
from asem_core.volume.address import Location, destination_of
from asem_core.volume.formats.ome_write import IMAGE, ArrayPlan, OmePlan, OmeVersion
from asem_core.volume.provenance import provenance
from asem_core.volume.staging import staged_bytes
from asem_core.volume.volume import Volume
from asem_core.volume.window import window

log = logging.getLogger(__name__)

WARN_FACTOR = 2.0
REFUSE_FACTOR = 8.0
"""A factor above this is a wrong unit or a wrong voxel size, as in `asem segment`."""


def regrid(
    volume: Volume,
    destination: Location,
    *,
    voxel_size: VoxelSize,
    roi: Box | BoxNm | None = None,
    labels: bool = False,
    ome_version: OmeVersion | None = None,
    shard: int | Triple | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> Location:
    """Write ``volume`` as an OME-Zarr with voxels of ``voxel_size``; lower edges are aligned and the dtype stays.

    Parameters
    ----------
    volume
        Image or labels.
    destination
        ``NAME.zarr``.
    voxel_size
        Of the output, nm.
    roi
        Part of ``volume`` to write, whose lower edge the output's is; by default all.
    labels
        Whether values are ids: the mode is taken where the output is coarser, the nearest voxel where it is finer.
        Label images of an OME-Zarr, booleans and integers above 16 bits always are. Images: area-weighted mean and
        linear interpolation; integers are rounded half to even.
    ome_version, shard, overwrite
        As in `asem_core.conversion.convert.convert`.

    Raises
    ------
    GeometryError
        The voxel sizes differ by more than a factor of 8 on an axis; above 2 a warning is logged. Or `Volume.part`.
    OutputError
        ``destination`` does not end in ``.zarr``; see also `asem_core.blocks.job.run`.

    Notes
    -----
    The last output voxel of an axis may reach past the volume; there the volume is mirrored about its face, as for the
    network. Every block equals the same part of the whole volume's result; so does a ROI that begins where a voxel of
    that does.
    """
    destination = destination_of(destination)
    if destination.suffix != ".zarr":
        raise OutputError(f"{destination}: a resampled volume is written as NAME.zarr; convert it to TIFF afterwards")
    check_factor(volume, voxel_size)
    reduction = reduction_of(volume, labels=labels)
    part = volume.part(roi)
    shape = resampled_shape(part.shape, volume.voxel_size, voxel_size)
    needed = source_box(Box.of_shape(shape), volume.voxel_size.ratio_to(voxel_size)).shift(part.start)
    read = mirrored_box(needed, volume.shape)
    lower, _ = part.to_nm(volume.voxel_size, origin_nm=volume.lower_edge_nm)
    chunk = triple([min(c, n) for c, n in zip(DEFAULT_CHUNK, shape, strict=True)])
    image = ArrayPlan(shape=shape, dtype=stored_dtype(volume), chunk=chunk, reduction=reduction)
    plan = OmePlan(
        image=image,
        voxel_size=voxel_size,
        lower_edge_nm=lower,
        ome_version=ome_version,
        shard=shard,
    )
    as_labels = reduction == "mode"

    def compute(run: Run) -> Callable[[Box], Mapping[str, npt.NDArray[Any]]]:
        source = run.readable(volume, part=read)
        return lambda box: {IMAGE: regridded(source, box, voxel_size=voxel_size, labels=as_labels, start=part.start)}

    return run(
        Job(
            verb="asem convert --resample",
            destination=destination,
            plan=plan,
            inputs={"source": volume},
            settings={"roi": str(part)},
            fill=produce(compute, sweep="resampling", block=_block(volume, voxel_size), plan=plan),
            provenance=_provenance(volume, part, voxel_size, labels=as_labels),
            scratch_bytes=staged_bytes(window(volume, read)),
        ),
        overwrite=overwrite,
        progress=progress,
    ).path


def regridded(
    volume: Volume, box: Box, *, voxel_size: VoxelSize, labels: bool, start: Triple = (0, 0, 0)
) -> npt.NDArray[Any]:
    """The voxels of ``box`` (of the grid ``voxel_size``, which begins with voxel ``start`` of ``volume``).

    Returns
    -------
    ndarray
        ``(z, y, x)``, dtype of ``volume``.
    """
    ratio = volume.voxel_size.ratio_to(voxel_size)
    needed = source_box(box, ratio)
    block = read_mirrored(volume.read, volume.shape, needed.shift(start))
    if labels:
        return resample_labels(block, needed.start, box, ratio)
    values = resample(block, needed.start, box, ratio)
    return values.astype(volume.dtype) if volume.dtype.kind == "f" else np.rint(values).astype(volume.dtype)


def check_factor(volume: Volume, voxel_size: VoxelSize) -> None:
    """Refuse a factor above 8 between voxel sizes, warn above 2."""
    factor = volume.voxel_size.factor_to(voxel_size)
    if factor > REFUSE_FACTOR:
        raise GeometryError(
            f"{volume.uri}: its voxel size {volume.voxel_size} differs from {voxel_size} by a factor of {factor:.3g}, "
            f"more than {REFUSE_FACTOR:g}: voxel sizes are z,y,x in nm{volume.voxel_size.unit_question(voxel_size)}"
        )
    if factor > WARN_FACTOR:
        log.warning("the voxel sizes %s and %s differ by a factor of %.3g", volume.voxel_size, voxel_size, factor)


def _block(volume: Volume, voxel_size: VoxelSize) -> tuple[int, int, int]:
    """Two chunks a side, one where each output voxel is made of many source voxels."""
    ratio = volume.voxel_size.ratio_to(voxel_size)
    return triple([c if r > WARN_FACTOR else 2 * c for c, r in zip(DEFAULT_CHUNK, ratio, strict=True)])


def _provenance(volume: Volume, part: Box, voxel_size: VoxelSize, *, labels: bool) -> dict[str, Any]:
    same_sections = volume.voxel_size.zyx[0] == voxel_size.zyx[0]
    return provenance(
        "asem convert --resample",
        volume,
        part=part,
        source_voxel_size_nm=list(volume.voxel_size.zyx),
        source_lower_edge_nm=list(volume.lower_edge_nm),
        values="labels" if labels else "image",
        first_section=volume.first_section + part.start[0] if same_sections else 0,
    )
