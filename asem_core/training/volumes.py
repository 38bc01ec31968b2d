"""What a run trains on: each volume's raw and labels on the recipe's grid, in memory."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.errors import RecipeError
from asem_core.geometry import Box, FloatTriple, Triple, VoxelSize, resampled_shape
from asem_core.grid.mirror import read_mirrored
from asem_core.grid.place import cut
from asem_core.grid.resample import resample, resample_labels, source_box
from asem_core.network import TILE_HALO
from asem_core.preprocessing.levels import to_grey_range
from asem_core.preprocessing.stages import Step, make_steps, measure, normalised, split_steps
from asem_core.registry import Registry
from asem_core.specs import StageRef
from asem_core.training.recipe import Data
from asem_core.volume import Volume, open_labels, open_volume
from asem_core.volume.address import beside
from asem_core.volume.check import check_grey, graded, settled_range
from asem_core.volume.grey import GreyLevels, levels_on_scale, on_grey_range, parse_grey
from asem_core.volume.staging import readable_by_blocks
from asem_core.volume.window import window

T = TypeVar("T", bound=np.generic)
_ROUNDING = 1e-6
"""Of a place, in voxels."""
_Make = Callable[[npt.NDArray[Any], Triple, Box, FloatTriple], npt.NDArray[T]]


@attrs.frozen(kw_only=True, eq=False)
class LabelledVolume:
    """Raw and labels of one ROI on the recipe's grid."""

    name: str
    raw: npt.NDArray[np.float32]
    """``(z, y, x)``, 0..1; at each face ``context`` voxels larger than the labels."""
    labels: npt.NDArray[np.uint8]
    """``(z, y, x)``, 0 or 1."""
    share: float
    """Relative probability of being sampled."""
    inside: npt.NDArray[np.uint8] | None = None
    """``(z, y, x)``, 1 where training and scores count: in the mask, where somebody has judged; None: everywhere."""
    context: int = 0
    levels: GreyLevels | None = None
    """Of the stored image, on the 0..255 scale."""


def load_data(
    data: Data, *, folder: Path, organelle: str, grid: VoxelSize, registry: Registry, stages: Sequence[StageRef] = ()
) -> LabelledVolume:
    """Read the ROI of ``data`` and bring it to ``grid``: raw by area-weighted mean, labels by mode.

    Raw goes through ``stages`` as in `asem segment`: what they measure is of the whole volume, whatever the ROI.

    Raises
    ------
    RecipeError
        The ROI reaches outside.
    GeometryError
        Labels or mask do not cover the ROI, or their voxel sizes differ.
    VolumeError
        A file is missing or unreadable, or an image that a model cannot be given (`check_grey`).
    """
    size = VoxelSize(data.voxel_size_nm) if data.voxel_size_nm else None
    raw = open_volume(beside(folder, data.raw), registry=registry, voxel_size=size)
    drawn = open_labels(beside(folder, data.labels), data.organelle or organelle, registry=registry, voxel_size=size)
    roi = Box.parse(data.roi) if data.roi else raw.box
    if not raw.box.contains(roi):
        raise RecipeError(f"the ROI {roi} reaches outside {data.raw}, which is {raw.shape} voxels")
    labels = cut(drawn, raw, roi)
    part = window(raw, roi)
    range_ = settled_range(part, parse_grey(data.grey) if data.grey else None, option="grey: ")
    check_grey(part, grey=range_, option="grey: ")
    image = part if range_ is None else on_grey_range(part, range_)
    context = TILE_HALO if data.context else 0
    grey = image_on_grid(graded(raw, range_), roi, grid, make_steps(stages, registry), context=context)
    truth = _on_grid(labels, labels.box, grid, partial(_where, partial(is_organelle, unlabelled=data.unlabelled)))
    counts = []
    if data.mask is not None:
        mask = open_volume(beside(folder, data.mask), registry=registry, voxel_size=raw.voxel_size)
        counts.append(_on_grid(cut(mask, raw, roi), labels.box, grid, partial(_where, is_organelle)))
    if data.unlabelled is not None:
        counts.append(_on_grid(labels, labels.box, grid, partial(_where, lambda ids: ids != data.unlabelled)))
    if data.left_out:
        counts.append(_around([Box.parse(box) for box in data.left_out], roi, raw.voxel_size, grid))
    inside = None if not counts else np.minimum.reduce(counts)
    volume_um3 = truth.size * grid.volume_nm3 / 1e9
    return LabelledVolume(
        name=data.name or f"{data.raw}[{roi}]",
        raw=grey,
        labels=truth,
        inside=inside,
        context=context,
        levels=levels_on_scale(image),
        share=volume_um3 if data.share is None else data.share,
    )


def image_on_grid(
    volume: Volume, roi: Box, grid: VoxelSize, steps: Sequence[Step], *, context: int = 0
) -> npt.NDArray[np.float32]:
    """The ROI on ``grid`` after ``steps``, ``(z, y, x)``, 0..1; what ``steps`` measure is of all of ``volume``.

    With ``context`` so many voxels of ``grid`` round it too, mirrored where the volume ends.
    """
    before, inside = split_steps(steps)

    def grey(block: npt.NDArray[Any], start: Triple, target: Box, ratio: FloatTriple) -> npt.NDArray[np.float32]:
        image = resample(to_grey_range(block), start, target, ratio)
        for step in inside:
            image = step.apply(image, box=target, voxel_size=grid, stats={})
        return (image / np.float32(255)).astype(np.float32, copy=False)

    if not before:
        return _on_grid(volume, roi, grid, grey, context=context)
    with tempfile.TemporaryDirectory() as scratch, readable_by_blocks(volume, Path(scratch) / "raw") as source:
        return _on_grid(normalised(source, before, measure(source, before)), roi, grid, grey, context=context)


def is_organelle(labels: npt.NDArray[Any], *, unlabelled: int | None = None) -> npt.NDArray[np.bool_]:
    """Which of ``labels``, of any shape, are the organelle; see `asem_core.training.recipe.Data.unlabelled`.

    >>> is_organelle(np.array([0, 1, 2, 3]), unlabelled=0), is_organelle(np.array([0, 1, 2, 255]), unlabelled=255)
    (array([False, False,  True,  True]), array([False,  True,  True, False]))
    """
    if unlabelled == 0:
        return np.asarray(labels > 1)
    return np.asarray(labels != 0 if unlabelled is None else (labels != 0) & (labels != unlabelled))


def _around(boxes: Sequence[Box], roi: Box, size: VoxelSize, grid: VoxelSize) -> npt.NDArray[np.uint8]:
    """The ROI on ``grid``: 0 wherever a voxel lies in one of ``boxes``, if only in part; 1 elsewhere."""
    around = np.ones(resampled_shape(roi.shape, size, grid), np.uint8)
    scale = [a / b for a, b in zip(size.zyx, grid.zyx, strict=True)]
    for box in boxes:
        local = box.intersect(roi).shift([-s for s in roi.start])
        start = [math.floor(n * r + _ROUNDING) for n, r in zip(local.start, scale, strict=True)]
        stop = [math.ceil(n * r - _ROUNDING) for n, r in zip(local.stop, scale, strict=True)]
        around[Box(start, stop).slices] = 0
    return around


def _where(
    chosen: Callable[[npt.NDArray[Any]], npt.NDArray[np.bool_]],
    block: npt.NDArray[Any],
    start: Triple,
    target: Box,
    ratio: FloatTriple,
) -> npt.NDArray[np.uint8]:
    return resample_labels(chosen(block).astype(np.uint8), start, target, ratio)


def _on_grid(volume: Volume, roi: Box, grid: VoxelSize, make: _Make[T], *, context: int = 0) -> npt.NDArray[T]:
    """The ROI on ``grid``. Without ``context`` only voxels of the ROI are read: at its faces the image is mirrored."""
    ratio = volume.voxel_size.ratio_to(grid)
    target = Box.of_shape(resampled_shape(roi.shape, volume.voxel_size, grid)).grow(context)
    seen, first = (volume.box, roi.start) if context else (roi, (0, 0, 0))
    slabs = []
    for slab in target.tiles((16, *target.shape[1:])):
        needed = source_box(slab, ratio)
        block = read_mirrored(lambda box: volume.read(box.shift(seen.start)), seen.shape, needed.shift(first))
        slabs.append(make(block, needed.start, slab, ratio))
    return np.concatenate(slabs)
