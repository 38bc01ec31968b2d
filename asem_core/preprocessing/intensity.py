"""Normalisation with one grey-level mapping for the whole volume, taken from its histogram."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
from attrs import validators

from asem_core.blocks.executors import map_blocks
from asem_core.errors import VolumeError
from asem_core.geometry import Box, VoxelSize
from asem_core.preprocessing.levels import count_levels, level_count, to_levels
from asem_core.progress import Progress, silent
from asem_core.volume.volume import Volume

_BLOCK = (64, 256, 256)
_AT_ONCE = 64
"""Histograms that are held before they are added up."""
_PERCENT = (validators.ge(0.0), validators.le(100.0))


@attrs.frozen(kw_only=True)
class PercentileRescale:
    """Parameters of `percentile_rescale`."""

    low: float = attrs.field(default=0.5, validator=_PERCENT)
    """Percentile that becomes 0."""
    high: float = attrs.field(default=99.5, validator=_PERCENT)
    """Percentile that becomes 255."""

    def __attrs_post_init__(self) -> None:
        if self.low >= self.high:
            raise ValueError(f"low must be below high, got {self.low} and {self.high}")


@attrs.frozen(kw_only=True)
class EqualizeHistogram:
    """`equalize_histogram` has no parameters."""


def percentile_rescale(
    raw: npt.NDArray[Any], *, box: Box, voxel_size: VoxelSize, stats: Mapping[str, Any], params: PercentileRescale
) -> npt.NDArray[np.uint8]:
    """Stretch ``raw`` linearly so that two percentiles of the whole volume become 0 and 255; clipped beyond.

    Parameters
    ----------
    raw
        ``(z, y, x)``, uint8, uint16 or float in [0, 1] (percentiles of floats are exact to 1/65535).
    box, voxel_size
        Not used.
    stats
        ``histogram`` of the volume, `histogram`.
    params
        Which percentiles.

    Returns
    -------
    ndarray
        uint8, shape of ``raw``, rounded to nearest.

    Raises
    ------
    VolumeError
        Both percentiles are one grey level.
    """
    low, high = percentiles(stats["histogram"], [params.low, params.high])
    if low == high:
        raise VolumeError(
            f"the {params.low:g}th and the {params.high:g}th percentile of the volume are both grey level {low:g} of "
            f"{stats['histogram'].size - 1}: choose low and high further apart"
        )
    levels = np.arange(level_count(raw.dtype))
    return _map(raw, np.clip((levels - low) / (high - low), 0, 1))


def equalize_histogram(
    raw: npt.NDArray[Any], *, box: Box, voxel_size: VoxelSize, stats: Mapping[str, Any], params: EqualizeHistogram
) -> npt.NDArray[np.uint8]:
    """Map grey levels of ``raw`` so that those of the whole volume become equally frequent.

    Parameters as for `percentile_rescale`.

    Returns
    -------
    ndarray
        uint8, shape of ``raw``: 255 times the cumulative frequency of the grey level, rounded to nearest, as
        `skimage.exposure.equalize_hist` of the whole volume.
    """
    cumulated = np.cumsum(stats["histogram"])
    return _map(raw, cumulated / cumulated[-1])


def _map(raw: npt.NDArray[Any], brightness: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """``raw`` with every grey level replaced by its ``brightness`` in [0, 1], as uint8."""
    table: npt.NDArray[np.uint8] = np.rint(255 * brightness).astype(np.uint8)
    mapped: npt.NDArray[np.uint8] = table[to_levels(raw)]
    return mapped


def histogram(volume: Volume, *, params: object = None, progress: Progress = silent) -> npt.NDArray[np.int64]:
    """Voxels of ``volume`` per grey level, ``(256,)`` or ``(65536,)``, see `level_count`; read block by block."""
    total = np.zeros(level_count(volume.dtype), np.int64)

    def count(box: Box) -> npt.NDArray[np.int64]:
        return count_levels(volume.read(box))

    blocks = list(volume.box.tiles(_BLOCK))
    for start in range(0, len(blocks), _AT_ONCE):
        progress("histogram", start, len(blocks))
        part = blocks[start : start + _AT_ONCE]
        total += np.sum(map_blocks(count, part, sweep="histogram"), axis=0)
    progress("histogram", len(blocks), len(blocks))
    return total


def percentiles(counts: npt.NDArray[np.int64], percents: list[float]) -> list[float]:
    """Percentiles of the grey levels that ``counts`` counts, as `numpy.percentile` gives them for the voxels.

    Examples
    --------
    >>> percentiles(np.array([1, 1, 0, 2]), [0, 50, 100])
    [0.0, 2.0, 3.0]
    """
    cumulated = np.cumsum(counts)
    found = []
    for percent in percents:
        rank = percent / 100 * (int(cumulated[-1]) - 1)
        below, above = (int(np.searchsorted(cumulated, edge, side="right")) for edge in (np.floor(rank), np.ceil(rank)))
        found.append(float(below + (above - below) * (rank - np.floor(rank))))
    return found
