"""Everything that a segmentation needs to know, decided and checked before a byte is written."""

from __future__ import annotations

import logging
import math
import os
from pathlib import Path
from typing import Any

import attrs

from asem_core.blocks import preflight
from asem_core.blocks.journal import Journal
from asem_core.blocks.preflight import Preflight
from asem_core.blocks.resume import check_same, fingerprint, unfinished
from asem_core.errors import ModelError, ResumeError
from asem_core.geometry import Box, BoxNm, Lattice, Triple, VoxelSize, triple
from asem_core.grid.place import clip
from asem_core.predict.choose import choose_runtime, choose_tile, default_max_memory, live_value_bytes
from asem_core.predict.cost import graph_cost
from asem_core.predict.described import check_output, describe
from asem_core.predict.grids import Grids, plan_grids
from asem_core.predict.runner import Runner, check_probability, make_runner
from asem_core.predict.session import Session
from asem_core.predict.source import copy_bytes
from asem_core.predict.tiles import ProbDtype, split_steps
from asem_core.predict.tiling import Tiling, own_tiling
from asem_core.preprocess.stages import Step, make_steps
from asem_core.registry import Registry, resolve
from asem_core.specs import ModelSpec, OrganelleSpec
from asem_core.volume import Volume
from asem_core.volume.check import check_grey, settled_range
from asem_core.volume.grey import Grey, on_grey_range
from asem_core.volume.provenance import provenance
from asem_core.zoo.find import choose_model
from asem_core.zoo.guard.description import check_description
from asem_core.zoo.package import Package, is_own, open_folder, open_package

log = logging.getLogger(__name__)

ENGINE = 2
"""Raised whenever the same settings give other voxels, if only by rounding: a run is finished as it was begun."""
DELIVERED_CHUNK: Triple = (128, 128, 128)
_EFFICIENCY = {("openvino", "bf16"): 2.4, ("openvino", "f32"): 1.2, ("onnxruntime", "f32"): 0.6}
"""Speed of a runtime on a CPU, counted in the graph's own operations, against a float32 matrix product: measured."""


@attrs.frozen(kw_only=True)
class Settings:
    """What the user chose, or left to us (None, ``auto``)."""

    model: str | Path | None = None
    """Id of a model, or the folder of a package."""
    channel: str | None = None
    """Of a model from elsewhere: name or number."""
    roi: Box | BoxNm | None = None
    grey: Grey = None
    """Levels of the input that become 0 and 255, see `check_grey`."""
    runtime: str = "auto"
    precision: str = "auto"
    tile: int | Triple | None = None
    """Input sides of a tile; one number stands for three."""
    max_memory: int | None = None
    """Bytes."""
    prob_dtype: ProbDtype = "uint8"
    workers: int | None = None


def _sides(tile: int | list[int] | Triple) -> Triple:
    """Journals hold lists; those of older engines one number, for a cube."""
    return (tile, tile, tile) if isinstance(tile, int) else triple(tile)


@attrs.frozen(kw_only=True)
class Chosen:
    """What is chosen once, stored beside the output, and used again on resume."""

    tile: Triple = attrs.field(converter=_sides)
    """Input sides, model voxels."""
    runtime: str
    precision: str


@attrs.frozen(kw_only=True)
class Plan:
    """A segmentation that can start."""

    volume: Volume
    mask: Volume | None
    organelle: OrganelleSpec
    package: Package
    steps: tuple[Step, ...]
    """The model's preprocessing, in order; none where it brings a `runner`."""
    runner: Runner | None
    """Of a model from elsewhere, which runs as its description says."""
    tiling: Tiling
    grids: Grids
    roi: Box
    """Voxels of the input."""
    tiles: tuple[Box, ...]
    """Kept boxes, on the model's grid."""
    chosen: Chosen
    prob_dtype: ProbDtype
    threads: int
    output: Path
    resumed: Journal | None
    """The journal of the unfinished run that this one goes on with."""
    preflight: Preflight

    @property
    def direct(self) -> bool:
        """Whether tiles write the output itself; else a second stage delivers it from a working copy."""
        aligned = all(s % c == 0 for s, c in zip(self.roi.start, self.grids.chunk, strict=True))
        return self.grids.route != "two stages" and aligned

    @property
    def chunk(self) -> Triple:
        """Chunk shape of the output."""
        return self.grids.chunk if self.direct else DELIVERED_CHUNK

    @property
    def delivered(self) -> tuple[Box, ...]:
        """Blocks (voxels of the input) of the second stage; none where tiles write directly."""
        return () if self.direct else tuple(self.roi.tiles(DELIVERED_CHUNK))

    @property
    def settings(self) -> dict[str, Any]:
        """All that the voxels of the output depend on."""
        spec = self.package.spec
        return {
            "engine": ENGINE,
            "organelle": self.organelle.name,
            "model": {"id": spec.id, "version": spec.version, "sha256": spec.sha256},
            "preprocess": [step.settings for step in self.steps],
            **({} if self.runner is None else {"described": self.runner.settings}),
            "input": dict(self.volume.identity),
            "input_voxel_size_nm": list(self.volume.voxel_size.zyx),
            "mask": None if self.mask is None else dict(self.mask.identity),
            "roi": str(self.roi),
            "threshold": self.organelle.threshold,
            "prob_dtype": self.prob_dtype,
            **attrs.asdict(self.chosen),
            "tile": list(self.chosen.tile),
        }

    @property
    def fingerprint(self) -> str:
        """Digest of `settings`."""
        return fingerprint(self.settings)

    @property
    def provenance(self) -> dict[str, Any]:
        """What goes into the output's metadata: settings, versions."""
        return provenance("asem segment", self.volume, part=self.roi, settings=self.settings)


def make_plan(
    volume: Volume,
    output: Path,
    *,
    organelle: OrganelleSpec,
    registry: Registry,
    settings: Settings,
    mask: Volume | None,
    overwrite: bool,
) -> Plan:
    """Decide and check everything; nothing is written.

    Raises
    ------
    AsemError
        Whatever stands in the way: model, ROI, mask, voxel size, values, existing output, memory, disk.
    """
    package, runner = _open_model(organelle, settings, volume)
    as_given, grey = volume, settled_range(volume, settings.grey, model=package.spec)
    volume = volume if grey is None else on_grey_range(volume, grey)
    steps = make_steps(package.spec.preprocess, registry)
    split_steps(steps)
    roi = volume.part(settings.roi)
    mask = None if mask is None else clip(mask, volume)
    earlier = unfinished(output, overwrite=overwrite)
    stored = Chosen(**earlier.head["chosen"]) if earlier is not None else None
    tiling = own_tiling(package.onnx) if runner is None else runner.model.tiling
    tile = None if settings.tile is None else tiling.asked(settings.tile)
    runtime, precision = settings.runtime, settings.precision
    if stored is not None:
        _agree(stored, output, tile=tile, runtime=runtime, precision=precision)
        tile, runtime, precision = stored.tile, stored.runtime, stored.precision
    runtime = choose_runtime(runtime, registry)
    # What others published was tested in float32; what bf16 does to it is for the user to decide.
    precision = _settle_precision(runtime, "f32" if runner is not None and precision == "auto" else precision)
    model_size = VoxelSize(package.spec.voxel_size_nm)
    rough = plan_grids(volume.shape, volume.voxel_size, model_size, Lattice(64), two_fold=runner is None)
    max_memory = settings.max_memory or default_max_memory(runtime)
    cost = choose_tile(
        tiling, rough.model_shape, rough.fine, bytes_per_value=live_value_bytes(runtime, precision), tile=tile,
        max_memory=max_memory,
    )  # fmt: skip
    if runner is not None:
        check_output(runner.model, cost.lattice)
    grids = attrs.evolve(rough, lattice=cost.lattice)
    tiles = tuple(grids.tiles(roi))
    plan = Plan(
        volume=volume, mask=mask, organelle=organelle, package=package, steps=tuple(steps), runner=runner,
        tiling=tiling, grids=grids, roi=roi, tiles=tiles,
        chosen=Chosen(tile=cost.lattice.side, runtime=runtime, precision=precision),
        prob_dtype=settings.prob_dtype, threads=settings.workers or _cores(), output=output, resumed=earlier,
        preflight=Preflight(memory=cost.memory, disk=0, seconds=0.0),
    )  # fmt: skip
    if earlier is not None:
        check_same(earlier, plan.settings, plan.output)
    plan = attrs.evolve(plan, preflight=_estimate(plan, cost.memory))
    preflight.check(plan.preflight, output=output, max_memory=max_memory)
    check_grey(as_given, grey=grey, model=package.spec)
    return plan


def _open_model(organelle: OrganelleSpec, settings: Settings, volume: Volume) -> tuple[Package, Runner | None]:
    """The model that is asked for, and how it runs where it is not one of ours."""
    if isinstance(settings.model, Path):
        check_description(settings.model)
        if not is_own(settings.model):
            return _open_described(settings.model, settings, volume)
        package = open_folder(settings.model, organelle=organelle.name)
    else:
        package = open_package(choose_model(organelle, settings.model))
    if settings.channel is not None:
        raise ModelError(f"the model {package.spec.id!r} has one output channel: leave --channel out")
    return package, None


def _open_described(folder: Path, settings: Settings, volume: Volume) -> tuple[Package, Runner]:
    model = describe(folder)
    runner = make_runner(model, channel=settings.channel)
    if settings.prob_dtype == "uint8":
        check_probability(runner)
    if model.voxel_size is None:
        log.warning(
            "the model %s does not state its voxel size: it runs on the volume's own grid of %s; if it was trained on "
            "another one, bring the volume there first (asem convert --resample)",
            model.path, volume.voxel_size,
        )  # fmt: skip
    spec = ModelSpec(
        id=model.id, version=model.version, package=str(folder), sha256=model.sha256, licence=model.licence,
        voxel_size_nm=(model.voxel_size or volume.voxel_size).zyx, trained_on="see its description",
    )  # fmt: skip
    return Package(spec=spec, folder=folder, onnx=model.onnx), runner


def _cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _agree(stored: Chosen, output: Path, **asked: Triple | str | None) -> None:
    """Refuse a choice that contradicts what an unfinished run chose."""
    for name, value in asked.items():
        before = getattr(stored, name)
        if value not in (None, "auto", before):
            begun, now = (",".join(map(str, v)) if isinstance(v, tuple) else v for v in (before, value))
            raise ResumeError(
                f"{output} was begun with --{name} {begun}, not {now}: leave --{name} out to resume, "
                "or pass --overwrite to begin anew"
            )


def _settle_precision(runtime: str, precision: str) -> str:
    if precision != "auto":
        return precision
    if runtime == "openvino":
        from asem_core.predict.openvino_runtime import has_bf16

        return "bf16" if has_bf16() else "f32"
    return "f32"


def _estimate(plan: Plan, memory: int) -> Preflight:
    grids = plan.grids
    per_voxel = {"uint8": 1, "float32": 4}[plan.prob_dtype] + 1
    disk = per_voxel * plan.roi.align_out(plan.chunk).size * 8 / 7
    if not plan.direct:
        working = 4 if grids.route == "two stages" else per_voxel
        disk += working * len(plan.tiles) * math.prod(grids.output_box(plan.tiles[0]).shape)
    disk += copy_bytes(plan.volume, grids, plan.tiles)
    one = graph_cost(plan.tiling.onnx, plan.tiling.input_shape(grids.lattice))
    efficiency = _EFFICIENCY.get((plan.chosen.runtime, plan.chosen.precision), 0.5)
    seconds = len(plan.tiles) * one.flop / (efficiency * preflight.machine_flops())
    return Preflight(memory=memory, disk=int(disk), seconds=seconds)


def open_session(plan: Plan, registry: Registry) -> Session:
    """The session of ``plan``: its runtime, precision and tile."""
    session: Session = resolve(registry.runtimes[plan.chosen.runtime].open)(
        plan.tiling.onnx, shape=plan.tiling.input_shape(plan.grids.lattice), precision=plan.chosen.precision,
        threads=plan.threads,
    )  # fmt: skip
    return session
