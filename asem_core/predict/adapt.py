"""A model of ours adapted to a volume, without a label.

::

    blocks of the volume -> moments of the network as it is -> how unlike the training's tissue?
                         -> moments of the network as it will be -> folded into the weights

Tissue like that of the training leaves a model as it is: decision 30 has the measurements.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.errors import ModelError, VolumeError
from asem_core.geometry import Box, VoxelSize, triple
from asem_core.grid.mirror import read_mirrored
from asem_core.grid.place import clip
from asem_core.grid.resample import resample, source_box
from asem_core.home import local_path
from asem_core.models.find import choose_organelle, find_model
from asem_core.models.model import Model
from asem_core.models.moments import adapted_graph, check_moments, measure_moments
from asem_core.models.own import OwnModel
from asem_core.predict.grids import plan_grids
from asem_core.preprocessing.levels import to_grey_range
from asem_core.preprocessing.stages import measure, normalised
from asem_core.progress import Progress, silent
from asem_core.registry import Registry, make_registry
from asem_core.specs import ModelSpec
from asem_core.volume.check import SAY_GREY, check_grey, settled_range
from asem_core.volume.grey import Grey, evenly_spread, on_grey_range
from asem_core.volume.opening import as_volume
from asem_core.volume.output import check_destination, complete_or_absent, scratch_beside
from asem_core.volume.volume import Volume
from asem_core.zoo.files import MOMENTS_NAME, ONNX_NAME
from asem_core.zoo.find import package_of
from asem_core.zoo.manifest import PACKAGE
from asem_core.zoo.moments import Layers, TrainedMoments, layers_of, read_moments, unlikeness
from asem_core.zoo.write.adapted import write_adapted

log = logging.getLogger(__name__)

WEIGHT = 0.5
"""How far a model follows tissue that it does not know: decision 30."""
FAMILIAR = 3.0
"""Unlikeness up to which a model is left as it is: decision 30."""
BLOCKS = 12
SIDE = 128
"""Voxels of a block: 34 of 128 a side are predictions, and the coarsest level still has 14."""
_CANDIDATES = 6
"""Places that are looked at for every block that is wanted."""
_FEATURELESS = 8.0
"""Standard deviation of grey (0..255) below which a block is resin or padding; of tissue that we know, 20 and more."""


@attrs.frozen(kw_only=True, eq=False)
class Adaptation:
    """What was measured on a volume."""

    weight: float
    """What was asked for, 0..1."""
    unlikeness: float
    """See `asem_core.zoo.moments.unlikeness`."""
    blocks: tuple[str, ...]
    """Where it was measured, voxels of the model's grid."""
    layers: Layers

    @property
    def strength(self) -> float:
        """How far the model follows: ``weight``, or 0 where it knows the tissue."""
        return self.weight if self.unlikeness > FAMILIAR else 0.0

    def values(self) -> dict[str, Any]:
        """For JSON."""
        return {**attrs.asdict(self, filter=attrs.filters.exclude("layers")), "layers": {
            name: layer.values() for name, layer in self.layers.items()}}  # fmt: skip

    def __str__(self) -> str:
        near = f"the tissue is {self.unlikeness:.1f} times as far from that of the training as its parts are apart"
        if not self.strength:
            return f"not adapted: {near}" + (", which it knows" if self.weight else "")
        return f"adapted by {self.strength:.2f} on {len(self.blocks)} blocks: {near}"


@attrs.frozen(kw_only=True)
class Adapted:
    """What `adapt` made."""

    spec: ModelSpec
    adaptation: Adaptation

    def __str__(self) -> str:
        return f"{self.spec.package}: {self.spec.id} {self.spec.version}, {self.adaptation}"


def adaptation_of(values: Mapping[str, Any], *, weight: float) -> Adaptation:
    """What `Adaptation.values` gave, for another ``weight``."""
    return Adaptation(
        weight=weight,
        unlikeness=float(values["unlikeness"]),
        blocks=tuple(values["blocks"]),
        layers=layers_of(values["layers"]),
    )


def measure_adaptation(
    volume: Volume,
    model: Model,
    *,
    weight: float = WEIGHT,
    mask: Volume | None = None,
    progress: Progress = silent,
) -> Adaptation:
    """Measure how ``model`` would be adapted to ``volume``: all of it, so that a part is predicted as the whole is.

    Parameters
    ----------
    volume
        On the grey range that the model is given (`asem_core.volume.grey.on_grey_range`).
    weight
        0 (not at all) to 1.
    mask
        Cell mask on the grid of ``volume``; blocks that are mostly outside are not measured.

    Raises
    ------
    ModelError
        The model has no moments of its training.
    VolumeError
        The volume has no block with tissue.

    Notes
    -----
    Deterministic: blocks lie evenly spread, no seed. About 1.5 GB of memory for a network of base 32.
    """
    if not 0 <= weight <= 1:
        raise ModelError(f"--adapt takes a weight from 0 to 1, got {weight:g}")
    trained = trained_moments(model)
    found = list(tissue_blocks(volume, model, mask=mask, progress=progress))
    blocks = [block for _, block in found]
    progress("measuring the network", 0, 2)
    adaptation = Adaptation(
        weight=weight,
        unlikeness=0.0,
        blocks=tuple(str(box) for box, _ in found),
        layers=measure_moments(model.onnx, blocks),
    )
    adaptation = attrs.evolve(adaptation, unlikeness=round(unlikeness(adaptation.layers, trained.layers), 3))
    progress("measuring the network", 1, 2)
    if adaptation.strength:
        layers = measure_moments(model.onnx, blocks, trained=trained.layers, weight=adaptation.strength)
        adaptation = attrs.evolve(adaptation, layers=layers)
    progress("measuring the network", 2, 2)
    return adaptation


def adapted_model(model: Model, adaptation: Adaptation, folder: Path) -> OwnModel:
    """``model`` with ``adaptation`` folded into its weights, whose graph is written into ``folder``.

    Raises
    ------
    ModelError
        As `trained_moments`; or an adapted weight does not fit.
    """
    trained = trained_moments(model)
    assert isinstance(model, OwnModel)
    graph = adapted_graph(model.onnx, adaptation.layers, trained=trained.layers, weight=adaptation.strength)
    onnx = folder / ONNX_NAME
    onnx.write_bytes(graph)
    told = {
        "weight": adaptation.weight,
        "strength": adaptation.strength,
        "unlikeness": adaptation.unlikeness,
        "blocks": list(adaptation.blocks),
        "sha256": hashlib.sha256(graph).hexdigest(),
    }
    if model.int8 is not None and adaptation.strength:
        log.warning("the int8 weights of %s are not adapted: it runs in another precision", model.id)
    return attrs.evolve(
        model,
        int8=None if adaptation.strength else model.int8,
        onnx=onnx,
        tiling=attrs.evolve(model.tiling, onnx=onnx),
        adapted=told,
        adaptation=adaptation.values(),
    )


def adapt(
    volume: Volume | str | Path,
    output: str | Path,
    *,
    model: str | Path,
    model_id: str | None = None,
    weight: float = WEIGHT,
    registry: Registry | None = None,
    voxel_size: VoxelSize | Sequence[float] | None = None,
    mask: Volume | str | Path | None = None,
    grey: Grey = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> Adapted:
    """Adapt a model to a volume without labels, and write it as a package.

    Parameters
    ----------
    volume
        The image, or its address.
    output
        Folder of the package, for `asem_core.segment` as ``model``.
    model
        Id, folder or zip of a package of ASEM's.
    model_id
        Name of the new one; by default that of ``model`` and ``-adapted``.
    weight
        How far it follows tissue that is unlike that of its training, 0 to 1.
    registry, voxel_size, mask, grey
        As for `asem_core.segment`.
    overwrite
        Replace a package that ASEM wrote.
    progress
        Told about every block.

    Raises
    ------
    ModelError
        There is no such model, or it cannot be adapted: the message says why, and what to do.
    VolumeError
        The volume has no tissue, or cannot be read.
    OutputError
        ``output`` exists, lies in what is read, or cannot be written.

    Examples
    --------
    >>> print(adapt("cell.zarr", "mito-cell", model="mito-10nm"))  # doctest: +SKIP
    """
    registry = registry or make_registry()
    opened = as_volume(volume, registry=registry, voxel_size=voxel_size)
    cell = (
        None
        if mask is None
        else as_volume(mask, registry=registry, voxel_size=opened.voxel_size, only_if_unstated=True)
    )
    inputs = [opened, *([] if cell is None else [cell])]
    folder = check_destination(local_path(output), overwrite=overwrite, kind=PACKAGE, inputs=inputs)
    with (
        package_of(model, registry=registry) as parent,
        find_model(
            parent, organelle=choose_organelle(None, model=parent, registry=registry), registry=registry
        ) as found,
        complete_or_absent(folder, needed_bytes=0, overwrite=overwrite, kind=PACKAGE, inputs=inputs) as new,
        scratch_beside(folder) as scratch,
    ):
        adaptation = measure_on(opened, found, weight=weight, grey=grey, mask=cell, progress=progress)
        adapted = adapted_model(found, adaptation, scratch)
        spec = write_adapted(
            new,
            parent=parent,
            onnx=adapted.onnx,
            model_id=model_id or f"{found.id}-adapted",
            volume=opened.uri,
            told=str(adaptation),
            adapted=adapted.adapted or {},
        )
    return Adapted(spec=attrs.evolve(spec, package=str(folder)), adaptation=adaptation)


def measure_on(
    volume: Volume,
    model: Model,
    *,
    weight: float,
    grey: Grey = None,
    mask: Volume | None = None,
    progress: Progress = silent,
) -> Adaptation:
    """`measure_adaptation` of a volume as it is stored, with the grey range and the mask that a user gives.

    Raises
    ------
    ModelError, VolumeError
        As `measure_adaptation` and `check_grey`.
    """
    range_ = settled_range(volume, grey, trained_on=model.grey)
    check_grey(volume, grey=range_, trained_on=model.grey, model=model.id, progress=progress)
    image = volume if range_ is None else on_grey_range(volume, range_)
    inside = None if mask is None else clip(mask, volume)
    return measure_adaptation(image, model, weight=weight, mask=inside, progress=progress)


def trained_moments(model: Model) -> TrainedMoments:
    """The moments of the training of ``model``.

    Raises
    ------
    ModelError
        It was not written by ASEM, has none, or those of another network.
    """
    if not isinstance(model, OwnModel):
        raise ModelError(f"the model {model.id!r} is not one of ASEM's: only those can be adapted without labels")
    found = read_moments(model.onnx.parent)
    if found is None:
        raise ModelError(
            f"the package of {model.id!r} has no {MOMENTS_NAME}, without which it cannot be adapted: take a newer "
            "version of the model, or package a training again (asem train, asem zoo package)"
        )
    check_moments(model.onnx, found.layers)
    return found


def tissue_blocks(
    volume: Volume,
    model: Model,
    *,
    mask: Volume | None = None,
    count: int = BLOCKS,
    progress: Progress = silent,
) -> Iterator[tuple[Box, npt.NDArray[np.float32]]]:
    """Evenly spread blocks of ``volume`` with tissue, as ``model`` is given them: resampled, mirrored, preprocessed.

    Yields
    ------
    tuple
        The box, voxels of the model's grid, and the graph's input, float32 ``(1, 1, 128, 128, 128)``.

    Raises
    ------
    VolumeError
        There is none.
    """
    assert model.voxel_size is not None
    grids = plan_grids(volume.shape, volume.voxel_size, model.voxel_size)
    image = normalised(volume, model.before, measure(volume, model.before, progress=progress))
    lattice = model.tiling.lattice((SIDE, SIDE, SIDE))
    prepare = model.predictor(None, lattice=lattice, stats={}, probability=True).prepare  # type: ignore[arg-type]

    def on_grid(box: Box) -> npt.NDArray[Any]:
        needed = source_box(box, grids.ratio) if grids.resamples else box
        grey = to_grey_range(read_mirrored(image.read, image.shape, needed))
        return resample(grey, needed.start, box, grids.ratio) if grids.resamples else grey

    taken = 0
    for box in places(grids.model_shape, count * _CANDIDATES):
        if taken == count:
            break
        inside = box.intersect(Box.of_shape(grids.model_shape))
        if mask is not None and (mask.read(source_box(inside, grids.ratio).intersect(mask.box)) != 0).mean() < 0.5:
            continue
        raw = read_mirrored(on_grid, grids.model_shape, box)
        if raw.std() < _FEATURELESS:
            continue
        taken += 1
        progress("blocks of tissue", taken, count)
        yield box, prepare(raw, box)
    if not taken:
        raise VolumeError(
            f"{volume.uri}: no block of {SIDE} voxels with tissue to adapt to (grey levels whose standard deviation is "
            f"{_FEATURELESS:g} of 255{'' if mask is None else ', inside the mask'}): {SAY_GREY}, or take the model as "
            "it is (asem segment without --adapt)"
        )


def places(shape: tuple[int, int, int], count: int) -> Iterator[Box]:
    """At most ``count`` boxes of `SIDE` voxels, all different, evenly spread in a volume of ``shape``.

    Along an axis that is shorter they reach past it on either side.
    """
    spaces = [max(1, n - SIDE + 1) for n in shape]
    ends = [min(0, (n - SIDE) // 2) for n in shape]
    starts = (
        triple([int(part * space) + end for part, space, end in zip(point, spaces, ends, strict=True)])
        for point in evenly_spread(count)
    )
    for start in dict.fromkeys(starts):
        yield Box(start, [s + SIDE for s in start])
