"""Converting volumes to OME-Zarr, a folder of TIFF sections or one TIFF stack."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from asem_core.blocks.executors import Threads
from asem_core.blocks.fill import Run
from asem_core.blocks.job import Job, run
from asem_core.cluster import executing
from asem_core.errors import GeometryError, OutputError
from asem_core.geometry import Box, BoxNm, Triple, VoxelSize, triple
from asem_core.grid.place import paste
from asem_core.progress import Progress, silent
from asem_core.registry import Registry
from asem_core.volume.address import Location, destination_of, locate, on_disk
from asem_core.volume.formats import zarr_node
from asem_core.volume.formats.ome_write import IMAGE, ArrayPlan, OmePlan, OmeVersion, Reduction
from asem_core.volume.formats.sections import is_tiff
from asem_core.volume.formats.tiff_write import TiffPlan
from asem_core.volume.opening import as_volume
from asem_core.volume.provenance import provenance
from asem_core.volume.staging import SLAB_BYTES, read_unit, slabs
from asem_core.volume.volume import Volume

if TYPE_CHECKING:
    from distributed import Client

    from asem_core.cluster import Dask

DEFAULT_CHUNK: Triple = (64, 64, 64)
_SLABS = 2
"""How many are held at once."""


def convert(
    source: Volume | str | Path,
    output: str | Location,
    *,
    organelle: str | None = None,
    registry: Registry | None = None,
    voxel_size: VoxelSize | Sequence[float] | None = None,
    allow_unfinished: bool = False,
    roi: Box | BoxNm | None = None,
    resample: VoxelSize | Sequence[float] | None = None,
    paste_into: Volume | str | Path | None = None,
    labels: bool = False,
    ome_version: OmeVersion | None = None,
    shard: int | Triple | None = None,
    chunk: Triple = DEFAULT_CHUNK,
    overwrite: bool = False,
    executor: Dask | Client | None = None,
    progress: Progress = silent,
) -> Location:
    """Write ``source`` in another format, a part of it, in a larger frame, or with other voxels.

    Voxel values and dtype stay as they are, except that booleans become uint8, unless ``resample`` is given. A run that
    was stopped goes on when it is called again.

    Parameters
    ----------
    source
        What to convert, or its address.
    output
        ``*.zarr``: OME-Zarr with pyramid; ``*.tif``: one TIFF stack; a name without suffix: a folder of TIFF sections,
        with the section numbers of the acquisition.
    organelle
        Convert the labels of this name in ``source`` instead of its image; also says that ``source`` is labels.
    registry, voxel_size, allow_unfinished
        As in `open_volume`; with ``paste_into``, ``voxel_size`` is for those of the two that do not state theirs.
    roi
        Part to convert, in voxels of ``source`` or in nm.
    resample
        Voxel size of the output, nm (z, y, x); see `asem_core.conversion.regrid.regrid`.
    paste_into
        Put ``source``, a crop, back on the frame of this volume; see `asem_core.grid.place.paste`.
    labels
        Whether coarser levels take majorities instead of means. Label images of an OME-Zarr, booleans and integers
        above 16 bits always do.
    ome_version, shard
        Version of OME-Zarr, by default 0.4; sides in voxels of the files that hold chunks, then it is 0.5. By default
        every chunk is a file.
    chunk
        Sides in voxels of the chunks of the OME-Zarr.
    overwrite
        Replace a volume at ``output`` that ASEM wrote.
    executor
        Where blocks run: a `distributed.Client`, or what `asem_core.cluster.connect` gives; by default on this machine.
        Does not change the result.

    Returns
    -------
    Path or UPath
        Where the output lies.

    Raises
    ------
    GeometryError
        See `Volume.part`.
    OutputError
        See `asem_core.blocks.job.run`.

    Notes
    -----
    At most two slabs of 100 MiB of the source are held at once: as thick as a chunk, in strips where sections are wide.
    Wide TIFF sections should be stored in strips or tiles: a single compressed piece is decoded anew for each strip.

    Examples
    --------
    >>> convert("sections/", "cell.zarr", voxel_size=(5, 5, 5))  # doctest: +SKIP
    """
    destination, labels = destination_of(output), labels or organelle is not None
    source = as_volume(
        source,
        labels=organelle,
        registry=registry,
        voxel_size=voxel_size,
        only_if_unstated=paste_into is not None,
        allow_unfinished=allow_unfinished,
    )
    inputs = {"source": source}
    if paste_into is not None:
        paste_into = as_volume(paste_into, registry=registry, voxel_size=voxel_size, only_if_unstated=True)
        if roi is not None or resample is not None:
            raise GeometryError("pasting goes alone: cut or resample in a step before it")
        inputs["frame"] = paste_into
        source = paste(source, paste_into)
    box = source.part(roi)
    if resample is not None:
        from asem_core.conversion.regrid import regrid

        with executing(executor):
            return regrid(
                source,
                destination,
                voxel_size=VoxelSize.of(resample),
                roi=box,
                labels=labels,
                ome_version=ome_version,
                shard=shard,
                overwrite=overwrite,
                progress=progress,
            )
    plan = _plan(source, box, destination, labels=labels, ome_version=ome_version, shard=shard, chunk=chunk)

    def part_of(local: Box) -> dict[str, npt.NDArray[Any]]:
        return {IMAGE: source.read(local.shift(box.start)).astype(stored_dtype(source), copy=False)}

    def fill(run: Run) -> None:
        run.each("converting", _blocks(source, plan), part_of, executor=Threads(_SLABS))

    job = Job(
        verb="asem convert",
        destination=destination,
        plan=plan,
        fill=fill,
        inputs=inputs,
        settings={"roi": str(box)},
        provenance=provenance("asem convert", source, part=box),
    )
    with executing(executor):
        return run(job, overwrite=overwrite, progress=progress).path


def reduction_of(source: Volume, *, labels: bool) -> Reduction:
    """``mode`` for labels, whether said by the caller, by the OME-Zarr, or by booleans or integers above 16 bits."""
    wide = source.dtype.kind in "ui" and source.dtype.itemsize > 2
    path = locate(source.uri)
    says = source.format == "ome-zarr" and zarr_node.is_label_image(zarr_node.pyramid_of(path) or path)
    return "mode" if labels or says or wide or source.dtype.kind == "b" else "mean"


def stored_dtype(source: Volume) -> np.dtype[Any]:
    """Booleans become uint8; all else stays."""
    return np.dtype(np.uint8) if source.dtype.kind == "b" else source.dtype


def _plan(
    source: Volume,
    box: Box,
    destination: Location,
    *,
    labels: bool,
    ome_version: OmeVersion | None,
    shard: int | Triple | None,
    chunk: Triple,
) -> OmePlan | TiffPlan:
    lower, _ = box.to_nm(source.voxel_size, origin_nm=source.lower_edge_nm)
    if destination.suffix == ".zarr":
        chunks = triple([min(c, n) for c, n in zip(chunk, box.shape, strict=True)])
        image = ArrayPlan(
            shape=box.shape, dtype=stored_dtype(source), chunk=chunks, reduction=reduction_of(source, labels=labels)
        )
        return OmePlan(
            image=image, voxel_size=source.voxel_size, lower_edge_nm=lower, ome_version=ome_version, shard=shard
        )
    destination = on_disk(destination)
    if shard is not None:
        raise OutputError(f"{destination}: only an OME-Zarr, NAME.zarr, has shards")
    if destination.suffix and not is_tiff(destination):
        raise OutputError(
            f"{destination}: cannot write {destination.suffix}; use NAME.zarr (OME-Zarr), NAME.tif (one stack) or NAME "
            "(a folder of TIFF sections)"
        )
    return TiffPlan(
        shape=box.shape,
        dtype=stored_dtype(source),
        stack=is_tiff(destination),
        first=source.first_section + box.start[0],
        voxel_size=source.voxel_size,
        # Where nobody said where the source lies, all of it states nothing either.
        lower_edge_nm=lower if source.placed or box != source.box else None,
    )


def _blocks(source: Volume, plan: OmePlan | TiffPlan) -> list[Box]:
    """Slabs of whole chunks or shards; for TIFF, of whole rows."""
    whole = Box.of_shape(plan.shape)
    if isinstance(plan, OmePlan):
        return list(slabs(whole, plan.arrays[IMAGE].unit, source.dtype.itemsize))
    depth, rows, _ = read_unit(source)
    row = plan.shape[2] * source.dtype.itemsize
    most = max(1, SLAB_BYTES // row)
    depth = min(depth, max(1, most // rows))
    return list(whole.tiles((depth, max(rows, most // depth // rows * rows), plan.shape[2])))
