"""The whole job: a volume into an OME-Zarr with a probability map and a segmentation.

::

    prepare        raw on the model's grid              (temporary copy, only where needed)
      -> predict   tiles through the network            (writes the output, or a working copy)
      -> deliver   crop or resample to the output       (only for other ratios and ROIs off the chunk lattice)
      -> number    an id for every object               (where instances are asked for)
      -> pyramid   lower levels
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from asem_core.cluster import executing
from asem_core.errors import BudgetError, OutputError
from asem_core.geometry import Box, BoxNm, Triple, VoxelSize
from asem_core.models.find import choose_organelle, find_model
from asem_core.models.model import Model
from asem_core.predict import plan as planning
from asem_core.predict.adapt import adaptation_of, adapted_model, measure_on
from asem_core.predict.passes import Segmentation, in_passes, run_plans
from asem_core.predict.plan import Plan, Settings
from asem_core.predict.quantise import ProbDtype
from asem_core.progress import Progress, silent
from asem_core.registry import Registry, make_registry
from asem_core.specs import OrganelleSpec
from asem_core.volume.address import Location, destination_of
from asem_core.volume.grey import Grey
from asem_core.volume.opening import as_volume
from asem_core.volume.output import check_room
from asem_core.volume.volume import Volume

if TYPE_CHECKING:
    from distributed import Client

    from asem_core.cluster import Dask

log = logging.getLogger(__name__)


@attrs.frozen(kw_only=True)
class Wanted:
    """One organelle of several in `segment_together`; what the fields mean is said at `segment`."""

    output: str | Location
    organelle: OrganelleSpec | str | Path | None = None
    model: str | Path | None = None
    channel: str | None = None
    adapt: float | None = None
    instances: bool = False


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
    one = Wanted(output=output, organelle=organelle, model=model, channel=channel, adapt=adapt, instances=instances)
    (made,) = segment_together(
        volume,
        [one],
        registry=registry,
        voxel_size=voxel_size,
        roi=roi,
        mask=mask,
        grey=grey,
        runtime=runtime,
        precision=precision,
        tile=tile,
        max_memory=max_memory,
        prob_dtype=prob_dtype,
        shard=shard,
        workers=workers,
        overwrite=overwrite,
        executor=executor,
        planned=planned,
        progress=progress,
    )
    return made


def segment_together(
    volume: Volume | str | Path,
    wanted: Sequence[Wanted],
    *,
    registry: Registry | None = None,
    voxel_size: VoxelSize | Sequence[float] | None = None,
    roi: Box | BoxNm | None = None,
    mask: Volume | str | Path | None = None,
    grey: Grey = None,
    runtime: str = "auto",
    precision: str = "auto",
    tile: int | Triple | None = None,
    max_memory: int | None = None,
    prob_dtype: ProbDtype = "uint8",
    shard: int | Triple | None = None,
    workers: int | None = None,
    overwrite: bool = False,
    executor: Dask | Client | None = None,
    planned: Callable[[Plan], None] | None = None,
    progress: Progress = silent,
) -> list[Segmentation]:
    """Segment several organelles in a volume; where their models read alike, every tile is read once for all.

    Parameters
    ----------
    volume, registry, voxel_size, roi, mask, grey, runtime, precision, tile, prob_dtype, shard
        As for `segment`; so are ``workers``, ``overwrite`` and ``executor``.
    wanted
        The organelles, each with an output of its own.
    max_memory
        Bytes, for all models that run at once together.
    planned
        Called for each organelle, before anything is written.
    progress
        Told about every tile once, whatever the number of models that it goes through.

    Returns
    -------
    list of Segmentation
        In the order of ``wanted``; every output is that of `segment` with the same ``tile``, bit by bit.

    Raises
    ------
    AsemError
        As for `segment`; also where two outputs are one.

    Notes
    -----
    Models read alike that work on the same grid with the same tiles, and ask for the same stages over the volume: then
    copies (of sections, or on the model's grid) and statistics are made once too. Each is given an equal part of the
    memory, so tiles may be smaller than with one model. Others, and all where their parts of the memory do not suffice,
    are predicted one after another.

    Examples
    --------
    >>> wanted = [Wanted(organelle=name, output=f"{name}.zarr") for name in ("mito", "er")]
    >>> segment_together("cell.zarr", wanted)  # doctest: +SKIP
    """
    outputs = _apart([destination_of(each.output) for each in wanted])
    registry = registry or make_registry()
    specs = [choose_organelle(each.organelle, model=each.model, registry=registry) for each in wanted]
    opened = as_volume(volume, registry=registry, voxel_size=voxel_size)
    cell = (
        None
        if mask is None
        else as_volume(mask, registry=registry, voxel_size=opened.voxel_size, only_if_unstated=True)
    )
    common = Settings(
        roi=roi,
        grey=grey,
        runtime=runtime,
        precision=precision,
        tile=tile,
        max_memory=max_memory,
        prob_dtype=prob_dtype,
        shard=shard,
        workers=workers,
    )
    with executing(executor), ExitStack() as stack:
        model_of = partial(_opened, opened, mask=cell, grey=grey, registry=registry, progress=progress)
        models = [
            stack.enter_context(model_of(each, spec, overwrite=overwrite))
            for each, spec in zip(wanted, specs, strict=True)
        ]

        def plan_all(at_once: int) -> list[Plan]:
            return [
                planning.make_plan(
                    opened,
                    output,
                    organelle=spec,
                    model=model,
                    registry=registry,
                    settings=attrs.evolve(common, instances=each.instances, models=at_once),
                    mask=cell,
                    overwrite=overwrite,
                )
                for each, output, spec, model in zip(wanted, outputs, specs, models, strict=True)
            ]

        passes = _in_passes(plan_all, len(wanted))
        plans = {plan.output: plan for one in passes for plan in one}
        _check_disk(plans.values())
        if planned is not None:
            for output in outputs:
                planned(plans[output])
        made = run_plans(passes, registry=registry, progress=progress)
        return [made[output] for output in outputs]


@contextmanager
def _opened(
    volume: Volume,
    wanted: Wanted,
    organelle: OrganelleSpec,
    *,
    mask: Volume | None,
    grey: Grey,
    registry: Registry,
    overwrite: bool,
    progress: Progress,
) -> Iterator[Model]:
    """The model of ``wanted``, adapted to ``volume`` where that is asked for."""
    with (
        find_model(wanted.model, organelle=organelle, registry=registry, channel=wanted.channel) as found,
        tempfile.TemporaryDirectory() as scratch,
    ):
        if wanted.adapt is None:
            yield found
            return
        earlier = None if overwrite else planning.earlier_adaptation(destination_of(wanted.output))
        adaptation = (
            adaptation_of(earlier, weight=wanted.adapt)
            if earlier is not None
            else measure_on(volume, found, weight=wanted.adapt, grey=grey, mask=mask, progress=progress)
        )
        yield adapted_model(found, adaptation, Path(scratch))


def _apart(outputs: list[Location]) -> list[Location]:
    """``outputs``, none of which is another one, or lies in it."""
    for one, other in permutations([output.absolute() for output in outputs], 2):
        if one == other or one in other.parents:
            raise OutputError(f"{other}: two organelles would be written to one place: name an output for each")
    return outputs


def _in_passes(plan_all: Callable[[int], list[Plan]], count: int) -> list[list[Plan]]:
    """Plans that share the memory, in passes; where none read alike, or too little is left for each, one by one.

    What is finished comes first: that it was made with other settings is told before anything is made.
    """
    if count > 1:
        with suppress(BudgetError):
            found = in_passes(plan_all(count))
            if len(found) < count:
                for plans in found:
                    log.info("in one pass: %s", ", ".join(plan.organelle.name for plan in plans))
                return found
    return [[plan] for plan in sorted(plan_all(1), key=lambda plan: not plan.finished)]


def _check_disk(plans: Collection[Plan]) -> None:
    """Refuse outputs that fit on the disk one by one, but not together; those that are there, or begun, not counted."""
    needed: dict[Path, int] = {}
    for plan in plans:
        if isinstance(plan.output, Path) and not (plan.resumed or plan.finished):
            folder = plan.output.absolute().parent
            needed[folder] = needed.get(folder, 0) + plan.preflight.disk
    for folder, size in needed.items():
        check_room(folder, size)
