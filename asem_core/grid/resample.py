"""Resampling between two grids whose lower edges are aligned.

Images: area-weighted mean down, linear up. Labels: mode weighted by overlap down, nearest voxel up. A block needs only
its own neighbourhood, and the result of a block equals the same part of the whole volume's result.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any, TypeVar

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.geometry import Box, FloatTriple, Triple
from asem_core.volume.pyramid import preference

Image = npt.NDArray[np.floating[Any]]
Exact = np.dtype[np.floating[Any]]
L = TypeVar("L", bound=np.generic)

_TIE = 1e-6
"""Shares of a target voxel that differ by less are equal: overlaps such as 1/3 are not exact."""
_GATHERED = 2**20
"""Labels that are sorted at once: 40 MiB with their weights."""
_NOTHING = 1e-9
"""Part of a voxel that is rounding error, not overlap."""
PART: Triple = (8, 64, 512)
"""Target voxels that are made at once: what they need on the way stays in the processor's cache."""
_LONGEST_CYCLE = 8
"""Target voxels after which ratios such as 5 : 2 begin anew."""


def source_box(target: Box, ratio: FloatTriple) -> Box:
    """Source voxels that the target voxels of ``target`` are made of; may reach outside the volume.

    Parameters
    ----------
    target
        Box on the target grid.
    ratio
        Source voxels per target voxel, per axis (2: the target is twice as coarse).
    """
    return _source_box(_plans(target, ratio, np.dtype(np.float32)))


def resample(source: npt.NDArray[np.generic], start: tuple[int, int, int], target: Box, ratio: FloatTriple) -> Image:
    """The target voxels of ``target``, made from a block of an image.

    Parameters
    ----------
    source
        ``(z, y, x)``, any real dtype: the block of the source that starts at voxel ``start`` and holds at least
        `source_box` of ``target``.
    start
        First source voxel of the block.
    target
        Box on the target grid.
    ratio
        Source voxels per target voxel, per axis. Above 1 the mean of the covered source weighted by overlap;
        below 1 linear interpolation between voxel centres; 1 copies.

    Returns
    -------
    ndarray
        ``(z, y, x)`` of the shape of ``target``: float64 of float64, float32 of all else.

    Examples
    --------
    >>> resample(np.arange(8.0).reshape(2, 2, 2), (0, 0, 0), Box((0, 0, 0), (1, 1, 1)), (2.0, 2.0, 2.0))
    array([[[3.5]]])
    """
    exact: Exact = np.dtype(np.float64 if source.dtype == np.float64 else np.float32)
    out = np.empty(target.shape, exact)
    for part in target.tiles(PART):
        plans = _plans(part, ratio, exact)
        block: npt.NDArray[np.generic] = source[_source_box(plans).shift([-s for s in start]).slices]
        for axis, plan in enumerate(plans):
            block = _along_axis(block, axis, plan, exact)
        out[part.shift([-t for t in target.start]).slices] = block
    return out


def resample_labels(
    source: npt.NDArray[L], start: tuple[int, int, int], target: Box, ratio: FloatTriple
) -> npt.NDArray[L]:
    """The target voxels of ``target``, made from a block of labels.

    Parameters
    ----------
    source
        ``(z, y, x)``, integers >= 0 or booleans: the block of the source that starts at voxel ``start`` and holds at
        least `source_box` of ``target``.
    start
        First source voxel of the block.
    target
        Box on the target grid.
    ratio
        Source voxels per target voxel, per axis. Above 1 every source voxel counts by its overlap; at 1 and below the
        voxel nearest to the target's centre counts alone, the upper one where two are equally near.

    Returns
    -------
    ndarray
        ``(z, y, x)``, dtype of ``source``: the label with the largest share. On a tie a label wins over 0, then the
        smaller id, as in `asem_core.volume.pyramid.mode2`; with labels 0 and 1 that is "mean >= 0.5".

    Examples
    --------
    >>> labels = np.array([[[0, 7, 7, 0, 3, 0]]], np.uint64)
    >>> resample_labels(labels, (0, 0, 0), Box((0, 0, 0), (1, 1, 2)), (1.0, 1.0, 3.0))
    array([[[7, 0]]], dtype=uint64)
    """
    taps = [t.relative_to(s) for t, s in zip(label_taps(target, ratio), start, strict=True)]
    if all(len(t.index) == 1 for t in taps):
        return np.ascontiguousarray(source[np.ix_(*(t.index[0] for t in taps))])
    lowest = highest = source
    for axis, t in enumerate(taps):
        lowest, highest = _extreme(np.minimum, lowest, axis, t), _extreme(np.maximum, highest, axis, t)
    out = np.array(lowest, source.dtype, order="C")
    mixed = np.flatnonzero(lowest != highest)
    step = max(1, _GATHERED // max(1, int(np.prod([len(t.index) for t in taps]))))
    for part in (mixed[at : at + step] for at in range(0, len(mixed), step)):
        out.flat[part] = _mode(source, taps, np.unravel_index(part, out.shape))
    return out


@attrs.frozen
class Taps:
    """Per target voxel of one axis, source voxels and their weights, ``(taps, n)`` each; weights sum to 1."""

    index: npt.NDArray[np.intp]
    weight: npt.NDArray[np.float64]

    def relative_to(self, start: int) -> Taps:
        """These taps into an array that begins at source voxel ``start``."""
        return attrs.evolve(self, index=self.index - start)


def label_taps(target: Box, ratio: FloatTriple) -> Iterator[Taps]:
    """Per axis: overlap where the target is coarser, the nearest source voxel where it is not."""
    for a, b, r in zip(target.start, target.stop, ratio, strict=True):
        yield _area_taps(a, b, r) if r > 1 else _nearest_taps(a, b, r)


def along(axis: int, index: npt.NDArray[np.intp]) -> tuple[slice | npt.NDArray[np.intp], ...]:
    """Index of the planes ``index`` of ``axis``: a slice (a view) where they are evenly spaced."""
    return (slice(None),) * axis + (_as_slice(index),)


def _area_taps(start: int, stop: int, ratio: float) -> Taps:
    lower = np.arange(start, stop) * ratio
    upper = lower + ratio
    first = np.floor(lower + _NOTHING).astype(np.intp)
    count = math.ceil(ratio - _NOTHING) + (0 if float(ratio).is_integer() else 1)
    index = first + np.arange(count)[:, None]
    overlap = np.minimum(upper, index + 1) - np.maximum(lower, index)
    weight = np.where(overlap > _NOTHING, overlap, 0.0) / ratio
    # A tap without weight must not make the block read a voxel more.
    return Taps(np.where(weight > 0, index, first), weight)


def _linear_taps(start: int, stop: int, ratio: float) -> Taps:
    centre = (np.arange(start, stop) + 0.5) * ratio - 0.5
    first = np.floor(centre + _NOTHING).astype(np.intp)
    upper = np.clip(centre - first, 0.0, 1.0)
    index = np.stack([first, np.where(upper > _NOTHING, first + 1, first)])
    return Taps(index, np.stack([1.0 - upper, upper]))


def _nearest_taps(start: int, stop: int, ratio: float) -> Taps:
    """The voxel that the target's centre lies in; on a boundary the upper one."""
    centre = (np.arange(start, stop) + 0.5) * ratio
    return Taps(np.floor(centre + _NOTHING).astype(np.intp)[None], np.ones((1, stop - start)))


def _as_slice(index: npt.NDArray[np.intp]) -> slice | npt.NDArray[np.intp]:
    if len(index) == 1:
        return slice(int(index[0]), int(index[0]) + 1)
    step = int(index[1] - index[0])
    if step > 0 and np.all(np.diff(index) == step):
        return slice(int(index[0]), int(index[-1]) + 1, step)
    return index


@attrs.frozen(kw_only=True)
class _Cycle:
    """Target voxels of an axis in even steps that are made alike."""

    target: slice
    taps: tuple[tuple[slice | npt.NDArray[np.intp], np.floating[Any] | Image], ...]
    """Source voxels and their weights: a slice and a number, arrays where they are not even."""


@attrs.frozen(kw_only=True)
class _AxisPlan:
    """How the voxels of one axis of an image come about."""

    start: int
    """First source voxel that is needed; the cycles count from it."""
    stop: int
    cycles: tuple[_Cycle, ...]
    """Together all target voxels; none where they are the source's own."""
    length: int
    """Target voxels."""


def _plans(target: Box, ratio: FloatTriple, exact: Exact) -> list[_AxisPlan]:
    return [_axis_plan(a, b, r, exact) for a, b, r in zip(target.start, target.stop, ratio, strict=True)]


@lru_cache(maxsize=512)
def _axis_plan(start: int, stop: int, ratio: float, exact: Exact) -> _AxisPlan:
    """Overlap where the target is coarser, linear interpolation where it is finer.

    With two source voxels for a target voxel every target voxel is made alike; with half a one, every second; in
    general the denominator of the ratio tells.
    """
    if ratio == 1.0:
        return _AxisPlan(start=start, stop=stop, cycles=(), length=stop - start)
    taps = _area_taps(start, stop, ratio) if ratio > 1 else _linear_taps(start, stop, ratio)
    first, last = int(taps.index.min()), int(taps.index.max())
    period = min(Fraction(ratio).limit_denominator(_LONGEST_CYCLE).denominator, stop - start)
    # What weighs nothing at any voxel is left out.
    used = [(index - first, w.astype(exact)) for index, w in zip(taps.index, taps.weight, strict=True) if w.any()]
    cycles = (
        _Cycle(target=cycle, taps=tuple((_as_slice(index[cycle]), _as_number(w[cycle])) for index, w in used))
        for cycle in (slice(phase, None, period) for phase in range(period))
    )
    return _AxisPlan(start=first, stop=last + 1, cycles=tuple(cycles), length=stop - start)


def _source_box(plans: Sequence[_AxisPlan]) -> Box:
    return Box([plan.start for plan in plans], [plan.stop for plan in plans])


def _along_axis(block: npt.NDArray[np.generic], axis: int, plan: _AxisPlan, exact: Exact) -> npt.NDArray[np.generic]:
    """``block``, the source voxels of ``plan``, on the target's grid along ``axis``."""
    if not plan.cycles:
        return block
    shape = list(block.shape)
    shape[axis] = plan.length
    out = np.empty(shape, exact)
    before = (slice(None),) * axis
    for cycle in plan.cycles:
        into: Image | None = None
        for source, weight in cycle.taps:
            scale = weight.reshape([-1, *[1] * (2 - axis)]) if isinstance(weight, np.ndarray) else weight
            weighed = np.multiply(block[(*before, source)], scale, dtype=exact)
            into = weighed if into is None else np.add(into, weighed, out=into)
        out[(*before, cycle.target)] = into
    return out


def _as_number(weight: Image) -> np.floating[Any] | Image:
    number: np.floating[Any] = weight[0]
    return number if np.all(weight == number) else weight


def _extreme(pick: np.ufunc, block: npt.NDArray[L], axis: int, taps: Taps) -> npt.NDArray[L]:
    """Minimum or maximum over the taps of one axis."""
    found: Any = block[along(axis, taps.index[0])]
    for index in taps.index[1:]:
        found = pick(found, block[along(axis, index)])
    return np.asarray(found)


def _mode(source: npt.NDArray[L], taps: list[Taps], voxels: tuple[npt.NDArray[np.intp], ...]) -> npt.NDArray[L]:
    """The label with the largest share of each target voxel of ``voxels`` (z, y and x of n voxels)."""
    z, y, x = (t.index[:, at] for t, at in zip(taps, voxels, strict=True))
    wz, wy, wx = (t.weight[:, at] for t, at in zip(taps, voxels, strict=True))
    labels = source[z[:, None, None], y[None, :, None], x[None, None, :]].reshape(-1, z.shape[1])
    share = (wz[:, None, None] * wy[None, :, None] * wx[None, None, :]).reshape(labels.shape)
    order = np.argsort(preference(labels), axis=0, kind="stable")
    labels, share = np.take_along_axis(labels, order, 0), np.take_along_axis(share, order, 0)
    last = np.ones(labels.shape, np.bool_)  # of the voxels with one label
    last[:-1] = labels[:-1] != labels[1:]
    up_to = np.cumsum(share, axis=0)
    before = np.zeros_like(up_to)
    before[1:] = np.maximum.accumulate(np.where(last, up_to, 0.0), axis=0)[:-1]
    total = np.where(last, up_to - before, 0.0)
    first = np.argmax(total >= total.max(axis=0) - _TIE, axis=0)  # in order of preference
    return np.asarray(np.take_along_axis(labels, first[None], 0)[0])
