"""Preparation of ground truth, block by block: clean-up, dilation, and the mask of what is scored."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.blocks.executors import map_blocks
from asem_core.blocks.fill import Run, produce
from asem_core.blocks.job import Job, run
from asem_core.cluster import executing
from asem_core.errors import OutputError
from asem_core.geometry import Box, Triple, VoxelSize
from asem_core.grid.reference import on_grid
from asem_core.labels.blocks import LabelBlocks, apply_rule, check_ids
from asem_core.labels.plan import Plan, choose_zone, make_plan
from asem_core.labels.rules import Labels
from asem_core.labels.zone import Zone
from asem_core.organelles import find_organelle
from asem_core.params import as_stage
from asem_core.progress import Progress, silent
from asem_core.registry import Registry, make_registry
from asem_core.specs import DatasetSpec, OrganelleSpec, StageRef
from asem_core.stage_text import stage_text
from asem_core.volume.address import Location, destination_of
from asem_core.volume.formats.ome_write import IMAGE, ArrayPlan, OmePlan, OmeVersion
from asem_core.volume.kind import check_is_labels
from asem_core.volume.opening import as_volume
from asem_core.volume.provenance import provenance
from asem_core.volume.staging import staged_bytes
from asem_core.volume.volume import Volume

if TYPE_CHECKING:
    from distributed import Client

    from asem_core.cluster import Dask

BLOCK: Triple = (128, 128, 128)
CHUNK: Triple = (64, 64, 64)
_BYTES_OF_IDS = 4
"""Temporary, per voxel and rule that needs connected components."""
METRIC_MASK = "metric_mask"
"""Name of the label image that is 1 where a segmentation is scored and 0 in the exclusion zone."""


@attrs.frozen(kw_only=True)
class PreparedLabels:
    """What `prepare_labels` made."""

    path: Location
    """The OME-Zarr: its image is the labels, ``labels/metric_mask`` is 1 where a segmentation is scored."""
    organelle: str
    source: str
    """Address of the labels that it was made from."""
    shape: Triple
    voxel_size: VoxelSize
    stages: Sequence[Mapping[str, Any]]
    """Clean-up and dilation, in order: name, version, parameters, those on the grid in voxels and nm, what changed."""
    zone: Mapping[str, Any]
    """The exclusion zone in the same way, with ``excluded_voxels``."""

    @property
    def labelled_voxels(self) -> int:
        """Voxels that are not background, after all stages."""
        return int(self.stages[-1]["changed"]["voxels_after"])

    def __str__(self) -> str:
        lines = []
        for stage in self.stages:
            changed = dict(stage["changed"])
            gained = changed.pop("voxels_after") - changed.pop("voxels_before")
            counts = [f"{value:,} {name.replace('_', ' ')}" for name, value in changed.items()]
            lines.append(f"{stage_text(stage)}: {', '.join([*counts, f'{gained:+,} voxels'])}")
        lines.append(f"zone {stage_text(self.zone)}: {self.zone['excluded_voxels']:,} voxels")
        lines.append(f"{self.path}: {self.labelled_voxels:,} voxels labelled")
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "organelle": self.organelle, "stages": list(self.stages), "zone": dict(self.zone),
            "voxel_size_nm": list(self.voxel_size.zyx), "output": str(self.path), "source": self.source,
            "shape": list(self.shape),
        }  # fmt: skip


def prepare_labels(
    labels: Volume | str | Path,
    output: str | Location,
    *,
    organelle: OrganelleSpec | str | Path,
    registry: Registry | None = None,
    voxel_size: VoxelSize | Sequence[float] | None = None,
    dataset: DatasetSpec | str | None = None,
    cleanup: Sequence[StageRef | str] | None = None,
    dilate: int | None = None,
    zone: StageRef | str | None = None,
    ome_version: OmeVersion | None = None,
    shard: int | Triple | None = None,
    overwrite: bool = False,
    executor: Dask | Client | None = None,
    progress: Progress = silent,
    block: Triple = BLOCK,
) -> PreparedLabels:
    """Clean up labels, dilate them, and find out where a segmentation is to be scored.

    The output's image is the labels; its label image ``metric_mask`` is 0 in the exclusion zone and 1 elsewhere.

    Parameters
    ----------
    labels
        A volume or its address (`open_labels`): ``(z, y, x)``, integers >= 0 or bool; 0 is background. Ids are kept,
        booleans become uint8.
    output
        ``NAME.zarr``.
    organelle
        The name of an installed organelle, a file that describes one (docs/organelles.md), or its spec: whose rules
        and numbers.
    registry
        By default everything installed.
    voxel_size
        nm (z, y, x), where the labels do not state it.
    dataset
        A data set or its name, which says how these labels were drawn: its dilation comes before the organelle's.
    cleanup
        Rules instead of the organelle's, `StageRef` or text such as ``"remove_small_objects:min_voxels=100"``; an empty
        list: none.
    dilate
        Width in voxels of 5 nm that comes before the data set's and the organelle's; 0: none.
    zone
        Exclusion zone instead of the organelle's: a stage, or text as for `asem_core.evaluate`.
    ome_version, shard
        Version of OME-Zarr, by default 0.4; sides in voxels of the files that hold chunks, then it is 0.5. By default
        every chunk is a file.
    executor
        Where blocks run: a `distributed.Client`, or what `asem_core.cluster.connect` gives; by default on this machine.
        Does not change the result.
    block
        Voxels per axis of a block. The result does not depend on it.

    Returns
    -------
    PreparedLabels
        What ran (``stages``, ``zone``), with its numbers in voxels of a 5 nm grid, in voxels of the labels and in nm,
        and what it changed.

    Raises
    ------
    VolumeError
        Labels below 0.
    PluginError
        An unknown organelle, data set, rule, zone or parameter, or a data set without labels of the organelle.
    OutputError
        See `asem_core.blocks.job.run`.

    Notes
    -----
    Method: Gallusser et al. 2022: clean-up, then dilation, then exclusion zone.

    Examples
    --------
    >>> made = prepare_labels("cell.zarr", "er.zarr", organelle="er", zone="incasem")  # doctest: +SKIP
    """
    registry = registry or make_registry()
    spec = find_organelle(organelle, registry)
    plan = make_plan(
        spec,
        registry,
        dilate=dilate,
        dataset=registry.datasets[dataset] if isinstance(dataset, str) else dataset,
        cleanup=None if cleanup is None else [as_stage(rule) for rule in cleanup],
        zone=choose_zone(spec, zone, registry=registry) if isinstance(zone, str) else zone,
    )
    labels = as_volume(labels, labels=spec.name, registry=registry, voxel_size=voxel_size)
    with executing(executor):
        return _prepare(
            labels,
            destination_of(output),
            plan=plan,
            ome_version=ome_version,
            shard=shard,
            overwrite=overwrite,
            progress=progress,
            block=block,
        )


def _prepare(
    labels: Volume,
    destination: Location,
    *,
    plan: Plan,
    ome_version: OmeVersion | None,
    shard: int | Triple | None,
    overwrite: bool,
    progress: Progress,
    block: Triple,
) -> PreparedLabels:
    if destination.suffix != ".zarr":
        raise OutputError(f"{destination}: prepared labels are an OME-Zarr; name it NAME.zarr")
    check_is_labels(labels)
    check_ids(labels, progress=progress)
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
        image=image,
        labels={METRIC_MASK: attrs.evolve(image, dtype=np.uint8)},
        voxel_size=labels.voxel_size,
        lower_edge_nm=labels.lower_edge_nm,
        ome_version=ome_version,
        shard=shard,
    )

    def fill(run: Run) -> None:
        blocks = LabelBlocks(
            read=partial(_read, run.readable(labels)),
            shape=labels.shape,
            scratch=run.scratch,
            block=block,
            progress=progress,
        )
        voxels, changes = [_count(blocks, _labelled, sweep="reading labels")], []
        for number, (spec, params) in enumerate(plan.rules):
            blocks = apply_rule(_alone(blocks, run, number), spec, voxel_size=labels.voxel_size, params=params)
            changes.append(dict(blocks.changes))
            if number < len(plan.rules) - 1:
                voxels.append(_count(blocks, _labelled, sweep=spec.name))
        excluded = partial(_excluded, plan.zone, blocks, voxel_size=labels.voxel_size)

        def compute(box: Box) -> Mapping[str, npt.NDArray[Any]]:
            return {IMAGE: blocks.read(box), METRIC_MASK: (~excluded(box)).astype(np.uint8)}

        produce(lambda _: compute, sweep="preparing labels", block=block, plan=output)(run)
        run.results.update(_counted(run, made, changes, voxels, block=block))

    by_volume = sum(spec.scope == "volume" for spec, _ in plan.rules)
    done = run(
        Job(
            verb="asem labels prepare",
            destination=destination,
            plan=output,
            fill=fill,
            inputs={"labels": labels},
            settings=made,
            provenance=provenance("asem labels prepare", labels, **made),
            scratch_bytes=staged_bytes(labels) + _BYTES_OF_IDS * by_volume * labels.box.size,
        ),
        overwrite=overwrite,
        progress=progress,
    )
    return PreparedLabels(
        path=done.path,
        organelle=plan.organelle,
        source=labels.uri,
        shape=labels.shape,
        voxel_size=labels.voxel_size,
        stages=done.results["stages"],
        zone=done.results["zone"],
    )


def _alone(labels: LabelBlocks, run: Run, number: int) -> LabelBlocks:
    """``labels`` for rule ``number``, whose temporary files get in nobody's way."""

    def each(sweep: str, blocks: Sequence[Box], write: Callable[[Box], Sequence[Path]]) -> None:
        run.temporary(f"rule {number + 1}: {sweep}", blocks, write)

    return attrs.evolve(labels, scratch=run.scratch / f"rule_{number + 1}", each=each)


def _counted(
    run: Run, made: dict[str, Any], changes: list[dict[str, int]], voxels: list[int], *, block: Triple
) -> dict[str, Any]:
    """The stages and the zone with what each changed, counted in what was written."""
    image, metric_mask = run.output.image, run.output.labels[METRIC_MASK]
    written = LabelBlocks(
        read=lambda box: np.asarray(image[box.slices]),
        shape=image.shape,
        scratch=run.scratch,
        block=block,
        progress=run.progress,
    )
    mask = written.then(lambda box: np.asarray(metric_mask[box.slices]))
    voxels = [*voxels, _count(written, _labelled, sweep="counting labels")]
    excluded = math.prod(written.shape) - _count(mask, _labelled, sweep="counting the zone")
    stages = [
        {**stage, "changed": {**change, "voxels_before": before, "voxels_after": after}}
        for stage, change, before, after in zip(made["stages"], changes, voxels[:-1], voxels[1:], strict=True)
    ]
    return {"stages": stages, "zone": {**made["zone"], "excluded_voxels": excluded}}


def _read(volume: Volume, box: Box) -> Labels:
    found = volume.read(box)
    return found.view(np.uint8) if found.dtype.kind == "b" else found


def _labelled(found: Labels) -> int:
    return int(np.count_nonzero(found))


def _count(labels: LabelBlocks, of: Callable[[Labels], int], *, sweep: str) -> int:
    return sum(map_blocks(lambda box: of(labels.read(box)), labels.blocks, sweep=sweep, progress=labels.progress))


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
