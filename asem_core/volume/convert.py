"""Converting volumes to OME-Zarr, a folder of TIFF sections or one TIFF stack; streamed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from asem_core.errors import OutputError
from asem_core.geometry import Box, BoxNm, FloatTriple, Triple, triple
from asem_core.progress import Progress, silent
from asem_core.volume.formats import zarr_node
from asem_core.volume.formats.ome_write import ArrayPlan, OmeVersion, Reduction, build_pyramid, create_ome_zarr
from asem_core.volume.formats.sections import is_tiff
from asem_core.volume.formats.tiff_write import TiffTarget, create_sections, create_stack
from asem_core.volume.output import complete_or_absent
from asem_core.volume.provenance import provenance
from asem_core.volume.staging import copy_slabs, read_unit
from asem_core.volume.volume import Volume

DEFAULT_CHUNK: Triple = (64, 64, 64)
_PYRAMID_SHARE = 8 / 7
"""A pyramid with factor 2 per axis holds 1 + 1/8 + 1/64 + ... of level 0."""


def convert(
    source: Volume,
    destination: Path,
    *,
    roi: Box | BoxNm | None = None,
    labels: bool = False,
    ome_version: OmeVersion = "0.4",
    chunk: Triple = DEFAULT_CHUNK,
    overwrite: bool = False,
    progress: Progress = silent,
) -> None:
    """Write ``source`` in another format. Voxel values and dtype stay as they are, except that booleans become uint8.

    Parameters
    ----------
    source
        What to convert.
    destination
        ``*.zarr``: OME-Zarr with pyramid; ``*.tif``: one TIFF stack; a name without suffix: a folder of TIFF sections,
        with the section numbers of the acquisition.
    roi
        Part to convert, in voxels of ``source`` or in nm.
    labels
        Whether coarser levels take majorities instead of means. Label images of an OME-Zarr, booleans and integers
        above 16 bits always do.
    ome_version, chunk
        Of the OME-Zarr.
    overwrite
        Replace a volume at ``destination``.

    Raises
    ------
    GeometryError
        See `Volume.part`.
    OutputError
        See `complete_or_absent`.

    Notes
    -----
    At most 200 MiB of the source are held at once: a slab as thick as a chunk, in strips where sections are wide.
    Wide TIFF sections should be stored in strips or tiles: a single compressed piece is decoded anew for each strip.
    """
    box = source.part(roi)
    write = _writer(destination, ome_version=ome_version, chunk=chunk, labels=labels)
    check_apart(source, destination)
    needed = int(box.size * source.dtype.itemsize * (_PYRAMID_SHARE if destination.suffix == ".zarr" else 1))
    with complete_or_absent(destination, needed_bytes=needed, overwrite=overwrite) as partial:
        write(source, box, partial, progress)


_Write = Callable[[Volume, Box, Path, Progress], None]


def _writer(destination: Path, *, ome_version: OmeVersion, chunk: Triple, labels: bool) -> _Write:
    if destination.suffix == ".zarr":

        def write_zarr(source: Volume, box: Box, path: Path, progress: Progress) -> None:
            plan = _plan(source, box, chunk, labels=labels)
            _write_ome_zarr(source, box, path, plan, ome_version=ome_version, progress=progress)

        return write_zarr
    if is_tiff(destination):
        return _write_stack
    if destination.suffix:
        raise OutputError(
            f"{destination}: cannot write {destination.suffix}; use NAME.zarr (OME-Zarr), NAME.tif (one stack) or NAME "
            "(a folder of TIFF sections)"
        )
    return _write_sections


def check_apart(source: Volume, destination: Path) -> None:
    """Refuse to write into what is read, or around it."""
    read, written = Path(source.uri).resolve(), destination.resolve()
    if read == written or written in read.parents or read in written.parents:
        raise OutputError(f"{destination}: source and destination lie inside each other; use another name")


def reduction_of(source: Volume, *, labels: bool) -> Reduction:
    """``mode`` for labels, whether said by the caller, by the OME-Zarr, or by booleans or integers above 16 bits."""
    wide = source.dtype.kind in "ui" and source.dtype.itemsize > 2
    path = Path(source.uri)
    says = source.format == "ome-zarr" and zarr_node.is_label_image(zarr_node.pyramid_of(path) or path)
    return "mode" if labels or says or wide or source.dtype.kind == "b" else "mean"


def stored_dtype(source: Volume) -> np.dtype[Any]:
    """Booleans become uint8; all else stays."""
    return np.dtype(np.uint8) if source.dtype.kind == "b" else source.dtype


def _plan(source: Volume, box: Box, chunk: Triple, *, labels: bool) -> ArrayPlan:
    chunks = triple([min(c, n) for c, n in zip(chunk, box.shape, strict=True)])
    return ArrayPlan(
        shape=box.shape, dtype=stored_dtype(source), chunk=chunks, reduction=reduction_of(source, labels=labels)
    )


def _write_ome_zarr(
    source: Volume, box: Box, path: Path, plan: ArrayPlan, *, ome_version: OmeVersion, progress: Progress
) -> None:
    lower, _ = box.to_nm(source.voxel_size, origin_nm=source.lower_edge_nm)
    output = create_ome_zarr(
        path, image=plan, labels={}, voxel_size=source.voxel_size, lower_edge_nm=lower, ome_version=ome_version,
        provenance=provenance("asem convert", source, part=box),
    )  # fmt: skip
    copy_slabs(source, box, output.image, plan.chunk, dtype=plan.dtype, progress=progress, stage="converting")
    build_pyramid(output, progress=progress)


def _write_sections(source: Volume, box: Box, path: Path, progress: Progress) -> None:
    target = create_sections(
        path, box.shape, stored_dtype(source), first=source.first_section + box.start[0],
        voxel_size=source.voxel_size, lower_edge_nm=_stated_edge(source, box),
    )  # fmt: skip
    _fill(source, box, target, progress)


def _write_stack(source: Volume, box: Box, path: Path, progress: Progress) -> None:
    target = create_stack(
        path, box.shape, stored_dtype(source), first=source.first_section + box.start[0],
        voxel_size=source.voxel_size, lower_edge_nm=_stated_edge(source, box),
    )  # fmt: skip
    _fill(source, box, target, progress)


def _stated_edge(source: Volume, box: Box) -> FloatTriple | None:
    """Lower edge of ``box``; None where nobody said where ``source`` lies, and all of it is written."""
    if not source.placed and box == source.box:
        return None
    return box.to_nm(source.voxel_size, origin_nm=source.lower_edge_nm)[0]


def _fill(source: Volume, box: Box, target: TiffTarget, progress: Progress) -> None:
    copy_slabs(source, box, target, read_unit(source), dtype=target.dtype, progress=progress, stage="converting")
