"""Score the objects of a segmentation against those of the ground truth, block by block.

Objects are found in all that prediction and labels have in common, so that the mask cuts none apart; only voxels inside
the mask count for overlaps. The exclusion zone plays no part: it would cut the rim off every object.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import attrs
import numpy as np

from asem_core.cluster import executing
from asem_core.errors import AsemError, OutputError
from asem_core.evaluation.align import Laid, lay
from asem_core.evaluation.contingency import Contingency, tabulate
from asem_core.evaluation.detection import Detection, Matching, match_objects
from asem_core.geometry import FloatTriple, Triple, VoxelSize, triple
from asem_core.grid.place import Placed
from asem_core.grid.reference import scale_volume
from asem_core.labels.instances import Instances, find_instances
from asem_core.progress import Progress, silent
from asem_core.registry import Registry
from asem_core.specs import OrganelleSpec
from asem_core.volume.opening import as_volume
from asem_core.volume.staging import readable_by_blocks
from asem_core.volume.volume import Volume
from asem_core.volume.window import window

if TYPE_CHECKING:
    from distributed import Client

    from asem_core.cluster import Dask

BLOCK: Triple = (128, 128, 128)
AP_IOU = tuple(k / 20 for k in range(10, 20))
"""0.50, 0.55 ... 0.95: the thresholds of COCO (Lin et al., ECCV 2014)."""


@attrs.frozen(kw_only=True)
class Side:
    """The objects of prediction or truth, in numbers."""

    objects: int
    found_by: Literal["ids", "components"]
    """See `asem_core.labels.instances.Instances`."""
    touch_none: int
    """Objects that share no voxel with any object of the other side: missed truths, invented predictions."""
    touch_several: int
    """Objects that share voxels with two or more: split truths, predictions that merge several."""
    ignored: int
    """At ``iou``: not counted because of ``ignore_border``."""


@attrs.frozen(kw_only=True, eq=False)
class ObjectEvaluation:
    """Scores of objects, and what they depend on."""

    iou: float
    """Least IoU of a match in ``at_iou``."""
    at_iou: Detection
    any_overlap: Detection
    """A match shares one voxel or more; still one to one."""
    by_iou: Mapping[float, Detection]
    """At every threshold of `AP_IOU`."""
    prediction: Side
    truth: Side
    min_voxels: int
    """Smaller predicted objects were dropped; voxels of a 5 nm grid."""
    dropped: int
    """How many those were."""
    ignore_border: bool
    matching: Matching
    """Every object with its partner in ``at_iou``."""
    voxel_size: VoxelSize
    lower_edge_nm: FloatTriple
    """Of voxel 0 of the compared region, in the acquisition's frame."""

    @property
    def average_precision(self) -> float:
        """Mean of TP / (TP + FP + FN) over the thresholds of `AP_IOU`."""
        return float(np.mean([found.average_precision for found in self.by_iou.values()]))

    def __str__(self) -> str:
        found, count = self.at_iou, self.at_iou.count
        return (
            f"{self.truth.objects:,} objects in truth, {self.prediction.objects:,} predicted\n"
            f"IoU >= {self.iou:g}: precision {count.precision:.3f}, recall {count.recall:.3f}, F1 {count.f1:.3f}, "
            f"panoptic quality {found.panoptic_quality:.3f}\n"
            f"average precision, IoU 0.50:0.05:0.95: {self.average_precision:.3f}"
        )

    def to_json(self) -> dict[str, Any]:
        """For ``--json``: ``at_iou``, ``any_overlap`` and ``average_precision`` first, then what they depend on."""
        return {
            "at_iou": {"iou": self.iou, **self.at_iou.to_json()},
            "any_overlap": self.any_overlap.to_json(),
            "average_precision": {
                "mean": self.average_precision,
                "by_iou": {f"{iou:.2f}": found.average_precision for iou, found in self.by_iou.items()},
            },
            "prediction": attrs.asdict(self.prediction),
            "truth": attrs.asdict(self.truth),
            "min_voxels": self.min_voxels,
            "dropped": self.dropped,
            "ignore_border": self.ignore_border,
        }


def evaluate_objects(
    prediction: Volume | str | Path,
    labels: Volume | str | Path,
    *,
    organelle: OrganelleSpec | str | None = None,
    registry: Registry | None = None,
    mask: Volume | str | Path | None = None,
    ignore_label: int | None = None,
    iou: float = 0.5,
    min_voxels: int = 0,
    ignore_border: bool = False,
    voxel_size: VoxelSize | Sequence[float] | None = None,
    allow_unfinished: bool = False,
    executor: Dask | Client | None = None,
    progress: Progress = silent,
    block: Triple = BLOCK,
) -> ObjectEvaluation:
    """Compare the objects of a segmentation with those of the ground truth.

    Parameters
    ----------
    prediction, labels
        Volumes or addresses.
        ``(z, y, x)``, integer or bool, laid on each other as by `asem_core.evaluation.evaluate`; objects are those of
        the overlap. Two or more different values are ids of objects; a mask is split into 26-connected components.
    organelle
        Whose labels are opened in a container; not needed for label images and volumes.
    registry
        By default everything installed.
    mask
        Voxels where it is 0, and voxels outside it, do not count; an object without any other voxel is left out.
    ignore_label
        A value of ``labels`` that means "not known", such as -1: as outside the mask.
    iou
        Least intersection over union of a match, above 0, up to 1.
    min_voxels
        Predicted objects with fewer voxels of 125 nm^3, inside and outside the mask, are dropped as specks.
    ignore_border
        Ignore objects that touch a face of the overlap or lie partly outside the mask, and what they are matched with.
    voxel_size, allow_unfinished
        As for `asem_core.evaluate`.
    executor
        Where blocks run: a `distributed.Client`, or what `asem_core.cluster.connect` gives; by default on this machine.
        Does not change the result.
    progress
        Called after every block of every sweep.
    block
        Voxels per axis of a block. The result does not depend on it.

    Raises
    ------
    GeometryError, VolumeError
        As `asem_core.evaluation.evaluate`.
    OutputError
        The temporary folder has no room.

    Notes
    -----
    Matching is one to one, see `asem_core.evaluation.matching.match`. Panoptic quality: Kirillov et al., CVPR 2019.
    Average precision is TP / (TP + FP + FN), as in DSB 2018, StarDist and Cellpose; it is not the area under a
    precision-recall curve (COCO), which needs a confidence per object. Temporary files take up to 4 bytes a voxel for
    prediction and for labels where they hold no ids.

    Examples
    --------
    >>> from asem_core import VoxelSize
    >>> truth, found = np.zeros((2, 4, 4, 9), np.uint8)
    >>> truth[:, :, :3] = truth[:, :, 6:] = 1
    >>> found[:, :, 6:] = 1
    >>> volumes = [Volume(array=a, voxel_size=VoxelSize((5, 5, 5)), uri="memory", format="memory", chunks=(4, 4, 9))
    ...            for a in (found, truth)]
    >>> score = evaluate_objects(*volumes)
    >>> score.at_iou.count.recall, score.at_iou.count.precision, score.at_iou.panoptic_quality
    (0.5, 1.0, 0.6666666666666666)
    """
    if not 0 < iou <= 1:
        raise AsemError(f"the IoU of a match lies above 0 and is at most 1, got {iou:g}")
    opened = partial(
        as_volume, registry=registry, voxel_size=voxel_size, only_if_unstated=True, allow_unfinished=allow_unfinished
    )
    name = organelle.name if isinstance(organelle, OrganelleSpec) else organelle
    prediction, labels = opened(prediction, labels=name), opened(labels, labels=name)
    mask = None if mask is None else opened(mask)
    laid = lay(prediction, labels, mask, ignore_label=ignore_label)
    with executing(executor):
        table, found_by = _tabulate(laid, block=block, progress=progress)
    counted = table.select(table.prediction.voxels > 0, table.truth.voxels > 0)
    large = counted.prediction.all_voxels >= scale_volume(min_voxels, labels.voxel_size)
    table = counted.select(large, np.ones(len(counted.truth), np.bool_))
    matching = match_objects(table, least_iou=iou, ignore_cut=ignore_border)

    def detection(least_iou: float) -> Detection:
        return match_objects(table, least_iou=least_iou, ignore_cut=ignore_border).detection

    return ObjectEvaluation(
        iou=iou,
        at_iou=matching.detection,
        any_overlap=detection(0),
        by_iou={threshold: detection(threshold) for threshold in AP_IOU},
        prediction=_describe(matching, 0, found_by[0]),
        truth=_describe(matching, 1, found_by[1]),
        min_voxels=min_voxels,
        dropped=int(np.sum(~large)),
        ignore_border=ignore_border,
        matching=matching,
        voxel_size=labels.voxel_size,
        lower_edge_nm=_region_edge_nm(laid),
    )


def _tabulate(laid: Laid, *, block: Triple, progress: Progress) -> tuple[Contingency, tuple[Instances, Instances]]:
    """The contingency table of the region, and what the objects of both sides were found by."""
    with tempfile.TemporaryDirectory(prefix="asem-evaluate-") as folder, ExitStack() as stack:
        scratch = Path(folder)

        def part(placed: Placed, name: str) -> Volume:
            inside = window(placed.volume, placed.local(laid.region))
            return stack.enter_context(readable_by_blocks(inside, scratch / name, progress=progress))

        try:
            predicted, truth = (
                find_instances(
                    part(placed, name),
                    scratch=scratch / f"{name}-ids",
                    block=block,
                    progress=progress,
                    sweep=f"objects of the {name}",
                )
                for name, placed in (("prediction", laid.prediction), ("labels", laid.labels))
            )
            kept = part(laid.mask, "mask") if laid.mask is not None else None
            table = tabulate(
                predicted.read,
                truth.read,
                shape=laid.region.shape,
                block=block,
                progress=progress,
                mask=(lambda box: kept.read(box) != 0) if kept is not None else None,
            )
        except OSError as exc:
            raise OutputError(
                f"{folder}: temporary files cannot be written: {exc.strerror or exc}; let TMPDIR be a folder with "
                f"{math.prod(laid.region.shape) * 8 / 1e9:.1f} GB"
            ) from exc
    return table, (predicted, truth)


def _describe(matching: Matching, column: int, instances: Instances) -> Side:
    table = matching.table
    count = len((table.prediction, table.truth)[column])
    touched = np.bincount(table.pairs[:, column], minlength=count)
    return Side(
        objects=count,
        found_by=instances.by,
        touch_none=int(np.sum(touched == 0)),
        touch_several=int(np.sum(touched > 1)),
        ignored=int(matching.ignored[column].sum()),
    )


def _region_edge_nm(laid: Laid) -> FloatTriple:
    # Of two volumes laid on each other by shape one states no position: the other one decides.
    placed = laid.labels if laid.labels.volume.placed else laid.prediction
    lower, _ = placed.local(laid.region).to_nm(placed.volume.voxel_size, origin_nm=placed.volume.lower_edge_nm)
    return triple(lower)
