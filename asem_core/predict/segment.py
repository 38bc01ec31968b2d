"""The whole job: a volume into an OME-Zarr with a probability map and a segmentation.

::

    prepare        raw on the model's grid              (temporary copy, only where needed)
      -> predict   tiles through the network            (writes the output, or a working copy)
      -> deliver   crop or resample to the output       (only for other ratios and ROIs off the chunk lattice)
      -> pyramid   lower levels
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.blocks import journal as journals
from asem_core.blocks.digests import pyramid_digests
from asem_core.blocks.journal import Journal, Record
from asem_core.blocks.run import Stage, run_stage
from asem_core.geometry import Box, BoxNm, Triple
from asem_core.grid.mirror import read_mirrored
from asem_core.grid.resample import resample, source_box
from asem_core.predict import plan as planning
from asem_core.predict.plan import Plan, Settings
from asem_core.predict.runner import Runner, as_probability
from asem_core.predict.session import Session
from asem_core.predict.source import ModelGridRaw, prepare
from asem_core.predict.target import Target, direct_target, work_folder, working_target
from asem_core.predict.tiles import (
    Image,
    Predicted,
    ProbDtype,
    finish,
    predict_tile,
    preprocess_tile,
    quantise,
    split_steps,
    upsampled,
)
from asem_core.progress import Progress, silent
from asem_core.registry import Registry, make_registry
from asem_core.specs import OrganelleSpec, StageEvent
from asem_core.volume import Volume, open_volume
from asem_core.volume.formats.ome_write import ArrayPlan, OmeOutput, build_pyramid, create_ome_zarr, open_ome_output
from asem_core.volume.grey import Grey
from asem_core.volume.output import remove
from asem_core.zoo.find import at_hand

PREDICT, DELIVER, PYRAMID = "predict", "deliver", "pyramid"


@attrs.frozen(kw_only=True)
class TilePredictor:
    """How the voxels that a tile reads, on the 0..255 scale, become its result; the box is the one that it keeps."""

    prepare: Callable[[npt.NDArray[Any], Box], npt.NDArray[Any]]
    """While another tile is computed."""
    run: Callable[[npt.NDArray[Any], Box], Image]
    part: Callable[[Image, Box], Image]
    """Of that result on the output's grid, while another tile is computed."""


@attrs.frozen(kw_only=True)
class Segmentation:
    """What `segment` made."""

    path: Path
    """The OME-Zarr: its image is the probability map, ``labels/<organelle>`` the segmentation."""
    organelle: str
    model: str
    runtime: str
    precision: str
    tile: Triple
    """Input sides, model voxels."""
    seconds: float
    voxels: int
    """Of the input's ROI."""


def segment(
    volume: Volume | str | Path,
    output: str | Path,
    *,
    organelle: OrganelleSpec | str,
    registry: Registry | None = None,
    model: str | Path | None = None,
    channel: str | None = None,
    roi: Box | BoxNm | None = None,
    mask: Volume | str | Path | None = None,
    grey: Grey = None,
    runtime: str = "auto",
    precision: str = "auto",
    tile: int | Triple | None = None,
    max_memory: int | None = None,
    prob_dtype: ProbDtype = "uint8",
    workers: int | None = None,
    overwrite: bool = False,
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
        An installed organelle or its name.
    registry
        By default everything installed.
    model
        Id of one of the organelle's models; by default its ``default_model``. Or a package, folder or zip: also one
        from bioimage.io with a 3D ONNX model, which then runs as its description says (docs/other-models.md).
    channel
        Name or number of the output channel, where such a model has several.
    roi
        Voxels of the input, or nm. Tiles do not depend on it: the result is the crop of the whole volume's.
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
        that read least of the volume in all and fit into ``max_memory``.
    max_memory
        Bytes; by default half of the machine's, and no more than 80 % of a GPU's that is used.
    prob_dtype
        ``uint8``: round(255 p); or ``float32``.
    workers
        Threads that compute; by default one a core. Does not change the result.
    overwrite
        Replace what is there, a finished or unfinished run included.
    progress
        Told about every block.

    Raises
    ------
    AsemError
        Something stands in the way; nothing has been written then.
    BlockError
        Some blocks failed; the others are kept.

    Notes
    -----
    Method: Gallusser et al. 2022. Here the tiles lie on a lattice that is anchored at the volume's first voxel and keep
    a multiple of 8 voxels, so that every voxel is predicted once, whatever the ROI.

    Examples
    --------
    >>> segment("cell.zarr", "mito.zarr", organelle="mito", roi=Box.parse("0:200,0:200,0:200"))  # doctest: +SKIP
    """
    registry = registry or make_registry()
    spec = registry.organelles[organelle] if isinstance(organelle, str) else organelle
    opened = volume if isinstance(volume, Volume) else open_volume(volume, registry=registry)
    cell = open_volume(mask, registry=registry, voxel_size=opened.voxel_size) if isinstance(mask, str | Path) else mask
    with at_hand(model, registry=registry) as found:
        settings = Settings(
            model=found, channel=channel, roi=roi, grey=grey, runtime=runtime, precision=precision, tile=tile,
            max_memory=max_memory, prob_dtype=prob_dtype, workers=workers,
        )  # fmt: skip
        plan = planning.make_plan(
            opened, Path(output), organelle=spec, registry=registry, settings=settings, mask=cell, overwrite=overwrite
        )
        return run_plan(plan, registry=registry, progress=progress)


def run_plan(plan: Plan, *, registry: Registry, progress: Progress = silent) -> Segmentation:
    """Carry out ``plan``; see `segment`."""
    began = time.monotonic()
    session = planning.open_session(plan, registry)
    output, journal = _continue(plan) if plan.resumed is not None else _begin(plan)
    target = direct_target(plan, output) if plan.direct else working_target(plan)
    if len(journal.done(PREDICT)) < len(plan.tiles):
        before, _ = split_steps(plan.steps)
        counted = plan.runner is not None and plan.runner.needs_statistics
        work = work_folder(plan.output)
        raw = prepare(plan.volume, plan.grids, plan.tiles, before, work, progress, counted=counted)
        run_stage(_predict_stage(plan, raw, session, target), plan.tiles, journal, progress=progress)
    if not plan.direct:
        run_stage(_deliver_stage(plan, target, output), plan.delivered, journal, progress=progress)
    if PYRAMID in journal.missing():
        build_pyramid(output, progress=progress)
        journal.add([Record(stage=PYRAMID, block="all", chunks=pyramid_digests(output))])
    shutil.rmtree(work_folder(plan.output), ignore_errors=True)
    seconds = time.monotonic() - began
    registry.plugins.manager.hook.asem_stage_finished(
        event=StageEvent(stage="segment", seconds=seconds, detail=plan.settings)
    )
    return Segmentation(
        path=plan.output, organelle=plan.organelle.name, model=plan.package.spec.id, runtime=session.runtime,
        precision=session.precision, tile=plan.chosen.tile, seconds=seconds, voxels=plan.roi.size,
    )  # fmt: skip


def _begin(plan: Plan) -> tuple[OmeOutput, Journal]:
    for path in (plan.output, work_folder(plan.output)):
        remove(path)
    # The journal comes first: an output without one is never taken for a run that can be resumed.
    stages = {PREDICT: len(plan.tiles), **({} if plan.direct else {DELIVER: len(plan.delivered)}), PYRAMID: 1}
    head = {
        "fingerprint": plan.fingerprint,
        "settings": plan.settings,
        "chosen": attrs.asdict(plan.chosen),
        "stages": stages,
    }
    journal = journals.start(plan.output, head)
    lower, _ = plan.roi.to_nm(plan.volume.voxel_size, origin_nm=plan.volume.lower_edge_nm)
    label = ArrayPlan(shape=plan.roi.shape, dtype="uint8", chunk=plan.chunk)
    output = create_ome_zarr(
        plan.output,
        image=ArrayPlan(shape=plan.roi.shape, dtype=plan.prob_dtype, chunk=plan.chunk),
        labels={plan.organelle.name: label},
        voxel_size=plan.volume.voxel_size,
        lower_edge_nm=lower,
        provenance=plan.provenance,
    )
    return output, journal


def _continue(plan: Plan) -> tuple[OmeOutput, Journal]:
    assert plan.resumed is not None  # checked by the caller
    return open_ome_output(plan.output), plan.resumed


def _own_tile(plan: Plan, session: Session) -> TilePredictor:
    """Tiles of our own graphs."""
    grids = plan.grids
    _, steps = split_steps(plan.steps)

    def preprocess(raw: Image, kept: Box) -> Image:
        return preprocess_tile(raw, box=grids.read_box(kept), steps=steps, voxel_size=grids.model_size)

    return TilePredictor(
        prepare=lambda raw, kept: preprocess(raw.astype(np.float32, copy=False), kept),
        run=lambda block, _: predict_tile(block, session=session),
        part=lambda image, box: upsampled(image, grids.fine, box),
    )


def _described_tile(
    plan: Plan, runner: Runner, session: Session, counts: npt.NDArray[np.int64] | None
) -> TilePredictor:
    """Tiles of a model from elsewhere; bytes hold probabilities only."""
    stats = {} if counts is None else runner.statistics(counts)

    def run(raw: npt.NDArray[Any], kept: Box) -> Image:
        image = runner.predict(raw, session=session, stats=stats, keep=kept.shape)
        return as_probability(image, runner.model.path) if plan.prob_dtype == "uint8" else image

    return TilePredictor(prepare=lambda raw, _: raw, run=run, part=lambda image, box: image[box.slices])


def _predict_stage(
    plan: Plan, raw_source: ModelGridRaw, session: Session, target: Target
) -> Stage[npt.NDArray[Any] | None, Image | None]:
    grids, runner = plan.grids, plan.runner
    tile = _own_tile(plan, session) if runner is None else _described_tile(plan, runner, session, raw_source.counts)
    two_stages = grids.route == "two stages"
    dtype: ProbDtype = "float32" if two_stages else plan.prob_dtype

    def load(kept: Box) -> npt.NDArray[Any] | None:
        mask = _read_mask(plan, kept)
        if mask is not None and not mask.any():
            return None
        return tile.prepare(raw_source.read(grids.read_box(kept)), kept)

    def compute(kept: Box, block: npt.NDArray[Any] | None) -> Image | None:
        return None if block is None else tile.run(block, kept)

    def write(kept: Box, image: Image | None) -> dict[str, str]:
        box = grids.output_box(kept)
        if image is None:
            result = Predicted(probability=np.zeros(box.shape, dtype), label=np.zeros(box.shape, np.uint8))
        else:
            # The mask is read again: tiles that wait need not hold it.
            mask = None if two_stages else _read_mask(plan, kept)
            part = partial(tile.part, image)
            result = finish(box.shape, part, threshold=plan.organelle.threshold, dtype=dtype, mask=mask)
        return target.write(box, result)

    return Stage(name=PREDICT, read=load, compute=compute, write=write)


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


def _deliver_stage(plan: Plan, source: Target, output: OmeOutput) -> Stage[Predicted, Predicted]:
    final = direct_target(plan, output)

    def crop(box: Box) -> Predicted:
        return Predicted(probability=source.read(source.probability, box), label=source.read(source.label, box))

    def back_to_input_grid(box: Box) -> Predicted:
        needed = source_box(box, plan.grids.back)
        stored = read_mirrored(lambda b: source.read(source.probability, b), plan.grids.model_shape, needed)
        probability = resample(stored, needed.start, box, plan.grids.back)
        mask = None if plan.mask is None else plan.mask.read(box)
        return quantise(probability, threshold=plan.organelle.threshold, dtype=plan.prob_dtype, mask=mask)

    load = back_to_input_grid if plan.grids.route == "two stages" else crop
    return Stage(name=DELIVER, read=load, compute=lambda _, result: result, write=final.write)
