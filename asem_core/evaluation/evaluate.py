"""Score a segmentation against ground truth, block by block, with and without the exclusion zone.

Blocks are read with the zone's halo, so the counts equal those of the whole volume; what lies outside the labels counts
as background (method: paper, "Evaluation"; the zone of the paper is in `asem_core.labels.shell`)::

    labels      +-----------------------------+
                |      +- - - - - - -+        |   halo: read from the labels, not scored
                |      ' +---------+ '        |
                |      ' |  block  | '        |   scored: inside the prediction and the mask
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from asem_core.blocks.executors import map_blocks
from asem_core.cluster import executing
from asem_core.errors import GeometryError
from asem_core.evaluation.align import Laid, lay, warn_of_little_overlap
from asem_core.evaluation.scores import Mask, Score, Scores
from asem_core.evaluation.source import nonzero, readable
from asem_core.geometry import Box, Triple, VoxelSize
from asem_core.labels.plan import choose_zone
from asem_core.labels.zone import Zone, make_zone
from asem_core.organelles import find_organelle
from asem_core.progress import Progress, silent
from asem_core.registry import Registry, make_registry
from asem_core.specs import OrganelleSpec, StageRef
from asem_core.volume.opening import as_volume
from asem_core.volume.volume import Volume

if TYPE_CHECKING:
    from distributed import Client

    from asem_core.cluster import Dask

BLOCK: Triple = (128, 128, 128)


@attrs.frozen(kw_only=True)
class Evaluation:
    """Scores, and everything that they depend on."""

    organelle: str
    scores: Scores
    compared_voxels: int
    """In the overlap of prediction and labels and inside the mask: what ``without_zone`` counts."""
    excluded_voxels: int
    """Of these, voxels in the exclusion zone."""
    zone: Zone
    """As it was applied to the grid of the labels."""
    voxel_size: VoxelSize
    region: Box
    """The overlap, in voxels of the labels."""
    ignored_label: int | None
    """The value of the labels that was not scored."""
    aligned_by: str
    """``"shape"`` or ``"position"``, see `evaluate`."""
    inputs: Mapping[str, Mapping[str, Any]]
    """Per role (``prediction``, ``labels``, ``mask``): uri, format, shape, identity."""

    @property
    def scored_voxels(self) -> int:
        """Voxels that ``with_zone`` counts."""
        return self.compared_voxels - self.excluded_voxels

    def __str__(self) -> str:
        scores = (("with zone", self.scores.with_zone), ("without zone", self.scores.without_zone))
        scored = f"{self.scored_voxels:,} of {self.compared_voxels:,} voxels of {self.voxel_size} scored"
        return "\n".join([f"{self.organelle}: {scored}", *(f"{name + ':':<13} {score}" for name, score in scores)])

    def to_json(self) -> dict[str, Any]:
        """For ``--json``: ``with_zone`` and ``without_zone`` first, then what they depend on."""
        return {
            **self.scores.to_json(),
            "organelle": self.organelle,
            "voxels": {
                "compared": self.compared_voxels, "excluded": self.excluded_voxels, "scored": self.scored_voxels,
            },
            "zone": self.zone.on(self.voxel_size),
            "voxel_size_nm": self.voxel_size.zyx,
            "region": str(self.region),
            "ignored_label": self.ignored_label,
            "aligned_by": self.aligned_by,
            "inputs": self.inputs,
        }  # fmt: skip


@attrs.frozen(kw_only=True)
class _Tally:
    scores: Scores = attrs.field(factory=Scores)
    compared: int = 0
    excluded: int = 0

    def __add__(self, other: _Tally) -> _Tally:
        return _Tally(
            scores=self.scores + other.scores,
            compared=self.compared + other.compared,
            excluded=self.excluded + other.excluded,
        )


def evaluate(
    prediction: Volume | str | Path,
    labels: Volume | str | Path,
    *,
    organelle: OrganelleSpec | str | Path,
    registry: Registry | None = None,
    mask: Volume | str | Path | None = None,
    ignore_label: int | None = None,
    zone: StageRef | str | None = None,
    voxel_size: VoxelSize | Sequence[float] | None = None,
    allow_unfinished: bool = False,
    executor: Dask | Client | None = None,
    progress: Progress = silent,
    block: Triple = BLOCK,
) -> Evaluation:
    """Compare a segmentation with ground truth, voxel by voxel.

    Parameters
    ----------
    prediction, labels
        Volumes or addresses (`open_labels`).
        ``(z, y, x)``, integer or bool; non-zero is the organelle. Labels are taken as they are: neither cleaned nor
        dilated. Two volumes of one shape are laid on each other if at least one of them states no position (most
        TIFF). Otherwise their positions decide, and the overlap is scored; labels outside it still shape the
        exclusion zone.
    organelle
        The name of an installed organelle, a file that describes one (docs/organelles.md), or its spec: its exclusion
        zone, and its labels in a container.
    registry
        By default everything installed.
    mask
        Voxels where it is 0, and voxels outside it, are not scored.
    ignore_label
        A value of ``labels`` that means "not known", such as -1: not scored either. Where an object ends at it, the
        zone runs along it.
    zone
        Instead of the organelle's zone: a stage, or text: ``"4,4"`` (dilate, erode in voxels of 5 nm), a preset such as
        ``"incasem"``, or ``"NAME:PARAMETER=VALUE"``.
    voxel_size
        nm (z, y, x), for those inputs that do not state theirs.
    allow_unfinished
        Open also what is not whole: for looking, not for measuring.
    executor
        Where blocks run: a `distributed.Client`, or what `asem_core.cluster.connect` gives; by default on this machine.
        Does not change the result.
    progress
        Called after every block.
    block
        Voxels per axis of a block. The result does not depend on it.

    Returns
    -------
    Evaluation
        If the zone leaves nothing to score, ``with_zone`` is that of nothing in truth and nothing predicted.

    Raises
    ------
    GeometryError
        Different voxel sizes, no overlap, an offset of broken voxels, or a mask that leaves nothing.
    VolumeError
        Prediction or labels hold real numbers, are a grey image, or hold a value that is no id: below 0, or the largest
        of 32 or 64 bits. ``ignore_label`` leaves such a value of the labels out.
    AsemError
        No such organelle or zone.

    Notes
    -----
    Method: Gallusser et al. 2022, "Evaluation": voxels of the exclusion zone, the shell around the true boundary, are
    not counted in ``scores.with_zone``; its radii are voxels of 5 nm, scaled to the labels' grid.

    Examples
    --------
    >>> found = evaluate("mito.zarr", "truth.zarr", organelle="mito", zone="incasem")  # doctest: +SKIP
    >>> found.scores.with_zone.f1  # doctest: +SKIP
    """
    registry = registry or make_registry()
    spec = find_organelle(organelle, registry)
    stage = choose_zone(spec, zone, registry=registry) if isinstance(zone, str) else zone or spec.exclusion_zone
    opened = partial(
        as_volume, registry=registry, voxel_size=voxel_size, only_if_unstated=True, allow_unfinished=allow_unfinished
    )
    prediction, labels = opened(prediction, labels=spec.name), opened(labels, labels=spec.name)
    mask = None if mask is None else opened(mask)
    laid = lay(prediction, labels, mask, ignore_label=ignore_label)
    warn_of_little_overlap(laid)
    applied = make_zone(stage, registry)
    with executing(executor):
        tally = _count(laid, applied, voxel_size=labels.voxel_size, block=block, progress=progress)
    if tally.compared == 0:
        raise GeometryError("the mask leaves nothing to score: it is 0 wherever prediction and labels overlap")
    roles = {"prediction": prediction, "labels": labels, "mask": mask}
    return Evaluation(
        organelle=spec.name,
        scores=tally.scores,
        compared_voxels=tally.compared,
        excluded_voxels=tally.excluded,
        zone=applied,
        voxel_size=labels.voxel_size,
        region=laid.region,
        ignored_label=ignore_label,
        aligned_by=laid.prediction.by,
        inputs={role: _identity(volume) for role, volume in roles.items() if volume is not None},
    )


def _count(laid: Laid, zone: Zone, *, voxel_size: VoxelSize, block: Triple, progress: Progress) -> _Tally:
    halo = zone.halo(voxel_size)
    core = tuple(slice(h, -h or None) for h in halo)
    roles = [laid.prediction, laid.labels, *(() if laid.mask is None else (laid.mask,))]
    with readable(roles, laid.region.grow(halo), progress=progress) as (prediction, labels, *mask):

        def score(box: Box) -> _Tally:
            around = nonzero(labels, box.grow(halo))
            compared = nonzero(mask[0], box) if mask else np.ones(box.shape, np.bool_)
            excluded = zone.excluded(around, voxel_size=voxel_size)[core]
            return _score_block(nonzero(prediction, box), around[core], compared=compared, excluded=excluded)

        parts = map_blocks(score, list(laid.region.tiles(block)), sweep="evaluate", progress=progress)
    return sum(parts, _Tally())


def _score_block(predicted: Mask, truth: Mask, *, compared: Mask, excluded: Mask) -> _Tally:
    scored = compared & ~excluded
    return _Tally(
        scores=Scores(
            with_zone=Score.of(predicted & scored, truth & scored),
            without_zone=Score.of(predicted & compared, truth & compared),
        ),
        compared=int(np.count_nonzero(compared)),
        excluded=int(np.count_nonzero(compared & excluded)),
    )


def _identity(volume: Volume) -> dict[str, Any]:
    return {
        "uri": volume.uri, "format": volume.format, "shape": volume.shape, "identity": dict(volume.identity),
    }  # fmt: skip
