"""``moments.json`` in a package: mean and deviation of what every convolution gives on tissue of the training."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.errors import ModelError
from asem_core.zoo.files import MOMENTS_NAME

_MOST_BYTES = 2**22
_KINDS = ("mean", "deviation", "spread")
_DIGITS = 5
"""Significant ones that are stored: what is adapted is adapted to what is stored."""


def _rounded(values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    return np.array([float(f"{value:.{_DIGITS}g}") for value in np.asarray(values, np.float64)])


@attrs.frozen(kw_only=True, eq=False)
class Moments:
    """Of the output of a convolution, before its activation: float64 ``(channels,)`` each, five significant digits."""

    mean: npt.NDArray[np.float64] = attrs.field(converter=_rounded)
    deviation: npt.NDArray[np.float64] = attrs.field(converter=_rounded)
    """Standard deviation over the voxels of all blocks."""
    spread: npt.NDArray[np.float64] = attrs.field(converter=_rounded)
    """Standard deviation of the blocks' means: how far parts of the same tissue lie apart."""

    def __attrs_post_init__(self) -> None:
        values = (self.mean, self.deviation, self.spread)
        if len({each.shape for each in values}) > 1 or not self.mean.size:
            raise ValueError(f"{', '.join(_KINDS)} must hold a number per channel, got {[len(v) for v in values]}")
        if not all(np.isfinite(each).all() for each in values) or min(self.deviation.min(), self.spread.min()) < 0:
            raise ValueError("all must be finite numbers, and no deviation below 0")

    def values(self) -> dict[str, list[float]]:
        """For JSON."""
        return {name: getattr(self, name).tolist() for name in _KINDS}


Layers = Mapping[str, Moments]
"""By the name of the convolution, such as ``unet.l_conv.0.conv_pass.0``."""


@attrs.frozen(kw_only=True)
class TrainedMoments:
    """What a package says of its training tissue."""

    tissue: tuple[str, ...]
    """What was measured, in words, with the number of blocks."""
    layers: Layers


def layers_of(values: Mapping[str, Mapping[str, Any]]) -> Layers:
    """What `Moments.values` gave of each layer.

    Raises
    ------
    ValueError, TypeError, AttributeError
        ``values`` are not that.
    """
    return {str(name): Moments(**layer) for name, layer in values.items()}


def write_moments(moments: TrainedMoments, folder: Path) -> Path:
    """Write ``moments.json`` into ``folder``, a line a layer."""
    path = folder / MOMENTS_NAME
    lines = ",\n  ".join(f"{json.dumps(name)}: {json.dumps(layer.values())}" for name, layer in moments.layers.items())
    path.write_text(f'{{"tissue": {json.dumps(moments.tissue)},\n "layers": {{\n  {lines}}}}}\n', encoding="utf-8")
    return path


def read_moments(folder: Path) -> TrainedMoments | None:
    """What `write_moments` wrote into ``folder``; None where there is no such file.

    Raises
    ------
    ModelError
        The file is damaged, or absurdly large.
    """
    path = folder / MOMENTS_NAME
    if not path.exists():
        return None
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError(f"it takes {path.stat().st_size / 1e6:.0f} MB, expected some KB")
        values = json.loads(path.read_text(encoding="utf-8"))
        return TrainedMoments(tissue=tuple(map(str, values["tissue"])), layers=layers_of(values["layers"]))
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ModelError(f"{path} does not hold the moments of a network ({error}): get the package again") from None


def apportioned(shares: Sequence[float], count: int) -> list[int]:
    """``count`` blocks in proportion to ``shares``.

    >>> apportioned([0.5, 0.3, 0.1, 0.1], 12)
    [6, 4, 1, 1]
    """
    reached = [round(count * sum(shares[:n]) / sum(shares)) for n in range(len(shares) + 1)]
    return [after - before for before, after in pairwise(reached)]


def unlikeness(found: Layers, trained: Layers) -> float:
    """How far tissue lies from that of the training, in distances between the training's own blocks.

    Root mean square over the channels of the encoder, a layer as much as another. Parts of the training's own tissue
    are at about 1.

    Parameters
    ----------
    found
        Measured with the network as it is.
    """
    squares = [
        float(np.mean(((found[name].mean - layer.mean) / np.maximum(layer.spread, 1e-6)) ** 2))
        for name, layer in trained.items()
        if name.startswith("unet.l_conv.")
    ]
    return math.sqrt(sum(squares) / len(squares)) if squares else math.inf
