"""Preprocessors as a plugin would write them: ``darken``, whose halo follows from its parameters, and wrong ones."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
from scipy import ndimage

from asem_core import VoxelSize


@attrs.frozen(kw_only=True)
class Darken:
    """Parameters of `darken`."""

    reach_nm: float = 10.0
    """How far the darkest voxel is looked for, along every axis."""


def _reach(voxel_size: VoxelSize, params: Darken) -> tuple[int, ...]:
    return tuple(round(params.reach_nm / v) for v in voxel_size.zyx)


def darken_halo(voxel_size: VoxelSize, params: Darken) -> Any:
    return _reach(voxel_size, params)


def darken(raw: Any, *, box: Any, voxel_size: VoxelSize, stats: Any, params: Darken) -> Any:
    sides = [2 * r + 1 for r in _reach(voxel_size, params)]
    return ndimage.minimum_filter(raw, sides)


def of_another_type(raw: Any, **_: Any) -> Any:
    return raw.astype(np.float32)


def of_another_shape(raw: Any, **_: Any) -> Any:
    return raw[1:]
