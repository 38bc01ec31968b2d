"""Plans as jobs: one by one, or, where models read alike, one within another, and one pass over the tiles serves all.

::

    mito   begin ------------------------------------------------ deliver, number, pyramid, verify
    er            begin -- predict for both -- deliver, number, pyramid, verify

Each has its own output, journal and fingerprint, as if it were alone: it can be begun together and finished alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.blocks.executors import ask
from asem_core.blocks.fill import Run, whole_chunks
from asem_core.blocks.job import Done, Job
from asem_core.blocks.job import run as run_job
from asem_core.geometry import Box, Triple
from asem_core.grid.mirror import read_mirrored
from asem_core.grid.resample import resample, source_box
from asem_core.predict.plan import VERB, Plan, plan_session
from asem_core.predict.quantise import Predicted, quantise
from asem_core.predict.target import Target, direct_target, working_target
from asem_core.predict.tiles import Part, predict
from asem_core.progress import Progress, silent
from asem_core.registry import Registry
from asem_core.separation.inside import BLOCK, Separated, find_objects, numbers
from asem_core.specs import RunEvent, Separation
from asem_core.volume.address import Location
from asem_core.volume.formats.ome_write import IMAGE

DELIVER, NUMBER = "deliver", "number objects"


@attrs.frozen(kw_only=True)
class Segmentation:
    """What `asem_core.segment` made."""

    path: Location
    """The OME-Zarr: its image is the probability map, ``labels/<organelle>`` the segmentation."""
    organelle: str
    separated: Separated | None
    """Its objects, where instances were asked for."""
    model: str
    runtime: str
    precision: str
    tile: Triple
    """Input sides, model voxels."""
    seconds: float
    voxels: int
    """Of the input's ROI."""

    def __str__(self) -> str:
        speed = self.voxels / self.seconds / 1e6
        return (
            f"{self.path}: {self.organelle} by {self.model}, {self.runtime} {self.precision}, "
            f"{self.seconds:.0f} s, {speed:.2f} million voxels/s"
        )


def run_plan(plan: Plan, *, registry: Registry, progress: Progress = silent) -> Segmentation:
    """Carry out ``plan``."""
    return run_plans([[plan]], registry=registry, progress=progress)[plan.output]


def run_plans(
    passes: Sequence[Sequence[Plan]], *, registry: Registry, progress: Progress = silent
) -> dict[Location, Segmentation]:
    """Carry out plans, those of one pass together; what was made, by output."""
    made: dict[Location, Segmentation] = {}
    for plans in passes:
        together = _Pass(registry=registry, progress=progress, made=made)
        while left := [plan for plan in plans if plan.output not in made]:
            together.run(left)
    return made


def in_passes(plans: Sequence[Plan]) -> list[list[Plan]]:
    """``plans`` in passes: those that read alike are one; what was finished before is verified by itself, first."""
    found = [[plan] for plan in plans if plan.finished]
    rest = [plan for plan in plans if not plan.finished]
    while rest:
        found.append([plan for plan in rest if plan.reads_like(rest[0])])
        rest = [plan for plan in rest if not plan.reads_like(rest[0])]
    return found


@attrs.frozen(kw_only=True, eq=False)
class _Pass:
    """Jobs within one another."""

    registry: Registry
    progress: Progress
    made: dict[Location, Segmentation]
    began: float = attrs.field(factory=time.monotonic)

    def run(self, plans: Sequence[Plan], outer: tuple[Part, ...] = ()) -> None:
        """Run the first of ``plans`` as a job, the others within it; ``outer`` are under way."""
        plan, *others = plans
        # Before anything is written: a graph that cannot be loaded leaves nothing behind.
        session = plan_session(plan, self.registry)
        runtime = None if plan.finished else ask(lambda: session.runtime, gpu=True)

        def fill(run: Run) -> None:
            run.results["runtime"] = runtime or ask(lambda: session.runtime, gpu=True)
            target = direct_target(plan, run) if plan.direct else working_target(plan, run)
            part = Part(plan=plan, run=run, session=session, target=target)
            inner = [other for other in others if other.output not in self.made]
            if inner:
                self.run(inner, (*outer, part))
            else:
                predict((*outer, part))
            predict((part,))
            session.close()
            _deliver_and_number(part)

        done = run_job(_job(plan, fill), overwrite=plan.overwrite, progress=self.progress)
        seconds = time.monotonic() - self.began
        self.registry.plugins.tell_finished(RunEvent(verb="segment", seconds=seconds, detail=plan.settings))
        self.made[plan.output] = _segmentation(plan, done, seconds)


def _job(plan: Plan, fill: Callable[[Run], None]) -> Job:
    return Job(
        verb=VERB,
        destination=plan.output,
        plan=plan.ome,
        fill=fill,
        inputs={"volume": plan.volume, **({} if plan.mask is None else {"mask": plan.mask})},
        settings=plan.settings,
        chosen=attrs.asdict(plan.chosen),
        provenance=plan.provenance,
        scratch_bytes=plan.preflight.disk - plan.ome.bytes,
    )


def _segmentation(plan: Plan, done: Done, seconds: float) -> Segmentation:
    return Segmentation(
        path=done.path,
        organelle=plan.organelle.name,
        separated=_separated(plan, done),
        model=plan.model.id,
        runtime=str(done.results["runtime"]),
        precision=plan.chosen.precision,
        tile=plan.chosen.tile,
        seconds=seconds,
        voxels=plan.roi.size,
    )


def _separated(plan: Plan, done: Done) -> Separated | None:
    if plan.separation is None:
        return None
    return Separated(path=done.path, organelle=plan.organelle.name, labels=plan.ids, **done.results["objects"])


def _deliver_and_number(part: Part) -> None:
    plan, run = part.plan, part.run
    if not plan.direct:
        run.each(DELIVER, plan.delivered, _deliver(plan, part.target))
    if plan.separation is not None:
        _number_objects(plan, run, plan.separation)


def _number_objects(plan: Plan, run: Run, separation: Separation) -> None:
    """As `asem_core.instances` does: from the probability map as it is stored."""
    size, image, ids = plan.volume.voxel_size, run.output.image, plan.ids
    objects = find_objects(
        run,
        lambda box: np.asarray(image[box.slices]),
        plan.roi.shape,
        kind="probabilities",
        threshold=plan.organelle.threshold,
        voxel_size=size,
        separation=separation,
    )
    run.results["objects"] = numbers(objects, size)
    run.each(NUMBER, whole_chunks(plan.ome, BLOCK), lambda box: {ids: objects.ids(box)})


def _deliver(plan: Plan, source: Target) -> Callable[[Box], Mapping[str, npt.NDArray[Any]]]:
    """From the working copy to a block of the output."""

    def crop(box: Box) -> Predicted:
        return Predicted(probability=source.read(source.probability, box), label=source.read(source.label, box))

    def back_to_input_grid(box: Box) -> Predicted:
        needed = source_box(box, plan.grids.back)
        stored = read_mirrored(lambda b: source.read(source.probability, b), plan.grids.model_shape, needed)
        probability = resample(stored, needed.start, box, plan.grids.back)
        mask = None if plan.mask is None else plan.mask.read(box)
        return quantise(probability, threshold=plan.organelle.threshold, dtype=plan.prob_dtype, mask=mask)

    compute = back_to_input_grid if plan.grids.route == "two stages" else crop

    def of(local: Box) -> Mapping[str, npt.NDArray[Any]]:
        found = compute(local.shift(plan.roi.start))
        return {IMAGE: found.probability, plan.organelle.name: found.label}

    return of
