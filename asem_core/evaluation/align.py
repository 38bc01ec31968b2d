"""Prediction, labels and mask, laid on one another for scoring."""

from __future__ import annotations

import logging

import attrs

from asem_core.evaluation.ids import ids, known
from asem_core.geometry import Box
from asem_core.grid.place import Placed, place, place_beside
from asem_core.volume.volume import Volume

log = logging.getLogger(__name__)

MOST_OF_IT = 0.9
"""Share of prediction and of labels that the other should cover; below, a warning says what is compared."""


@attrs.frozen(kw_only=True)
class Laid:
    """Prediction, labels and mask in the frame of the labels."""

    prediction: Placed
    labels: Placed
    mask: Placed | None

    @property
    def region(self) -> Box:
        """What prediction and labels have in common."""
        return self.labels.box.intersect(self.prediction.box)


def lay(prediction: Volume, labels: Volume, mask: Volume | None = None, *, ignore_label: int | None = None) -> Laid:
    """Lay what is to be scored on the ground truth.

    Parameters
    ----------
    prediction, labels
        Integers or booleans, see `asem_core.evaluation.ids`.
    mask
        0 where nothing is scored.
    ignore_label
        Value of ``labels`` that is not scored either: the mask that is returned leaves it out.

    Raises
    ------
    GeometryError
        As `place`.
    VolumeError
        Prediction or labels hold real numbers, or are a grey image.
    """
    truth, found = ids(labels, role="labels", ignore=ignore_label), ids(prediction, role="prediction")
    placed = place(found, truth)
    frame = Placed(volume=truth, start=(0, 0, 0), by=placed.by)
    kept = place_beside(mask, frame, placed) if mask is not None else None
    if ignore_label is not None:
        kept = Placed(volume=known(labels, ignore=ignore_label, mask=kept), start=(0, 0, 0), by=placed.by)
    return Laid(prediction=placed, labels=frame, mask=kept)


def warn_of_little_overlap(laid: Laid) -> None:
    """Log what is compared where prediction or labels reach far beyond each other."""
    volumes = [laid.prediction.volume, laid.labels.volume]
    shares = [laid.region.size / volume.box.size for volume in volumes]
    if min(shares) < MOST_OF_IT:
        parts = ", ".join(f"{share:.1%} of {volume.uri}" for share, volume in zip(shares, volumes, strict=True))
        log.warning("only what both cover is scored: %s", parts)
