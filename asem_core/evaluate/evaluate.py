"""Score a segmentation against ground truth, block by block, with and without the exclusion zone.

Blocks are read with a halo as wide as the zone, so the counts equal those of the whole volume; what lies outside the
labels counts as background (method: paper, "Evaluation"; the zone's exact form is in `asem_core.labels.zone`)::

    labels      +-----------------------------+
                |      +- - - - - - -+        |   halo: read from the labels, not scored
                |      ' +---------+ '        |
                |      ' |  block  | '        |   scored: inside the prediction and the mask
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs
import numpy as np

from asem_core.errors import GeometryError
from asem_core.evaluate.align import Laid, lay
from asem_core.evaluate.scores import Mask, Score, Scores
from asem_core.evaluate.source import NonZero, bounded_block
from asem_core.geometry import Box, FloatTriple, Triple, VoxelSize, triple
from asem_core.grid.reference import scale_width
from asem_core.progress import Progress, silent
from asem_core.registry import Registry, resolve
from asem_core.specs import ExclusionZone, OrganelleSpec
from asem_core.volume.volume import Volume

BLOCK: Triple = (128, 128, 128)


@attrs.frozen(kw_only=True)
class Zone:
    """The exclusion zone as it was applied."""

    name: str
    version: str
    """Of the registered stage."""
    dilate_voxels: Triple
    erode_voxels: Triple
    dilate_nm: FloatTriple
    erode_nm: FloatTriple


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
    voxel_size: VoxelSize
    region: Box
    """The overlap, in voxels of the labels."""
    aligned_by: str
    """``"shape"`` or ``"position"``, see `evaluate`."""
    inputs: Mapping[str, Mapping[str, Any]]
    """Per role (``prediction``, ``labels``, ``mask``): uri, format, shape, identity."""

    @property
    def scored_voxels(self) -> int:
        """Voxels that ``with_zone`` counts."""
        return self.compared_voxels - self.excluded_voxels

    def to_json(self) -> dict[str, Any]:
        """For ``--json``: ``with_zone`` and ``without_zone`` first, then what they depend on."""
        return {
            **self.scores.to_json(),
            "organelle": self.organelle,
            "voxels": {
                "compared": self.compared_voxels, "excluded": self.excluded_voxels, "scored": self.scored_voxels,
            },
            "zone": attrs.asdict(self.zone),
            "voxel_size_nm": self.voxel_size.zyx,
            "region": str(self.region),
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
    prediction: Volume,
    labels: Volume,
    *,
    organelle: OrganelleSpec,
    registry: Registry,
    mask: Volume | None = None,
    zone: ExclusionZone | None = None,
    progress: Progress = silent,
    block: Triple = BLOCK,
) -> Evaluation:
    """Compare a segmentation with ground truth, voxel by voxel.

    Parameters
    ----------
    prediction, labels
        ``(z, y, x)``, integer or bool; non-zero is the organelle. Labels are taken as they are: neither cleaned nor
        dilated. Two volumes of one shape are laid on each other if at least one of them starts at 0 nm (TIFF carries
        no position). Otherwise their positions decide, and the overlap is scored; labels outside it still shape the
        exclusion zone.
    organelle
        Gives the widths of the exclusion zone, in voxels of a 5 nm grid.
    registry
        Where the zone's stage is looked up.
    mask
        Voxels where it is 0, and voxels outside it, are not scored.
    zone
        Instead of the organelle's zone. The stage must look no further than the wider of its two widths.
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
        Prediction or labels hold real numbers.
    """
    laid = lay(prediction, labels, mask)
    zone = zone or organelle.exclusion_zone
    spec = registry.exclusion_zones[zone.name]
    dilate, erode = (scale_width(width, labels.voxel_size) for width in (zone.dilate, zone.erode))
    stage, params = resolve(spec.fn), resolve(spec.params)(dilate=dilate, erode=erode)
    tally = _count(
        laid, zone_of=lambda inside: stage(inside, params=params),
        halo=triple([max(pair) for pair in zip(dilate, erode, strict=True)]), block=block, progress=progress,
    )  # fmt: skip
    if tally.compared == 0:
        raise GeometryError("the mask leaves nothing to score: it is 0 wherever prediction and labels overlap")
    roles = {"prediction": prediction, "labels": labels, "mask": mask}
    return Evaluation(
        organelle=organelle.name,
        scores=tally.scores,
        compared_voxels=tally.compared,
        excluded_voxels=tally.excluded,
        zone=Zone(
            name=zone.name,
            version=spec.version,
            dilate_voxels=dilate,
            erode_voxels=erode,
            dilate_nm=_in_nm(dilate, labels.voxel_size),
            erode_nm=_in_nm(erode, labels.voxel_size),
        ),
        voxel_size=labels.voxel_size,
        region=laid.region,
        aligned_by=laid.prediction.by,
        inputs={role: _identity(volume) for role, volume in roles.items() if volume is not None},
    )


def _count(
    laid: Laid,
    *,
    zone_of: Callable[[Mask], Mask],
    halo: Triple,
    block: Triple,
    progress: Progress,
) -> _Tally:
    sources = [source for source in (laid.prediction, laid.labels, laid.mask) if source is not None]
    blocks = list(laid.region.tiles(bounded_block(block, halo[0], sources)))
    predicted, truth = NonZero(laid.prediction), NonZero(laid.labels)
    kept = NonZero(laid.mask) if laid.mask is not None else None
    core = tuple(slice(h, -h or None) for h in halo)
    tally = _Tally()
    progress("evaluate", 0, len(blocks))
    for done, box in enumerate(blocks, start=1):
        around = truth.read(box.grow(halo))
        compared = kept.read(box) if kept is not None else np.ones(box.shape, np.bool_)
        tally += _score_block(predicted.read(box), around[core], compared=compared, zone=zone_of(around)[core])
        progress("evaluate", done, len(blocks))
    return tally


def _score_block(predicted: Mask, truth: Mask, *, compared: Mask, zone: Mask) -> _Tally:
    scored = compared & ~zone
    return _Tally(
        scores=Scores(
            with_zone=Score.of(predicted & scored, truth & scored),
            without_zone=Score.of(predicted & compared, truth & compared),
        ),
        compared=int(np.count_nonzero(compared)),
        excluded=int(np.count_nonzero(compared & zone)),
    )


def _identity(volume: Volume) -> dict[str, Any]:
    return {
        "uri": volume.uri, "format": volume.format, "shape": volume.shape, "identity": dict(volume.identity),
    }  # fmt: skip


def _in_nm(widths: Triple, voxel_size: VoxelSize) -> FloatTriple:
    return triple([w * v for w, v in zip(widths, voxel_size.zyx, strict=True)])
