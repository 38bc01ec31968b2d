"""A ROI on the recipe's grid as an array that is computed where it is sliced: every part equals that of the whole."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.geometry import Box, FloatTriple, Triple, VoxelSize, resampled_shape
from asem_core.grid.mirror import read_mirrored
from asem_core.grid.resample import resample, resample_labels, source_box
from asem_core.preprocessing.levels import to_grey_range
from asem_core.preprocessing.stages import Step
from asem_core.volume import Volume

Make = Callable[[npt.NDArray[Any], Triple, Box, FloatTriple], npt.NDArray[Any]]
"""From a block of the volume, its first voxel, a box of the grid, and voxels of the volume per voxel of the grid."""
_SLAB_BYTES = 64 * 2**20
"""Of the volume, that are resampled at once."""
_SLAB_SECTIONS = 16
"""Of the grid, at least: each slab reads the chunks at its faces anew."""
_ROUNDING = 1e-6
"""Of a place, in voxels."""


@attrs.frozen(kw_only=True, eq=False)
class OnGrid:
    """A `LazyArray` of what ``make`` gives for ``roi`` of ``volume`` on ``grid``.

    Without ``context`` only voxels of the ROI are read: at its faces the image is mirrored. With it, so many voxels
    of the grid lie round the ROI, mirrored where the volume ends.
    """

    volume: Volume
    roi: Box
    grid: VoxelSize
    make: Make
    dtype: np.dtype[Any] = attrs.field(converter=np.dtype)
    context: int = 0

    @property
    def shape(self) -> Triple:
        """Voxels per axis, context included."""
        return Box.of_shape(resampled_shape(self.roi.shape, self.volume.voxel_size, self.grid)).grow(self.context).shape

    def __getitem__(self, key: tuple[slice, slice, slice]) -> npt.NDArray[Any]:
        box = sliced(key, self.shape)
        out = np.empty(box.shape, self.dtype)
        for slab in box.tiles((self._sections(box), *box.shape[1:])):
            out[slab.shift([-s for s in box.start]).slices] = self._made(slab.shift([-self.context] * 3))
        return out

    def _made(self, target: Box) -> npt.NDArray[Any]:
        ratio = self.volume.voxel_size.ratio_to(self.grid)
        seen, first = (self.volume.box, self.roi.start) if self.context else (self.roi, (0, 0, 0))
        needed = source_box(target, ratio)
        block = read_mirrored(lambda box: self.volume.read(box.shift(seen.start)), seen.shape, needed.shift(first))
        return self.make(block, needed.start, target, ratio)

    def _sections(self, box: Box) -> int:
        voxels = math.prod(self.volume.voxel_size.ratio_to(self.grid)) * math.prod(box.shape[1:])
        return max(_SLAB_SECTIONS, int(_SLAB_BYTES / (voxels * self.volume.dtype.itemsize)))


@attrs.frozen(kw_only=True, eq=False)
class Counted:
    """A `LazyArray`, uint8: 0 in the boxes ``left_out`` and where one of ``parts`` is 0, else 1."""

    shape: Triple
    parts: Sequence[OnGrid]
    left_out: Sequence[Box]

    @property
    def dtype(self) -> np.dtype[np.uint8]:
        """Type of one voxel."""
        return np.dtype(np.uint8)

    def __getitem__(self, key: tuple[slice, slice, slice]) -> npt.NDArray[np.uint8]:
        box = sliced(key, self.shape)
        found = np.ones(box.shape, np.uint8)
        for part in self.parts:
            np.minimum(found, part[key], out=found)
        for hole in self.left_out:
            found[hole.intersect(box).shift([-s for s in box.start]).slices] = 0
        return found


def sliced(key: tuple[slice, slice, slice], shape: Triple) -> Box:
    """The box that slices of step 1 mean in an array of ``shape``."""
    spans = [part.indices(n) for part, n in zip(key, shape, strict=True)]
    return Box([start for start, _, _ in spans], [stop for _, stop, _ in spans])


def covering(box: Box, roi: Box, size: VoxelSize, grid: VoxelSize) -> Box:
    """The voxels of ``roi`` on ``grid`` that ``box`` (voxels of ``size``) touches, if only in part."""
    local = box.intersect(roi).shift([-s for s in roi.start])
    scale = [a / b for a, b in zip(size.zyx, grid.zyx, strict=True)]
    start = [math.floor(n * r + _ROUNDING) for n, r in zip(local.start, scale, strict=True)]
    return Box(start, [math.ceil(n * r - _ROUNDING) for n, r in zip(local.stop, scale, strict=True)])


def make_grey(steps: Sequence[Step], grid: VoxelSize) -> Make:
    """Raw 0..1, float32, after ``steps`` that run inside a tile."""

    def grey(block: npt.NDArray[Any], start: Triple, target: Box, ratio: FloatTriple) -> npt.NDArray[np.float32]:
        image = resample(to_grey_range(block), start, target, ratio)
        for step in steps:
            image = step.apply(image, box=target, voxel_size=grid, stats={})
        return (image / np.float32(255)).astype(np.float32, copy=False)

    return grey


def make_ones(chosen: Callable[[npt.NDArray[Any]], npt.NDArray[np.bool_]]) -> Make:
    """1 where ``chosen`` holds for half of a voxel of the grid or more, uint8."""

    def ones(block: npt.NDArray[Any], start: Triple, target: Box, ratio: FloatTriple) -> npt.NDArray[np.uint8]:
        return resample_labels(chosen(block).astype(np.uint8), start, target, ratio)

    return ones
