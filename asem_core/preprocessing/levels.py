"""Grey levels: what histograms count and lookup tables map."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from asem_core.errors import VolumeError


def level_count(dtype: npt.DTypeLike) -> int:
    """Grey levels of an image of ``dtype``: 256 for uint8, 65536 for uint16 and for floats in [0, 1].

    Raises
    ------
    VolumeError
        Another dtype: nothing says which value is black and which is white.

    Examples
    --------
    >>> level_count("uint8"), level_count("float32")
    (256, 65536)
    """
    kind = np.dtype(dtype)
    if kind == np.uint8:
        return 256
    if kind == np.uint16 or kind.kind == "f":
        return 65536
    raise VolumeError(
        f"images are uint8, uint16 or floats in [0, 1], found {kind}; say which levels are black and white "
        "(--grey LOW:HIGH)"
    )


def to_levels(raw: npt.NDArray[Any]) -> npt.NDArray[np.uint8] | npt.NDArray[np.uint16]:
    """Grey levels of ``raw``, same shape: integers as they are, floats as ``rint(65535 v)``, clipped to [0, 1]."""
    if level_count(raw.dtype) == 256 or raw.dtype == np.uint16:
        return raw
    scaled: npt.NDArray[np.float32] = np.rint(np.clip(raw, 0, 1).astype(np.float32) * np.float32(65535))
    return scaled.astype(np.uint16)


def count_levels(raw: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """How many voxels of ``raw`` have each grey level, ``(level_count,)``."""
    return np.bincount(to_levels(raw).ravel(), minlength=level_count(raw.dtype))


def to_grey_range(raw: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Raw on the 0..255 scale that models are given: uint8 as it is, uint16 / 257, float in [0, 1] times 255.

    Raises
    ------
    VolumeError
        Another dtype: nothing says which value is black and which is white.
    """
    if level_count(raw.dtype) == 256:
        return raw
    return raw.astype(np.float32) * np.float32(255.0 / 65535 if raw.dtype == np.uint16 else 255.0)
