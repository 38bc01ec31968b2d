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
from asem_core.volume import (
    WRITE_ANEW,
    Volume,
    as_volume,
    check_values,
    holds_probabilities,
    kind_of,
    locate,
    pyramid_of,
    slabs_of,
)

Probability = npt.NDArray[np.float32]
_SMALL = 8
"""Up to this, uint8 that does not say what it is is taken for labels."""


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
        It holds neither uint8 (0 to 255) nor floats in [0, 1], or labels: it says so, or is a few small values, and
        does not say that it is a probability map.
    GeometryError
        It does not cover the region.
    """
    given = as_volume(prediction, registry=registry, voxel_size=region.raw.voxel_size, only_if_unstated=True)
    if given.dtype != np.uint8 and given.dtype.kind != "f":
        raise VolumeError(f"{given.uri} holds {given.dtype}: a prediction is uint8 (0 to 255) or floats in [0, 1]")
    there = region.of_part(given)
    check_values(there, advice=WRITE_ANEW, progress=progress)
    if given.dtype == np.uint8 and not _says_probabilities(given):
        _refuse_labels(given, there, progress)
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


def _says_probabilities(volume: Volume) -> bool:
    place = locate(volume.uri)
    return holds_probabilities(str(pyramid_of(place) or place))


def _refuse_labels(given: Volume, there: Volume, progress: Progress) -> None:
    advice = "give the probabilities (the image of what `asem segment` made)"
    if _says_labels(given):
        raise VolumeError(f"{given.uri} holds labels: {advice}")
    highest = _highest(there, progress)
    if 0 < highest <= _SMALL:
        raise VolumeError(f"{given.uri} holds nothing above {highest} of 255 here, as labels do: {advice}")


def _says_labels(volume: Volume) -> bool:
    try:
        return kind_of(volume) == "labels"
    except VolumeError:  # it says nothing
        return False


def _highest(volume: Volume, progress: Progress) -> int:
    return max(map_blocks(lambda box: int(volume.read(box).max()), slabs_of(volume), sweep="reading the prediction",
                          progress=progress))  # fmt: skip
