"""Exclusion zones as a plugin would write them: ``slab``, with parameters of its own, and wrong ones."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
from attrs import validators

from asem_core import VoxelSize
from asem_core.grid.reference import WIDTH, scale_width


@attrs.frozen(kw_only=True)
class Slab:
    """Parameters of `slab`."""

    reach: int = attrs.field(default=2, validator=validators.ge(0), metadata=WIDTH)
    """How far along x, in voxels of 5 nm."""
    both_ways: bool = True
    """Towards smaller x too."""
    unseen: float = 0.5


def slab(inside: Any, *, voxel_size: VoxelSize, params: Slab) -> Any:
    """What is at most ``reach`` along x from the organelle, and outside it."""
    near = np.zeros_like(inside)
    for step in range(1, scale_width(params.reach, voxel_size)[2] + 1):
        near[..., step:] |= inside[..., :-step]
        if params.both_ways:
            near[..., :-step] |= inside[..., step:]
    return near & ~inside


def slab_halo(voxel_size: VoxelSize, params: Slab) -> tuple[int, int, int]:
    return (0, 0, scale_width(params.reach, voxel_size)[2])


@attrs.frozen(kw_only=True)
class Nothing:
    """No parameters."""


def everything(inside: Any, *, voxel_size: VoxelSize, params: Nothing) -> Any:
    return np.ones_like(inside)


def of_another_type(inside: Any, *, voxel_size: VoxelSize, params: Nothing) -> Any:
    return inside.astype(np.uint8)


def of_another_shape(inside: Any, *, voxel_size: VoxelSize, params: Nothing) -> Any:
    return inside[:-1]


def no_array(inside: Any, *, voxel_size: VoxelSize, params: Nothing) -> Any:
    return [True]


def writes(inside: Any, *, voxel_size: VoxelSize, params: Nothing) -> Any:
    inside[:] = True
    return inside


def negative(voxel_size: VoxelSize, params: Nothing) -> tuple[int, int, int]:
    return (0, -1, 0)


def broken_number(voxel_size: VoxelSize, params: Nothing) -> tuple[float, float, float]:
    return (0, 0, 0.5)
