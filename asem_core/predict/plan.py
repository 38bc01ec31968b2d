"""Everything that a segmentation needs to know, decided and checked before a byte is written."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import attrs

from asem_core.blocks import preflight
from asem_core.blocks.executors import ask, width
from asem_core.blocks.fill import whole_chunks
from asem_core.blocks.job import earlier_run
from asem_core.blocks.journal import Journal
from asem_core.blocks.preflight import Preflight
from asem_core.errors import ResumeError
from asem_core.geometry import Box, BoxNm, Lattice, Triple, VoxelSize, triple
from asem_core.grid.place import clip
from asem_core.memory import default_max_memory
from asem_core.models.model import Model
from asem_core.models.runtimes.graph import graph_cost
from asem_core.models.runtimes.session import PlannedSession, SessionPlan
from asem_core.models.tiling import MOST_VOXELS
from asem_core.predict.adapt import adaptation_of
from asem_core.predict.choose import Arithmetic, choose_runtime, choose_tile
from asem_core.predict.grids import Grids, plan_grids
from asem_core.predict.quantise import ProbDtype
from asem_core.predict.source import copy_bytes, read_part
from asem_core.registry import Registry
from asem_core.separation.inside import check_separable, name_of_instances, scratch_bytes
from asem_core.specs import OrganelleSpec, Separation
from asem_core.volume import Volume
from asem_core.volume.address import Location
from asem_core.volume.check import check_grey, settled_range
from asem_core.volume.formats.ome_write import PYRAMID_SHARE, ArrayPlan, OmePlan
from asem_core.volume.grey import Grey, on_grey_range
from asem_core.volume.output import check_ome_name, place_of_volume
from asem_core.volume.provenance import provenance
from asem_core.zoo.files import file_sha256

log = logging.getLogger(__name__)

ENGINE = 3
"""Raised whenever the same settings give other voxels, if only by rounding: a run is finished as it was begun."""
VERB = "asem segment"
_SMALL_PART, _SMALL_TILE = 1 / 40, 1 / 5
"""Of a volume, and of `MOST_VOXELS`."""
DELIVERED_CHUNK: Triple = (128, 128, 128)


@attrs.frozen(kw_only=True)
class Settings:
    """What the user chose, or left to us (None, ``auto``)."""

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
    shard: int | Triple | None = None
    """Sides of a shard of the output; see `OmePlan`."""
    workers: int | None = None
    instances: bool = False
    """Whether the objects of the segmentation are numbered too."""
    models: int = 1
    """That run at once and share the memory."""


@attrs.frozen(kw_only=True)
class Chosen:
    """What is chosen once, stored beside the output, and used again on resume."""

    tile: Triple = attrs.field(converter=triple)
    """Input sides, model voxels."""
    origin: Triple = attrs.field(converter=triple)
    """Where the lattice of tiles begins, model voxels."""
    runtime: str
    precision: str
    quantised: bool = False
    """Whether it is the model's graph in 8-bit integers that runs."""
    adaptation: Mapping[str, Any] | None = None
    """What was measured to adapt the model to the volume."""


@attrs.frozen(kw_only=True)
class Plan:
    """A segmentation that can start."""

    volume: Volume
    mask: Volume | None
    organelle: OrganelleSpec
    model: Model
    grids: Grids
    lattice: Lattice
    roi: Box
    """Voxels of the input."""
    tiles: tuple[Box, ...]
    """Kept boxes, on the model's grid."""
    chosen: Chosen
    prob_dtype: ProbDtype
    shard: int | Triple | None = None
    separation: Separation | None = None
    """How objects that touch are told apart; None: objects are not numbered."""
    threads: int | None
    """That compute; None: one a core of who computes."""
    at_once: int
    """Tiles that a session takes at once."""
    output: Location
    overwrite: bool
    """Whether what is there is replaced."""
    resumed: bool
    """Whether it goes on with an unfinished run."""
    finished: bool
    """Whether the output is there already: it is verified, and repaired where it is damaged."""
    preflight: Preflight

    @property
    def tile_chunk(self) -> Triple:
        """Chunk (output voxels) of an array that tiles write: no two of them share one."""
        return triple([c * f for c, f in zip(self.lattice.chunk, self.grids.fine, strict=True)])

    @property
    def direct(self) -> bool:
        """Whether tiles write the output itself; else a second sweep delivers it from a working copy.

        The output's chunks begin at the ROI: no chunk may lie in two tiles. A shard is larger than what a tile keeps.
        """
        if self.shard is not None:
            return False
        alone = [len({tile.start[axis] for tile in self.tiles}) == 1 for axis in range(3)]
        first = self.grids.output_box(self.tiles[0]).start
        steps = [(s - f) % c for s, f, c in zip(self.roi.start, first, self.tile_chunk, strict=True)]
        return self.grids.route != "two stages" and all(a or not s for a, s in zip(alone, steps, strict=True))

    @property
    def chunk(self) -> Triple:
        """Chunk shape of the output."""
        return self.tile_chunk if self.direct else DELIVERED_CHUNK

    @property
    def delivered(self) -> tuple[Box, ...]:
        """Blocks (voxels of the output) of the second sweep; none where tiles write directly."""
        return () if self.direct else tuple(whole_chunks(self.ome, DELIVERED_CHUNK))

    @property
    def reads(self) -> list[Box]:
        """What the tiles read, on the model's grid; may reach outside the volume."""
        return [self.lattice.read(tile) for tile in self.tiles]

    def reads_like(self, other: Plan) -> bool:
        """Whether its tiles read the same voxels as those of ``other``, brought to the same grid by the same stages."""
        mine, others = (
            (plan.volume.identity, plan.grids, plan.lattice, plan.tiles, plan.model.before, plan.model.needs)
            for plan in (self, other)
        )
        return mine == others

    @property
    def graph(self) -> Path:
        """What the session opens: the model's weights, or the same in 8-bit integers."""
        return self.model.int8 if self.chosen.quantised and self.model.int8 is not None else self.model.onnx

    @property
    def adapted(self) -> str | None:
        """How the model was adapted to the volume, in a line."""
        values = self.chosen.adaptation
        return None if values is None else str(adaptation_of(values, weight=values["weight"]))

    @property
    def ids(self) -> str:
        """What the label image with an id per object is called, where there is one."""
        return name_of_instances(self.organelle.name)

    @property
    def settings(self) -> dict[str, Any]:
        """All that the voxels of the output depend on."""
        return {
            "engine": ENGINE,
            "organelle": self.organelle.name,
            **self.model.settings,
            "roi": str(self.roi),
            "threshold": self.organelle.threshold,
            "prob_dtype": self.prob_dtype,
            "tile": list(self.chosen.tile),
            "origin": list(self.chosen.origin),
            "runtime": self.chosen.runtime,
            "precision": self.chosen.precision,
            **({} if self.graph == self.model.onnx else {"quantised": file_sha256(self.graph)}),
            **({} if self.separation is None else {"separation": attrs.asdict(self.separation)}),
        }

    @property
    def ome(self) -> OmePlan:
        """The output: the probability map, the segmentation, and an id for every object where they are numbered."""
        lower, _ = self.roi.to_nm(self.volume.voxel_size, origin_nm=self.volume.lower_edge_nm)
        image = ArrayPlan(shape=self.roi.shape, dtype=self.prob_dtype, chunk=self.chunk)
        names = {self.organelle.name: "uint8", **({} if self.separation is None else {self.ids: "uint32"})}
        return OmePlan(
            image=image,
            labels={name: attrs.evolve(image, dtype=dtype) for name, dtype in names.items()},
            voxel_size=self.volume.voxel_size,
            lower_edge_nm=lower,
            shard=self.shard,
        )

    @property
    def provenance(self) -> dict[str, Any]:
        """What goes into the output's metadata: settings, versions."""
        mask = None if self.mask is None else dict(self.mask.identity)
        return provenance(VERB, self.volume, part=self.roi, settings=self.settings, mask=mask)


def make_plan(
    volume: Volume,
    output: Location,
    *,
    organelle: OrganelleSpec,
    model: Model,
    registry: Registry,
    settings: Settings,
    mask: Volume | None,
    overwrite: bool,
) -> Plan:
    """Decide and check everything; nothing is written.

    Raises
    ------
    AsemError
        Whatever stands in the way: ROI, mask, voxel size, values, existing output, runtime, memory, disk.
    """
    if settings.prob_dtype == "uint8":
        model.check_probability()
    if settings.instances:
        check_separable(organelle)
    check_ome_name(output, "a segmentation")
    place_of_volume(output, inputs=[volume, *(() if mask is None else (mask,))])
    as_given, grey = volume, settled_range(volume, settings.grey, trained_on=model.grey)
    volume = volume if grey is None else on_grey_range(volume, grey)
    roi = volume.part(settings.roi)
    mask = None if mask is None else clip(mask, volume)
    earlier = None if overwrite else earlier_run(output)
    stored = _stored(earlier)
    tile = None if settings.tile is None else model.tiling.asked(settings.tile)
    runtime, precision = settings.runtime, settings.precision
    if stored is not None:
        if earlier is not None and not earlier.complete:
            _agree(stored, output, tile=tile, runtime=runtime, precision=precision)
        tile = tile or stored.tile
        runtime = stored.runtime if runtime == "auto" else runtime
        precision = stored.precision if precision == "auto" else precision
    arithmetic = ask(
        partial(
            choose_runtime,
            runtime,
            model.precision if precision == "auto" else precision,
            registry=registry,
            quantised=model.int8 is not None,
        ),
        gpu=True,
    )
    log.info("%s runs in %s by %s", model.id, arithmetic.precision.name, arithmetic.runtime)
    grids = plan_grids(volume.shape, volume.voxel_size, _model_size(model, volume), two_fold=model.spare > 0)
    needed = grids.model_box(roi)
    allowed = settings.max_memory or ask(
        partial(default_max_memory, arithmetic.device_memory, fixed=tile is not None), gpu=True
    )
    max_memory = allowed // settings.models
    cost = choose_tile(
        model.tiling,
        needed,
        fine=grids.fine,
        arithmetic=arithmetic,
        max_memory=max_memory,
        most_voxels=_most_voxels(roi, of=volume.shape),
        tile=tile,
        origin=(0, 0, 0) if stored is None else stored.origin,
    )
    model.check_tile(cost.lattice)
    plan = Plan(
        volume=volume,
        mask=mask,
        organelle=organelle,
        model=model,
        grids=grids,
        lattice=cost.lattice,
        roi=roi,
        tiles=tuple(cost.lattice.kept(index) for index in cost.lattice.covering(needed)),
        chosen=Chosen(
            tile=cost.lattice.side,
            origin=cost.lattice.origin,
            runtime=arithmetic.runtime,
            precision=arithmetic.precision.name,
            quantised=arithmetic.precision.quantised,
            adaptation=model.adaptation,
        ),
        prob_dtype=settings.prob_dtype,
        shard=settings.shard,
        separation=organelle.separation if settings.instances else None,
        threads=settings.workers,
        at_once=arithmetic.at_once,
        output=output,
        overwrite=overwrite,
        resumed=earlier is not None and not earlier.complete,
        finished=earlier is not None and earlier.complete,
        preflight=Preflight(memory=cost.memory, disk=0, seconds=0.0),
    )
    plan = attrs.evolve(plan, preflight=_estimate(plan, cost.memory, arithmetic))
    preflight.check_memory(plan.preflight, max_memory=max_memory)
    if earlier is None:
        preflight.check_disk(plan.preflight, output=output)
    if model.adaptation is None:  # else all of the volume was checked when the adaptation was measured
        read = read_part(volume, grids, plan.reads, model=model)
        check_grey(as_given, grey=grey, trained_on=model.grey, model=model.id, box=read)
    return plan


def _most_voxels(roi: Box, *, of: Triple) -> int:
    """Of a tile's input. A small part is for trying: what it takes of the memory should be little too."""
    small = roi.size <= _SMALL_PART * math.prod(of)
    return int(_SMALL_TILE * MOST_VOXELS) if small else MOST_VOXELS


def earlier_adaptation(output: Location) -> Mapping[str, Any] | None:
    """What a run into the same output measured to adapt its model; None where there is none."""
    stored = _stored(earlier_run(output))
    return None if stored is None else stored.adaptation


def _stored(earlier: Journal | None) -> Chosen | None:
    """What an earlier run into the same output chose; None where there is none, or one of another engine."""
    if earlier is None or earlier.head.verb != VERB or earlier.head.settings.get("engine") != ENGINE:
        return None
    return Chosen(**earlier.head.chosen)


def _model_size(model: Model, volume: Volume) -> VoxelSize:
    if model.voxel_size is not None:
        return model.voxel_size
    log.warning(
        "the model %s does not state its voxel size: it runs on the volume's own grid of %s; if it was trained on "
        "another one, bring the volume there first (asem convert --resample)",
        model.id,
        volume.voxel_size,
    )
    return volume.voxel_size


def _agree(stored: Chosen, output: Location, **asked: Triple | str | None) -> None:
    """Refuse a choice that contradicts what an unfinished run chose."""
    for name, value in asked.items():
        before = getattr(stored, name)
        if value not in (None, "auto", before):
            begun, now = (",".join(map(str, v)) if isinstance(v, tuple) else v for v in (before, value))
            raise ResumeError(
                f"{output} was begun with --{name} {begun}, not {now}: leave --{name} out to resume, "
                "or pass --overwrite to begin anew"
            )


def _estimate(plan: Plan, memory: int, arithmetic: Arithmetic) -> Preflight:
    grids = plan.grids
    per_voxel = {"uint8": 1, "float32": 4}[plan.prob_dtype] + 1
    ids = 0 if plan.separation is None else 4
    disk = (per_voxel + ids) * plan.roi.align_out(plan.chunk).size * PYRAMID_SHARE
    if plan.separation is not None:
        disk += scratch_bytes(plan.roi.shape)
    if not plan.direct:
        working = 4 if grids.route == "two stages" else per_voxel
        disk += working * len(plan.tiles) * math.prod(grids.output_box(plan.tiles[0]).shape)
    disk += copy_bytes(plan.volume, grids, plan.reads, model=plan.model)
    shape = plan.model.tiling.input_shape(plan.lattice)
    one = graph_cost(plan.model.onnx, shape, rewrite=arithmetic.rewrite)
    speed = arithmetic.precision.speed * ask(preflight.machine_flops, gpu=True) * min(width(), len(plan.tiles))
    seconds = len(plan.tiles) * one.flop / speed
    return Preflight(memory=memory, disk=int(disk), seconds=seconds)


def plan_session(plan: Plan, registry: Registry) -> PlannedSession:
    """The session of ``plan``: its runtime, precision and tile."""
    return PlannedSession(
        SessionPlan(
            runtime=registry.runtimes[plan.chosen.runtime].open,
            graph=plan.graph,
            shape=plan.model.tiling.input_shape(plan.lattice),
            precision=plan.chosen.precision,
            threads=plan.threads,
            at_once=plan.at_once,
        )
    )
