"""Fetching a part of a data set into a local OME-Zarr: block by block, resumable, every chunk vouched for.

::

    image, labels (anywhere)  --blocks of whole chunks-->  OUT.zarr, OUT.zarr.journal.jsonl
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.blocks.executors import Threads
from asem_core.blocks.fill import Run
from asem_core.blocks.job import Job, run
from asem_core.datasets.source import Opened, source_sha256
from asem_core.errors import GeometryError
from asem_core.geometry import Box, Triple
from asem_core.home import local_path
from asem_core.progress import Progress, silent
from asem_core.volume import Volume
from asem_core.volume.address import on_disk
from asem_core.volume.formats.ome_write import IMAGE, ArrayPlan, OmePlan
from asem_core.volume.provenance import provenance
from asem_core.volume.staging import staged_bytes
from asem_core.volume.window import window

CHUNK = 64
BLOCK_BYTES = 64 * 2**20
"""Most bytes of one block."""
_CONNECTIONS = 4
"""Blocks that are fetched at once."""


@attrs.frozen(kw_only=True)
class Fetched:
    """What `fetch` made."""

    path: Path
    roi: Box
    """Voxels of the data set's image."""
    source_sha256: str
    notes: tuple[str, ...]


def fetched_bytes(opened: Opened, roi: Box) -> int:
    """Bytes of the image and labels in ``roi``, uncompressed."""
    return roi.size * _bytes_per_voxel(opened)


def fetch(
    opened: Opened,
    output: Path,
    *,
    roi: Box,
    block: Triple | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> Fetched:
    """Copy ``roi`` of a data set into the OME-Zarr ``output``: its image, and labels under ``labels/<organelle>``.

    A run that was stopped goes on where it was: call it again.

    Parameters
    ----------
    opened
        What `open_dataset` returned.
    output
        Folder of the OME-Zarr, format 0.4. The journal lies beside it; `asem_core.blocks.verify` reads it.
    roi
        Voxels of the image, ``(z, y, x)``.
    block
        Voxels of a block, multiples of 64; by default about 64 MiB.
    overwrite
        Replace a volume at ``output``, or begin an unfinished run anew.

    Raises
    ------
    GeometryError
        ``roi`` reaches outside the image, or no label lies in it.
    ResumeError
        ``output`` is an unfinished run with other settings.
    BlockError
        Blocks could not be read; the others are kept, and the next call fetches the rest.
    """
    output = local_path(output)
    notes = opened.image.notes + _check_roi(opened, roi)
    side = block or _block_side(opened)
    lower, _ = roi.to_nm(opened.image.voxel_size, origin_nm=opened.image.lower_edge_nm)
    plan = OmePlan(
        image=_plan(opened.image, roi),
        labels={name: _plan(placed.volume, roi) for name, placed in opened.labels.items()},
        voxel_size=opened.image.voxel_size,
        lower_edge_nm=lower,
    )
    sha256 = source_sha256(opened.image)

    def fill(run: Run) -> None:
        image = run.readable(opened.image, IMAGE)
        labels = {
            name: attrs.evolve(placed, volume=run.readable(placed.volume, f"labels_{name}"))
            for name, placed in opened.labels.items()
        }

        def read(local: Box) -> Mapping[str, npt.NDArray[Any]]:
            box = local.shift(roi.start)
            frames = {name: window(placed.volume, placed.local(box)) for name, placed in labels.items()}
            return {IMAGE: image.read(box)} | {name: frame.read(frame.box) for name, frame in frames.items()}

        run.each("fetching", list(Box.of_shape(roi.shape).tiles(side)), read, executor=Threads(_CONNECTIONS))

    job = Job(
        verb="asem datasets fetch",
        destination=output,
        plan=plan,
        fill=fill,
        inputs={IMAGE: opened.image, **{f"labels of {name}": p.volume for name, p in opened.labels.items()}},
        settings={"dataset": opened.spec.name, "roi": str(roi)},
        provenance=provenance(
            "asem datasets fetch",
            opened.image,
            part=roi,
            dataset=opened.spec.name,
            labels={name: dict(placed.volume.identity) for name, placed in opened.labels.items()},
            source_sha256=sha256,
            licence=opened.spec.licence,
            citation=opened.spec.citation,
            notes=list(notes),
        ),
        scratch_bytes=sum(map(staged_bytes, (opened.image, *(p.volume for p in opened.labels.values())))),
    )
    done = run(job, overwrite=overwrite, progress=progress)
    return Fetched(path=on_disk(done.path), roi=roi, source_sha256=sha256, notes=notes)


def _check_roi(opened: Opened, roi: Box) -> tuple[str, ...]:
    """What the user should know about labels that do not cover ``roi``."""
    if not roi.size or not opened.image.box.contains(roi):
        raise GeometryError(f"ROI {roi} must be a part of {opened.image.uri}, which is {opened.image.box} (z,y,x)")
    notes = []
    for organelle, placed in opened.labels.items():
        covered = placed.box.intersect(roi)
        if not covered.size:
            raise GeometryError(f"no labels of {organelle} in ROI {roi}: they cover {placed.box} (z,y,x voxels)")
        if not opened.image.box.contains(placed.box):
            notes.append(f"labels of {organelle} cover {placed.box}, more than the image, {opened.image.box}: clipped")
        if covered != roi:
            notes.append(f"labels of {organelle} cover {covered} only: 0 elsewhere does not mean background")
    return tuple(notes)


def _plan(volume: Volume, roi: Box) -> ArrayPlan:
    dtype: np.dtype[Any] = np.dtype(np.uint8) if volume.dtype.kind == "b" else volume.dtype
    return ArrayPlan(shape=roi.shape, dtype=dtype, chunk=(CHUNK, CHUNK, CHUNK))


def _bytes_per_voxel(opened: Opened) -> int:
    return opened.image.dtype.itemsize + sum(placed.volume.dtype.itemsize for placed in opened.labels.values())


def _block_side(opened: Opened) -> Triple:
    """The largest cube of whole chunks within `BLOCK_BYTES`."""
    side = int(math.cbrt(BLOCK_BYTES / _bytes_per_voxel(opened))) // CHUNK * CHUNK
    return (max(CHUNK, side),) * 3
