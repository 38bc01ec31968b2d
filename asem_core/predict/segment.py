"""The whole job: a volume into an OME-Zarr with a probability map and a segmentation.

::

    prepare        raw on the model's grid              (temporary copy, only where needed)
      -> predict   tiles through the network            (writes the output, or a working copy)
      -> deliver   crop or resample to the output       (only for other ratios and ROIs off the chunk lattice)
      -> number    an id for every object               (where instances are asked for)
      -> pyramid   lower levels
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.blocks.executors import Pipeline, Task, Threads, ask
from asem_core.blocks.fill import Run, whole_chunks
from asem_core.blocks.job import Done, Job
from asem_core.blocks.job import run as run_job
from asem_core.cluster import executing
from asem_core.geometry import Box, BoxNm, Triple, VoxelSize, triple
from asem_core.grid.mirror import read_mirrored
from asem_core.grid.resample import resample, source_box
from asem_core.models.find import choose_organelle, find_model
from asem_core.models.model import Image
from asem_core.models.runtimes.session import Session
from asem_core.predict import plan as planning
from asem_core.predict.adapt import adaptation_of, adapted_model, measure_on
from asem_core.predict.choose import hands
from asem_core.predict.plan import Plan, Settings
from asem_core.predict.quantise import Predicted, ProbDtype, finish, quantise
from asem_core.predict.source import prepare
from asem_core.predict.target import Target, direct_target, working_target
from asem_core.progress import Progress, silent
from asem_core.registry import Registry, make_registry
from asem_core.separation.inside import BLOCK, Separated, find_objects, numbers
from asem_core.specs import OrganelleSpec, RunEvent, Separation
from asem_core.volume.address import Location, destination_of
from asem_core.volume.formats.ome_write import IMAGE
from asem_core.volume.grey import Grey
from asem_core.volume.opening import as_volume
from asem_core.volume.volume import Volume

if TYPE_CHECKING:
    from distributed import Client

    from asem_core.cluster import Dask

PREDICT, DELIVER, NUMBER = "predict", "deliver", "number objects"


@attrs.frozen(kw_only=True)
class Segmentation:
    """What `segment` made."""

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


def segment(
    volume: Volume | str | Path,
    output: str | Location,
    *,
    organelle: OrganelleSpec | str | Path | None = None,
    registry: Registry | None = None,
    voxel_size: VoxelSize | Sequence[float] | None = None,
    model: str | Path | None = None,
    channel: str | None = None,
    adapt: float | None = None,
    roi: Box | BoxNm | None = None,
    mask: Volume | str | Path | None = None,
    grey: Grey = None,
    runtime: str = "auto",
    precision: str = "auto",
    tile: int | Triple | None = None,
    max_memory: int | None = None,
    prob_dtype: ProbDtype = "uint8",
    shard: int | Triple | None = None,
    instances: bool = False,
    workers: int | None = None,
    overwrite: bool = False,
    executor: Dask | Client | None = None,
    planned: Callable[[Plan], None] | None = None,
    progress: Progress = silent,
) -> Segmentation:
    """Segment one organelle in a volume, tile by tile; an unfinished run of the same settings goes on.

    Parameters
    ----------
    volume
        The image, or its address.
    output
        OME-Zarr to make, on the input's grid: the probability map ``(z, y, x)`` and, under ``labels/<organelle>``, the
        segmentation (uint8, 1 where probability >= threshold). With ``roi``, of the ROI, at its place in nm.
    organelle
        The name of an installed organelle, a file that describes one (docs/organelles.md), or its spec. Needed unless
        ``model`` says what it finds.
    registry
        By default everything installed.
    voxel_size
        nm (z, y, x), where the volume does not state it; see `open_volume`.
    model
        Id of a model of the organelle; by default its ``default_model``. Or a package, folder or zip: also one
        from bioimage.io with a 3D ONNX model, which then runs as its description says (docs/other-models.md).
    channel
        Name or number of the output channel, where such a model has several.
    adapt
        Adapt the model to the volume first, without labels: the weight with which it follows tissue that is unlike that
        of its training, up to 1; `asem_core.predict.adapt.WEIGHT` is sensible. Measured on the whole volume, whatever
        the ROI. None: the model as it is.
    roi
        Voxels of the input, or nm: predicted as in the whole volume, by tiles of its own that cost in proportion.
    mask
        Cell mask on the input's grid: where it is 0 the result is 0, and tiles without any mask are not computed.
    grey
        The levels that become 0 and 255, `GreyRange`; ``"auto"`` brings the volume's 1st and 99th percentile to where
        those of the model's training volumes lie. By default uint8 and uint16 use their full range, floats lie in
        [0, 1]. A warning is logged where a sample of the volume is unlike what the model was trained on.
    runtime, precision
        ``auto`` takes the fastest that is installed and that the machine supports.
    tile
        Input sides of a tile, model voxels, or one for all three (112, 120, 128 ... for our models); by default those
        that read least in all and fit into ``max_memory``.
    max_memory
        Bytes; by default a part of what is free now, see `asem_core.memory.default_max_memory`.
    prob_dtype
        ``uint8``: round(255 p); or ``float32``.
    shard
        Sides in voxels of the files that hold chunks, one for all three or z, y, x; the output is then an OME-Zarr 0.5.
        By default every chunk is a file, and the output 0.4.
    instances
        Also give every object an id, under ``labels/<organelle>_instances``: what `asem_core.instances` makes of the
        probability map with the organelle's own numbers.
    workers
        Threads that compute; by default one a core. Does not change the result.
    overwrite
        Replace what is there, a finished or unfinished run included.
    executor
        Where blocks run: a `distributed.Client`, or what `asem_core.cluster.connect` gives; by default on this machine.
        Does not change the result.
    planned
        Called once with what was decided (tiles, runtime, expected memory, disk and time), before anything is written.
    progress
        Told about every block.

    Returns
    -------
    Segmentation
        Where the output lies, and what made it.

    Raises
    ------
    AsemError
        Something stands in the way; nothing has been written then.
    BlockError
        Some blocks failed; the others are kept.

    Notes
    -----
    Method: Gallusser et al. 2022. Here tiles lie on a lattice, every voxel is predicted once, and what a tile keeps
    begins a multiple of 8 voxels from the volume's first and holds a multiple of 8. Between tiles of different sizes
    results differ by rounding, up to 1e-5 in float32; with the same ``tile`` a ROI is the crop of the whole bit by bit.

    Examples
    --------
    >>> segment("cell.zarr", "mito.zarr", organelle="mito", roi=Box.parse("0:200,0:200,0:200"))  # doctest: +SKIP
    """
    registry, destination = registry or make_registry(), destination_of(output)
    spec = choose_organelle(organelle, model=model, registry=registry)
    opened = as_volume(volume, registry=registry, voxel_size=voxel_size)
    cell = None if mask is None else as_volume(mask, registry=registry, voxel_size=opened.voxel_size)
    settings = Settings(
        roi=roi,
        grey=grey,
        runtime=runtime,
        precision=precision,
        tile=tile,
        max_memory=max_memory,
        prob_dtype=prob_dtype,
        shard=shard,
        workers=workers,
        instances=instances,
    )
    with (
        executing(executor),
        find_model(model, organelle=spec, registry=registry, channel=channel) as found,
        tempfile.TemporaryDirectory() as scratch,
    ):
        if adapt is not None:
            earlier = None if overwrite else planning.earlier_adaptation(destination)
            adaptation = (
                adaptation_of(earlier, weight=adapt)
                if earlier is not None
                else measure_on(opened, found, weight=adapt, grey=grey, mask=cell, progress=progress)
            )
            found = adapted_model(found, adaptation, Path(scratch))
        plan = planning.make_plan(
            opened,
            destination,
            organelle=spec,
            model=found,
            registry=registry,
            settings=settings,
            mask=cell,
            overwrite=overwrite,
        )
        if planned is not None:
            planned(plan)
        return run_plan(plan, registry=registry, progress=progress)


def run_plan(plan: Plan, *, registry: Registry, progress: Progress = silent) -> Segmentation:
    """Carry out ``plan``; see `segment`."""
    began = time.monotonic()
    # Before anything is written: a graph that cannot be loaded leaves nothing behind.
    session = planning.plan_session(plan, registry)
    runtime = None if plan.finished else ask(lambda: session.runtime, gpu=True)

    def fill(run: Run) -> None:
        run.results["runtime"] = runtime or ask(lambda: session.runtime, gpu=True)
        _fill(plan, run, session)

    inputs = {"volume": plan.volume, **({} if plan.mask is None else {"mask": plan.mask})}
    job = Job(
        verb=planning.VERB,
        destination=plan.output,
        plan=plan.ome,
        fill=fill,
        inputs=inputs,
        settings=plan.settings,
        chosen=attrs.asdict(plan.chosen),
        provenance=plan.provenance,
        scratch_bytes=plan.preflight.disk - plan.ome.bytes,
    )
    done = run_job(job, overwrite=plan.overwrite, progress=progress)
    seconds = time.monotonic() - began
    registry.plugins.tell_finished(RunEvent(verb="segment", seconds=seconds, detail=plan.settings))
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


def _fill(plan: Plan, run: Run, session: Session) -> None:
    target = direct_target(plan, run) if plan.direct else working_target(plan, run)
    if not run.is_done(PREDICT, plan.tiles):
        task = _predict_task(plan, run, session, target)
        executor = Pipeline() if plan.at_once == 1 else Threads(hands(plan.at_once))
        run.sweep(PREDICT, plan.tiles, task, executor=executor, scratch=not plan.direct)
    if not plan.direct:
        run.each(DELIVER, plan.delivered, _deliver(plan, target))
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


def _predict_task(plan: Plan, run: Run, session: Session, target: Target) -> Task[Box, dict[str, str]]:
    source = prepare(plan.volume, plan.grids, plan.reads, model=plan.model, run=run, at_once=plan.at_once)
    grids, spare = plan.grids, (-plan.model.spare,) * 3
    tile = plan.model.predictor(
        session, lattice=plan.lattice, stats=source.stats, probability=plan.prob_dtype == "uint8"
    )
    two_stages = grids.route == "two stages"
    dtype: ProbDtype = "float32" if two_stages else plan.prob_dtype
    coarse = triple([1.0 / f for f in grids.fine])

    def load(kept: Box) -> npt.NDArray[Any] | None:
        mask = _read_mask(plan, kept)
        if mask is not None and not mask.any():
            return None
        box = plan.lattice.read(kept)
        return tile.prepare(source.read(box), box)

    def compute(_: Box, block: npt.NDArray[Any] | None) -> Image | None:
        return None if block is None else tile.run(block)

    def write(kept: Box, image: Image | None) -> dict[str, str]:
        box = grids.output_box(kept)
        if image is None:
            result = Predicted(probability=np.zeros(box.shape, dtype), label=np.zeros(box.shape, np.uint8))
        else:
            # The mask is read again: tiles that wait need not hold it.
            mask = None if two_stages else _read_mask(plan, kept)
            result = finish(
                box.shape,
                lambda part: resample(image, spare, part, coarse),
                threshold=plan.organelle.threshold,
                dtype=dtype,
                mask=mask,
            )
        return target.write(box, result)

    return Task(read=load, compute=compute, write=write, gpu=True)


def _read_mask(plan: Plan, kept: Box) -> npt.NDArray[Any] | None:
    """The cell mask (0 outside the volume) of a tile: its output box, or all voxels that it is resampled to."""
    if plan.mask is None:
        return None
    if plan.grids.route == "two stages":
        box = source_box(kept.grow(1), plan.grids.ratio)
    else:
        box = plan.grids.output_box(kept)
    inside = box.intersect(plan.mask.box)
    mask = np.zeros(box.shape, bool)
    if inside.size:
        mask[inside.shift([-s for s in box.start]).slices] = plan.mask.read(inside) != 0
    return mask


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
