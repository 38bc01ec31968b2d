"""What 8-bit integers are calibrated on: blocks of the volumes that a model was trained on, or of one that is given."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.errors import ModelError, VolumeError
from asem_core.geometry import Box, VoxelSize
from asem_core.models.model import Model
from asem_core.predict.adapt import tissue_blocks
from asem_core.progress import Progress, silent
from asem_core.registry import Registry
from asem_core.training.recipe import Data
from asem_core.volume import Volume, open_volume
from asem_core.volume.address import beside
from asem_core.volume.check import graded
from asem_core.volume.grey import parse_grey
from asem_core.volume.window import window
from asem_core.zoo.moments import apportioned

BLOCKS = 6
"""Calibration needs few: decision 34."""


@attrs.frozen(kw_only=True, eq=False)
class Tissue:
    """Blocks of tissue, as a network is given them."""

    told: tuple[str, ...]
    """Where they are from, in words."""
    blocks: tuple[npt.NDArray[np.float32], ...]
    """Inputs of the graph, ``(1, 1, 128, 128, 128)``."""


def is_here(data: Data, folder: Path, registry: Registry) -> bool:
    """Whether the image of ``data`` can be opened; relative addresses begin at ``folder``."""
    try:
        image_of(data, folder, registry)
    except VolumeError:
        return False
    return True


def image_of(data: Data, folder: Path, registry: Registry) -> Volume:
    """The whole image of ``data``, on the grey range that it was trained with.

    Raises
    ------
    VolumeError
        It is not there, or cannot be read.
    """
    size = None if data.voxel_size_nm is None else VoxelSize(data.voxel_size_nm)
    volume = open_volume(beside(folder, data.raw), registry=registry, voxel_size=size)
    return graded(volume, None if data.grey is None else parse_grey(data.grey))


def training_tissue(
    training: Sequence[Data], model: Model, *, folder: Path, registry: Registry, progress: Progress = silent
) -> Tissue:
    """Evenly spread blocks of those volumes of ``training`` that are here, in proportion to their shares.

    Raises
    ------
    ModelError
        None is here.
    """
    here = [data for data in training if is_here(data, folder, registry)]
    if not here:
        raise ModelError(
            f"none of the {len(training)} volumes that {model.id!r} was trained on is in {folder}: say where they are "
            "(--data), or give a volume like them (--volume)"
        )
    counts = apportioned([data.share or 1.0 for data in here], BLOCKS)
    told: list[str] = []
    blocks: list[npt.NDArray[Any]] = []
    for data, count in zip(here, counts, strict=True):
        if count:
            image = image_of(data, folder, registry)
            part = image if data.roi is None else window(image, Box.parse(data.roi))
            found = [block for _, block in tissue_blocks(part, model, count=count, progress=progress)]
            told.append(f"{len(found)} of {data.raw}{'' if data.roi is None else f' [{data.roi}]'}")
            blocks += found
    missing = len(training) - len(here)
    if missing:
        told.append(f"{missing} of the {len(training)} training volumes were not there")
    return Tissue(told=tuple(told), blocks=tuple(blocks))


def given_tissue(volume: Volume, model: Model, *, name: str, progress: Progress = silent) -> Tissue:
    """Evenly spread blocks of ``volume``, called ``name``, which need not be what the model was trained on.

    Raises
    ------
    VolumeError
        It has no tissue.
    """
    blocks = tuple(block for _, block in tissue_blocks(volume, model, count=BLOCKS, progress=progress))
    return Tissue(told=(f"{len(blocks)} of {name} (given, not a volume of the recipe)",), blocks=blocks)
