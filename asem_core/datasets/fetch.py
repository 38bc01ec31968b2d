"""Fetching a part of a data set into a local OME-Zarr: block by block, resumable, every chunk vouched for.

::

    image, labels (anywhere)  --fetch: blocks of whole chunks-->  OUT.zarr, OUT.zarr.journal.jsonl  --pyramid-->  done
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.blocks import journal as journals
from asem_core.blocks.digests import chunk_digests, pyramid_digests
from asem_core.blocks.journal import Record
from asem_core.blocks.resume import check_same, fingerprint, unfinished
from asem_core.blocks.run import Stage, run_stage
from asem_core.datasets.source import Opened, source_sha256
from asem_core.errors import GeometryError
from asem_core.geometry import Box, Triple
from asem_core.progress import Progress, silent
from asem_core.volume import Volume
from asem_core.volume.formats.ome_write import ArrayPlan, OmeOutput, build_pyramid, create_ome_zarr, open_ome_output
from asem_core.volume.output import check_room, remove
from asem_core.volume.provenance import provenance
from asem_core.volume.staging import readable_by_blocks
from asem_core.volume.window import window

FETCH, PYRAMID = "fetch", "pyramid"
IMAGE = "image"
CHUNK = 64
BLOCK_BYTES = 64 * 2**20
"""Most bytes of one block; up to six blocks are in memory."""

Arrays = Mapping[str, npt.NDArray[Any]]


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
    notes = opened.image.notes + _check_roi(opened, roi)
    side = block or _block_side(opened)
    settings = _settings(opened, roi, side)
    journal = unfinished(output, overwrite=overwrite)
    if journal is None:
        check_room(output.absolute().parent, fetched_bytes(opened, roi) * 8 // 7)
        journal = _begin(opened, output, roi, settings, notes)
    else:
        check_same(journal, settings, output)
    target = open_ome_output(output)
    with ExitStack() as stack:
        local = _readable(opened, output.with_name(output.name + ".work"), stack, progress)
        run_stage(_stage(local, target, roi), list(roi.tiles(side)), journal, progress=progress)
    if PYRAMID in journal.missing():
        build_pyramid(target, progress=progress)
        journal.add([Record(stage=PYRAMID, block="all", chunks=pyramid_digests(target))])
    return Fetched(path=output, roi=roi, source_sha256=source_sha256(opened.image), notes=notes)


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


def _settings(opened: Opened, roi: Box, block: Triple) -> dict[str, Any]:
    """All that the output depends on."""
    return {
        "dataset": opened.spec.name,
        "input": dict(opened.image.identity),
        "labels": {name: dict(placed.volume.identity) for name, placed in opened.labels.items()},
        "roi": str(roi),
        "block": list(block),
    }


def _begin(
    opened: Opened, output: Path, roi: Box, settings: Mapping[str, Any], notes: tuple[str, ...]
) -> journals.Journal:
    remove(output)
    # The journal comes first: an output without one is never taken for a run that can be resumed.
    stages = {FETCH: len(list(roi.tiles(settings["block"]))), PYRAMID: 1}
    head = {"fingerprint": fingerprint(settings), "settings": settings, "stages": stages}
    journal = journals.start(output, head)
    lower, _ = roi.to_nm(opened.image.voxel_size, origin_nm=opened.image.lower_edge_nm)
    create_ome_zarr(
        output,
        image=_plan(opened.image, roi),
        labels={name: _plan(placed.volume, roi) for name, placed in opened.labels.items()},
        voxel_size=opened.image.voxel_size,
        lower_edge_nm=lower,
        provenance=provenance(
            "asem datasets fetch",
            opened.image,
            part=roi,
            **settings,
            source_sha256=source_sha256(opened.image),
            licence=opened.spec.licence,
            citation=opened.spec.citation,
            notes=list(notes),
        ),
    )
    return journal


def _plan(volume: Volume, roi: Box) -> ArrayPlan:
    dtype: np.dtype[Any] = np.dtype(np.uint8) if volume.dtype.kind == "b" else volume.dtype
    return ArrayPlan(shape=roi.shape, dtype=dtype, chunk=(CHUNK, CHUNK, CHUNK))


def _readable(opened: Opened, work: Path, stack: ExitStack, progress: Progress) -> Opened:
    """``opened`` with plane-wise volumes copied into ``work`` for as long as ``stack`` is open."""
    stack.callback(shutil.rmtree, work, ignore_errors=True)

    def local(volume: Volume, name: str) -> Volume:
        return stack.enter_context(readable_by_blocks(volume, work / name, progress=progress))

    labels = {
        name: attrs.evolve(placed, volume=local(placed.volume, f"labels_{name}"))
        for name, placed in opened.labels.items()
    }
    return attrs.evolve(opened, image=local(opened.image, IMAGE), labels=labels)


def _stage(opened: Opened, target: OmeOutput, roi: Box) -> Stage[Arrays, Arrays]:
    arrays = {IMAGE: target.image, **{f"labels/{name}": array for name, array in target.labels.items()}}

    def read(box: Box) -> Arrays:
        frames = {f"labels/{name}": window(placed.volume, placed.local(box)) for name, placed in opened.labels.items()}
        return {IMAGE: opened.image.read(box)} | {name: frame.read(frame.box) for name, frame in frames.items()}

    def write(box: Box, found: Arrays) -> dict[str, str]:
        local = box.shift([-a for a in roi.start])
        digests: dict[str, str] = {}
        for name, array in arrays.items():
            array[local.slices] = found[name]
            digests |= chunk_digests(array, local)
        return digests

    return Stage(name=FETCH, read=read, compute=lambda _, found: found, write=write)


def _bytes_per_voxel(opened: Opened) -> int:
    return opened.image.dtype.itemsize + sum(placed.volume.dtype.itemsize for placed in opened.labels.values())


def _block_side(opened: Opened) -> Triple:
    """The largest cube of whole chunks within `BLOCK_BYTES`."""
    side = int(math.cbrt(BLOCK_BYTES / _bytes_per_voxel(opened))) // CHUNK * CHUNK
    return (max(CHUNK, side),) * 3
