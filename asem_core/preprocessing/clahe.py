"""CLAHE: contrast-limited adaptive histogram equalisation in 3D, on one lattice of tiles for the whole volume.

::

    voxel 0         kernel      2 kernel
    |-------o-------|-------o-------|---      o: centre of a tile, where its mapping holds alone
            |<- trilinear ->|                    between centres: 8 mappings, weighted; before the first: the first
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
from attrs import validators

from asem_core.blocks.executors import map_blocks
from asem_core.geometry import Box, VoxelSize, triple
from asem_core.grid.mirror import read_mirrored
from asem_core.preprocessing.levels import level_count, to_levels
from asem_core.progress import Progress, silent
from asem_core.volume.volume import Volume

BINS = 256
TOP = 2**14 - 1
"""Highest internal grey level (14 bit)."""
BIN_SIZE = 1 + 2**14 // BINS
_READ = 128
"""Voxels per axis that are read at once at least, so that small tiles do not read every chunk many times."""


@attrs.frozen(kw_only=True)
class Clahe:
    """Parameters of `clahe`. The paper's volumes have a clip of 0.02; it compares 0.01, 0.02 and 0.03 (Table S5)."""

    kernel: int = attrs.field(default=128, validator=validators.ge(2))
    """Voxels per axis of a tile."""
    clip: float = attrs.field(default=0.02, validator=validators.and_(validators.gt(0), validators.le(1)))
    """Most voxels that a bin may hold, as a fraction of the tile; 1 does not limit the contrast."""


def clahe(
    raw: npt.NDArray[Any], *, box: Box, voxel_size: VoxelSize, stats: Mapping[str, Any], params: Clahe
) -> npt.NDArray[np.uint8]:
    """Equalise the contrast of ``raw`` locally.

    Parameters
    ----------
    raw
        ``(z, y, x)``, uint8, uint16 or float in [0, 1]. The range of the dtype counts, not that of the values.
    box
        The voxels of ``raw`` in the volume: the lattice of tiles begins at the volume's voxel 0.
    voxel_size
        Not used: the kernel is voxels.
    stats
        ``tile_mappings`` of the volume, `tile_mappings`.
    params
        The kernel; the clip is in the mappings.

    Returns
    -------
    ndarray
        uint8, shape of ``raw``: ``floor(255 v / 16383)`` of the equalised 14-bit level v.

    Notes
    -----
    Zuiderveld (1994), in the form of `skimage.exposure.equalize_adapthist`, with two differences that let it
    work block by block (Gallusser et al. 2022): the input's range is that of its dtype, and the result is not stretched
    to its own minimum and maximum. Every voxel depends on its own value and the mappings of 8 tiles, so blocks
    need no halo.
    """
    result: npt.NDArray[np.uint8] = _to_uint8()[equalise(raw, box, stats["tile_mappings"], params.kernel)]
    return result


def equalise(raw: npt.NDArray[Any], box: Box, mappings: npt.NDArray[np.uint16], kernel: int) -> npt.NDArray[np.uint16]:
    """The equalised 14-bit level of every voxel of ``raw``, which is ``box`` of the volume; see `clahe`.

    The mappings are interpolated along z once a plane, along y once a row; only along x once a voxel.
    """
    bins = to_bins(raw)
    axes = [_between(a, b, kernel) for a, b in zip(box.start, box.stop, strict=True)]
    needed = [
        np.clip(np.arange(tile[0], tile[-1] + 2), 0, n - 1) for (tile, _), n in zip(axes, mappings.shape, strict=False)
    ]
    local = mappings[np.ix_(*needed)]
    (z, fz), (y, fy), (x, fx) = ((tile - tile[0], fraction) for tile, fraction in axes)
    row = local.shape[2] * BINS
    place = np.arange(len(y))[:, None] * row + x * BINS
    index = np.empty(place.shape, np.intp)
    left, right = np.empty((2, *place.shape), np.float32)
    out = np.empty(raw.shape, np.uint16)
    for plane, (tile, weight) in enumerate(zip(z, fz, strict=True)):
        tables = _mix(local[tile], local[tile + 1], weight)
        rows = _mix(tables[y], tables[y + 1], fy[:, None, None]).reshape(-1)
        np.add(place, bins[plane], out=index)
        np.take(rows, index, out=left, mode="clip")
        index += BINS
        np.take(rows, index, out=right, mode="clip")
        right -= left
        right *= fx
        right += left
        out[plane] = right
    return out


def tile_mappings(volume: Volume, *, params: Clahe, progress: Progress = silent) -> npt.NDArray[np.uint16]:
    """What every tile maps the bins to, ``(tiles z, y, x, 256)``: 14-bit levels.

    Tiles begin at voxel 0; those that reach past an upper face are filled with the volume mirrored there.
    """
    tiles = triple([math.ceil(n / params.kernel) for n in volume.shape])
    limit = max(1, int(params.clip * params.kernel**3))
    together = math.ceil(_READ / params.kernel)

    def of_group(group: Box) -> npt.NDArray[np.uint16]:
        box = Box([a * params.kernel for a in group.start], [b * params.kernel for b in group.stop])
        bins = to_bins(read_mirrored(volume.read, volume.shape, box))
        found = [
            mapping(np.bincount(bins[tile.slices].ravel(), minlength=BINS), limit)
            for tile in Box.of_shape(box.shape).tiles(params.kernel)
        ]
        return np.reshape(found, (*group.shape, BINS))

    groups = list(Box.of_shape(tiles).tiles(together))
    mappings = np.zeros((*tiles, BINS), np.uint16)
    for group, found in zip(
        groups, map_blocks(of_group, groups, sweep="tile histograms", progress=progress), strict=True
    ):
        mappings[group.slices] = found
    return mappings


def mapping(histogram: npt.NDArray[np.int64], limit: int) -> npt.NDArray[np.uint16]:
    """The 14-bit levels that a tile's bins are mapped to: its cumulated histogram after `clip_histogram`."""
    total = int(histogram.sum())
    levels = np.cumsum(clip_histogram(histogram, limit)) * (TOP / total)
    capped: npt.NDArray[np.float64] = np.minimum(levels, TOP)
    return capped.astype(np.uint16)


def clip_histogram(histogram: npt.NDArray[np.int64], limit: int) -> npt.NDArray[np.int64]:
    """``histogram`` with at most ``limit`` voxels a bin, the excess spread over the other bins.

    First evenly, then what is left one by one, as in scikit-image (0.26, ``exposure/_adapthist.py``): bit-equal.
    """
    clipped = np.minimum(histogram, limit)
    excess: int = int((histogram - clipped).sum())
    share = excess // clipped.size
    raised = np.where(clipped < limit - share, clipped + share, clipped)
    raised[raised >= limit - share] = limit
    excess -= int((raised - clipped).sum())
    while excess > 0 and (raised < limit).any():
        for first in range(raised.size):
            below = raised < limit
            step = max(1, int(np.count_nonzero(below)) // excess)
            chosen = np.flatnonzero(below[first::step]) * step + first
            raised[chosen] += 1
            excess -= chosen.size
            if excess <= 0:
                break
    return raised


def to_bins(raw: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """The bin (0 to 252) of every voxel: 14-bit levels of the dtype's range, 65 a bin."""
    bins: npt.NDArray[np.uint8] = _bin_of_level(level_count(raw.dtype))[to_levels(raw)]
    return bins


@cache
def _bin_of_level(levels: int) -> npt.NDArray[np.uint8]:
    bins: npt.NDArray[np.float64] = np.rint(np.arange(levels) * (TOP / (levels - 1))) // BIN_SIZE
    return bins.astype(np.uint8)


@cache
def _to_uint8() -> npt.NDArray[np.uint8]:
    levels: npt.NDArray[np.int64] = np.arange(TOP + 1) * 255 // TOP
    return levels.astype(np.uint8)


def _between(start: int, stop: int, kernel: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float32]]:
    """For voxels ``start .. stop``: the tile whose centre lies before (-1: none), and the weight of the next."""
    shifted = np.arange(start, stop) + (kernel + 1) // 2
    return shifted // kernel - 1, (shifted % kernel / np.float32(kernel)).astype(np.float32)


def _mix(low: npt.NDArray[Any], high: npt.NDArray[Any], weight: Any) -> npt.NDArray[np.float32]:
    """``(1 - weight) low + weight high``, float32."""
    mixed: npt.NDArray[np.float32] = high.astype(np.float32) - low
    mixed *= weight
    mixed += low
    return mixed
