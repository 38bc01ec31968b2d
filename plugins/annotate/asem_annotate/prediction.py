"""A probability map on what is annotated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_annotate.region import Region
from asem_core.blocks import map_blocks
from asem_core.errors import VolumeError
from asem_core.progress import Progress, silent
from asem_core.registry import Registry
from asem_core.volume import WRITE_ANEW, Volume, as_volume, check_values, slabs_of

Probability = npt.NDArray[np.float32]


@attrs.frozen(kw_only=True, eq=False)
class Prediction:
    """A probability map in memory."""

    volume: Volume
    """As it was given."""
    probability: Probability
    """``(z, y, x)`` in [0, 1], of the region."""


def open_prediction(
    prediction: Volume | str | Path, region: Region, *, registry: Registry, progress: Progress = silent
) -> Volume:
    """A probability map that covers ``region``; what lies on that is looked through.

    Raises
    ------
    VolumeError
        It holds neither uint8 (0 to 255) nor floats in [0, 1], or labels.
    GeometryError
        It does not cover the region.
    """
    given = as_volume(prediction, registry=registry, voxel_size=region.raw.voxel_size, only_if_unstated=True)
    if given.dtype != np.uint8 and given.dtype.kind != "f":
        raise VolumeError(f"{given.uri} holds {given.dtype}: a prediction is uint8 (0 to 255) or floats in [0, 1]")
    there = region.of_part(given)
    check_values(there, advice=WRITE_ANEW, progress=progress)
    if there.dtype == np.uint8 and _highest(there, progress) == 1:
        raise VolumeError(f"{given.uri} holds 0 and 1 here, labels: give the probabilities (the image of what `asem "
                          "segment` made)")  # fmt: skip
    return given


def read_prediction(prediction: Volume | str | Path, region: Region, *, registry: Registry) -> Prediction:
    """The part of a probability map that lies on ``region``.

    Raises
    ------
    AsemError
        As `open_prediction`.
    """
    given = open_prediction(prediction, region, registry=registry)
    there = region.of_part(given)
    return Prediction(volume=given, probability=as_probability(there.read(there.box)))


def as_probability(values: npt.NDArray[Any]) -> Probability:
    """``values`` as they are stored, uint8 or floats, on [0, 1]."""
    scale = 255 if values.dtype == np.uint8 else 1
    return values.astype(np.float32) / np.float32(scale)


def _highest(volume: Volume, progress: Progress) -> int:
    return max(map_blocks(lambda box: int(volume.read(box).max()), slabs_of(volume), sweep="reading the prediction",
                          progress=progress))  # fmt: skip
