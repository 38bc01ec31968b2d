"""Prediction, labels and mask, laid on one another for scoring."""

from __future__ import annotations

import attrs
import numpy as np

from asem_core.errors import VolumeError
from asem_core.geometry import Box
from asem_core.grid.place import Placed, place, place_beside
from asem_core.volume.volume import Volume


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


def lay(prediction: Volume, labels: Volume, mask: Volume | None = None) -> Laid:
    """Lay what is to be scored on the ground truth.

    Raises
    ------
    GeometryError
        As `place`.
    VolumeError
        Prediction or labels hold real numbers.
    """
    _check_labels("labels", labels)
    _check_labels("prediction", prediction)
    placed = place(prediction, labels)
    frame = Placed(volume=labels, start=(0, 0, 0), by=placed.by)
    return Laid(
        prediction=placed, labels=frame, mask=place_beside(mask, frame, placed) if mask is not None else None
    )  # fmt: skip


def _check_labels(role: str, volume: Volume) -> None:
    if not (np.issubdtype(volume.dtype, np.integer) or volume.dtype == np.bool_):
        raise VolumeError(
            f"{volume.uri} holds {volume.dtype}, but {role} must be whole numbers, 0 for background; "
            "threshold probabilities or convert the volume first"
        )
