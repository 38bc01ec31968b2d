"""What the probabilities of a block become: bytes and labels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.geometry import Box, Triple
from asem_core.grid.resample import PART
from asem_core.models.model import Image

ProbDtype = Literal["uint8", "float32"]


@attrs.frozen(kw_only=True, eq=False)
class Predicted:
    """Result of a block on the output's grid."""

    probability: npt.NDArray[Any]
    """``(z, y, x)``, uint8 (255 p) or float32."""
    label: npt.NDArray[np.uint8]
    """``(z, y, x)``, 1 where p >= threshold."""


def finish(
    shape: Triple,
    part: Callable[[Box], Image],
    *,
    threshold: float,
    dtype: ProbDtype,
    mask: npt.NDArray[Any] | None = None,
) -> Predicted:
    """A tile of ``shape`` (output voxels), each ``part`` of it through `quantise`; ``mask`` has the same shape.

    A part at a time that stays in the processor's cache, as resampling makes them.
    """
    found = Predicted(probability=np.empty(shape, dtype), label=np.empty(shape, np.uint8))
    for box in Box.of_shape(shape).tiles(PART):
        inside = None if mask is None else mask[box.slices]
        quantised = quantise(part(box), threshold=threshold, dtype=dtype, mask=inside)
        found.probability[box.slices], found.label[box.slices] = quantised.probability, quantised.label
    return found


def quantise(
    probability: Image, *, threshold: float, dtype: ProbDtype, mask: npt.NDArray[Any] | None = None
) -> Predicted:
    """Round to the output's dtype; the label is taken from the float before. Outside ``mask`` both are 0."""
    if mask is not None:
        probability = np.where(mask != 0, probability, np.float32(0))
    label = (probability >= np.float32(threshold)).view(np.uint8)
    if dtype == "uint8":
        scaled = probability * np.float32(255)
        return Predicted(probability=np.rint(scaled, out=scaled).astype(np.uint8), label=label)
    return Predicted(probability=probability, label=label)
