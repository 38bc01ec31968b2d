"""Preparation of ground truth, block by block: clean-up, dilation, and the mask of what is scored."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.blocks.executors import map_blocks
from asem_core.blocks.job import Job, Run, produce, run
from asem_core.errors import OutputError, VolumeError
from asem_core.geometry import Box, Triple, VoxelSize
from asem_core.grid.reference import on_grid
from asem_core.labels.blocks import LabelBlocks, apply_rule
from asem_core.labels.plan import Plan
from asem_core.labels.rules import Labels
from asem_core.labels.zone import Zone
from asem_core.progress import Progress, silent
from asem_core.registry import Registry
from asem_core.volume.formats.ome_write import IMAGE, ArrayPlan, OmePlan, OmeVersion
from asem_core.volume.provenance import provenance
from asem_core.volume.staging import read_unit, slabs, staged_bytes
from asem_core.volume.volume import Volume

BLOCK: Triple = (128, 128, 128)
CHUNK: Triple = (64, 64, 64)
_BYTES_OF_IDS = 4
"""Temporary, per voxel and rule that needs connected components."""
METRIC_MASK = "metric_mask"
"""Name of the label image that is 1 where a segmentation is scored and 0 in the exclusion zone."""


def prepare(
    labels: Volume,
    destination: Path,
    *,
    plan: Plan,
    registry: Registry,
    ome_version: OmeVersion = "0.4",
    overwrite: bool = False,
    progress: Progress = silent,
    block: Triple = BLOCK,
) -> dict[str, Any]:
    """Write prepared labels as an OME-Zarr: the labels as its image, and the label image ``metric_mask``.

    Parameters
    ----------
    labels
        ``(z, y, x)``, integers >= 0 or bool; 0 is background. Ids are kept, booleans become uint8.
    destination
        ``NAME.zarr``.
    plan
        From `make_plan`.
    block
        Voxels per axis of a block. The result does not depend on it.

    Returns
    -------
    dict
        For JSON: what ran (``stages``, ``zone``), with its numbers in voxels of a 5 nm grid, in voxels of the labels
        and in nm, and what it changed.

    Raises
    ------
    VolumeError
        Labels below 0.
    OutputError
        See `asem_core.blocks.job.run`.
    """
    if destination.suffix != ".zarr":
        raise OutputError(f"{destination}: prepared labels are an OME-Zarr; name it NAME.zarr")
    _check_ids(labels, progress)
    stages = [_describe_rule(spec, params, labels.voxel_size) for spec, params in plan.rules]
    zone = plan.zone.on(labels.voxel_size)
    made: dict[str, Any] = {
        "organelle": plan.organelle,
        "stages": stages,
        "zone": zone,
        "voxel_size_nm": list(labels.voxel_size.zyx),
    }
    dtype: np.dtype[Any] = np.dtype(np.uint8) if labels.dtype.kind == "b" else labels.dtype
    image = ArrayPlan(shape=labels.shape, dtype=dtype, chunk=CHUNK, reduction="mode")
    output = OmePlan(
        image=image, labels={METRIC_MASK: attrs.evolve(image, dtype=np.uint8)}, voxel_size=labels.voxel_size,
        lower_edge_nm=labels.lower_edge_nm, ome_version=ome_version,
    )  # fmt: skip

    def fill(run: Run) -> None:
        blocks = LabelBlocks(
            read=partial(_read, run.readable(labels)), shape=labels.shape, scratch=run.scratch, block=block,
            progress=progress,
        )  # fmt: skip
        voxels, changes = [_count(blocks, _labelled, stage="reading labels")], []
        for number, (spec, params) in enumerate(plan.rules):
            blocks = apply_rule(_alone(blocks, run, number), spec, voxel_size=labels.voxel_size, params=params)
            changes.append(dict(blocks.changes))
            if number < len(plan.rules) - 1:
                voxels.append(_count(blocks, _labelled, stage=spec.name))
        excluded = partial(_excluded, plan.zone, blocks, voxel_size=labels.voxel_size)

        def compute(box: Box) -> Mapping[str, npt.NDArray[Any]]:
            return {IMAGE: blocks.read(box), METRIC_MASK: (~excluded(box)).astype(np.uint8)}

        produce(lambda _: compute, stage="preparing labels", block=block, plan=output)(run)
        run.results.update(_counted(run, made, changes, voxels, block=block))

    by_volume = sum(spec.scope == "volume" for spec, _ in plan.rules)
    done = run(
        Job(
            verb="asem labels prepare", destination=destination, plan=output, fill=fill, inputs={"labels": labels},
            settings=made, provenance=provenance("asem labels prepare", labels, **made),
            scratch_bytes=staged_bytes(labels) + _BYTES_OF_IDS * by_volume * labels.box.size,
        ),
        overwrite=overwrite, progress=progress,
    )  # fmt: skip
    return {**made, "output": str(done.path), "source": labels.uri, "shape": list(labels.shape), **done.results}


def _alone(labels: LabelBlocks, run: Run, number: int) -> LabelBlocks:
    """``labels`` for rule ``number``, whose temporary files get in nobody's way."""

    def each(stage: str, blocks: Sequence[Box], write: Callable[[Box], Sequence[Path]]) -> None:
        run.temporary(f"rule {number + 1}: {stage}", blocks, write)

    return attrs.evolve(labels, scratch=run.scratch / f"rule_{number + 1}", each=each)


def _counted(
    run: Run, made: dict[str, Any], changes: list[dict[str, int]], voxels: list[int], *, block: Triple
) -> dict[str, Any]:
    """The stages and the zone with what each changed, counted in what was written."""
    written = LabelBlocks(
        read=lambda box: np.asarray(run.output.image[box.slices]),
        shape=run.output.image.shape, scratch=run.scratch, block=block, progress=run.progress,
    )  # fmt: skip
    mask = written.then(lambda box: np.asarray(run.output.labels[METRIC_MASK][box.slices]))
    voxels = [*voxels, _count(written, _labelled, stage="counting labels")]
    excluded = math.prod(written.shape) - _count(mask, _labelled, stage="counting the zone")
    stages = [
        {**stage, "changed": {**change, "voxels_before": before, "voxels_after": after}}
        for stage, change, before, after in zip(made["stages"], changes, voxels[:-1], voxels[1:], strict=True)
    ]
    return {"stages": stages, "zone": {**made["zone"], "excluded_voxels": excluded}}


def _check_ids(labels: Volume, progress: Progress) -> None:
    """Refuse labels below 0 before anything is written."""

    def check(box: Box) -> None:
        lowest = labels.read(box).min()
        if lowest < 0:
            raise VolumeError(f"{labels.uri}: labels are integers >= 0, found {lowest} in box {box}")

    if labels.dtype.kind == "i":
        boxes = list(slabs(labels.box, read_unit(labels), labels.dtype.itemsize))
        map_blocks(check, boxes, stage="checking labels", progress=progress)


def _read(volume: Volume, box: Box) -> Labels:
    found = volume.read(box)
    return found.view(np.uint8) if found.dtype.kind == "b" else found


def _labelled(found: Labels) -> int:
    return int(np.count_nonzero(found))


def _count(labels: LabelBlocks, of: Callable[[Labels], int], *, stage: str) -> int:
    return sum(map_blocks(lambda box: of(labels.read(box)), labels.blocks, stage=stage, progress=labels.progress))


def _excluded(zone: Zone, labels: LabelBlocks, box: Box, *, voxel_size: VoxelSize) -> npt.NDArray[np.bool_]:
    """Whether each voxel of ``box`` lies in the zone."""
    halo = zone.halo(voxel_size)
    around = box.grow(halo)
    there = around.intersect(labels.box)
    inside = np.zeros(around.shape, np.bool_)
    inside[there.shift([-s for s in around.start]).slices] = labels.read(there) != 0
    return zone.excluded(inside, voxel_size=voxel_size)[tuple(slice(h, -h or None) for h in halo)]


def _describe_rule(spec: Any, params: attrs.AttrsInstance, voxel_size: VoxelSize) -> dict[str, Any]:
    return {
        "name": spec.name, "version": spec.version, "params": attrs.asdict(params),
        "on_grid": on_grid(params, voxel_size),
    }  # fmt: skip
