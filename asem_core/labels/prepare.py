"""Preparation of ground truth, block by block: clean-up, dilation, and the mask of what is scored."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.blocks.mapping import map_blocks
from asem_core.blocks.produce import produce
from asem_core.errors import OutputError, VolumeError
from asem_core.geometry import Box, Triple, VoxelSize, triple
from asem_core.grid.reference import describe_width, on_grid, scale_width
from asem_core.labels.blocks import LabelBlocks, apply_rule, with_halo
from asem_core.labels.plan import Plan
from asem_core.labels.rules import Labels
from asem_core.progress import Progress, silent
from asem_core.registry import Registry, resolve
from asem_core.volume.formats.ome_write import ArrayPlan, OmeVersion
from asem_core.volume.output import check_destination, check_room
from asem_core.volume.provenance import provenance
from asem_core.volume.staging import readable_by_blocks, staged_bytes
from asem_core.volume.volume import Volume

BLOCK: Triple = (128, 128, 128)
CHUNK: Triple = (64, 64, 64)
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
        See `complete_or_absent`.
    """
    _check_output(labels, destination, overwrite=overwrite)
    stages = [_describe_rule(spec, params, labels.voxel_size) for spec, params in plan.rules]
    zone = _describe_zone(plan, registry, labels.voxel_size)
    made: dict[str, Any] = {
        "organelle": plan.organelle,
        "stages": stages,
        "zone": zone,
        "voxel_size_nm": list(labels.voxel_size.zyx),
    }
    # Components need 4 bytes a voxel and rule; the output's room is checked by its writer.
    by_volume = sum(spec.scope == "volume" for spec, _ in plan.rules)
    staged = staged_bytes(labels) if labels.planewise else 0
    check_room(destination.parent, staged + 4 * by_volume * math.prod(labels.shape))
    with (
        tempfile.TemporaryDirectory(
            prefix=f".{destination.name}.", suffix=".partial", dir=destination.parent
        ) as folder,
        readable_by_blocks(labels, Path(folder) / "staged", progress=progress) as volume,
    ):
        blocks = LabelBlocks(
            read=partial(_read, volume), shape=volume.shape, scratch=Path(folder), block=block, progress=progress
        )
        voxels = [_count(blocks, _labelled, stage="reading labels")]
        changes = []
        for number, (spec, params) in enumerate(plan.rules):
            blocks = apply_rule(blocks, spec, voxel_size=labels.voxel_size, params=params)
            changes.append(dict(blocks.changes))
            if number < len(plan.rules) - 1:
                voxels.append(_count(blocks, _labelled, stage=spec.name))
        excluded = _zone_of(plan, registry, labels.voxel_size)

        def compute(box: Box) -> dict[str, npt.NDArray[Any]]:
            return {"image": blocks.read(box), METRIC_MASK: (~excluded(blocks, box)).astype(np.uint8)}

        dtype: np.dtype[Any] = np.dtype(np.uint8) if labels.dtype.kind == "b" else labels.dtype
        produce(
            destination,
            compute,
            image=ArrayPlan(shape=labels.shape, dtype=dtype, chunk=CHUNK, reduction="mode"),
            labels={METRIC_MASK: ArrayPlan(shape=labels.shape, dtype=np.uint8, chunk=CHUNK, reduction="mode")},
            voxel_size=labels.voxel_size,
            lower_edge_nm=labels.lower_edge_nm,
            block=block,
            provenance=provenance("asem labels prepare", labels, **made),
            stage="preparing labels",
            ome_version=ome_version,
            overwrite=overwrite,
            progress=progress,
        )
    return _report(destination, made, changes, voxels, labels=labels, block=block, progress=progress)


def _report(
    destination: Path, made: dict[str, Any], changes: list[dict[str, int]], voxels: list[int], *,
    labels: Volume, block: Triple, progress: Progress,
) -> dict[str, Any]:  # fmt: skip
    import zarr

    written = LabelBlocks(
        read=lambda box: np.asarray(zarr.open_array(destination / "0", mode="r")[box.slices]),
        shape=labels.shape, scratch=destination.parent, block=block, progress=progress,
    )  # fmt: skip
    mask = written.then(
        lambda box: np.asarray(zarr.open_array(destination / "labels" / METRIC_MASK / "0", mode="r")[box.slices])
    )
    voxels = [*voxels, _count(written, _labelled, stage="counting labels")]
    excluded = math.prod(labels.shape) - _count(mask, _labelled, stage="counting the zone")
    stages = [
        {**stage, "changed": {**change, "voxels_before": before, "voxels_after": after}}
        for stage, change, before, after in zip(made["stages"], changes, voxels[:-1], voxels[1:], strict=True)
    ]
    return {
        **made,
        "output": str(destination),
        "source": labels.uri,
        "shape": list(labels.shape),
        "stages": stages,
        "zone": {**made["zone"], "excluded_voxels": excluded},
    }


def _read(volume: Volume, box: Box) -> Labels:
    found = volume.read(box)
    if found.dtype.kind == "b":
        return found.view(np.uint8)
    if found.dtype.kind == "i" and found.min() < 0:
        raise VolumeError(f"{volume.uri}: labels are integers >= 0, found {found.min()} in box {box}")
    return found


def _labelled(found: Labels) -> int:
    return int(np.count_nonzero(found))


def _count(labels: LabelBlocks, of: Callable[[Labels], int], *, stage: str) -> int:
    return sum(map_blocks(lambda box: of(labels.read(box)), labels.blocks, stage=stage, progress=labels.progress))


def _zone_of(plan: Plan, registry: Registry, voxel_size: VoxelSize) -> Callable[[LabelBlocks, Box], npt.NDArray[Any]]:
    spec = registry.exclusion_zones[plan.zone.name]
    dilate, erode = (scale_width(width, voxel_size) for width in (plan.zone.dilate, plan.zone.erode))
    fn = partial(resolve(spec.fn), params=resolve(spec.params)(dilate=dilate, erode=erode))
    halo = triple([max(pair) for pair in zip(dilate, erode, strict=True)])
    return lambda labels, box: with_halo(labels, box, halo, fn)


def _describe_rule(spec: Any, params: attrs.AttrsInstance, voxel_size: VoxelSize) -> dict[str, Any]:
    return {
        "name": spec.name, "version": spec.version, "params": attrs.asdict(params),
        "on_grid": on_grid(params, voxel_size),
    }  # fmt: skip


def _describe_zone(plan: Plan, registry: Registry, voxel_size: VoxelSize) -> dict[str, Any]:
    zone = plan.zone
    return {
        "name": zone.name, "version": registry.exclusion_zones[zone.name].version,
        "params": {"dilate": zone.dilate, "erode": zone.erode},
        "on_grid": {side: describe_width(getattr(zone, side), voxel_size) for side in ("dilate", "erode")},
    }  # fmt: skip


def _check_output(labels: Volume, destination: Path, *, overwrite: bool) -> None:
    if destination.suffix != ".zarr":
        raise OutputError(f"{destination}: prepared labels are an OME-Zarr; name it NAME.zarr")
    check_destination(destination, overwrite=overwrite)
    read, written = Path(labels.uri).resolve(), destination.resolve()
    if read == written or written in read.parents:
        raise OutputError(f"{destination}: it holds the labels that are read; use another name")
