"""Grey levels of a volume: what they are, measured on a sample, and which of them stand for black and white.

Models are given grey values of 0..255. By default uint8 is taken as it is, uint16 by its full range, floats as lying in
[0, 1]; `GreyRange` says it for any other volume, and `on_grey_range` is the one place where that is applied.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Literal

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.errors import VolumeError
from asem_core.geometry import Box, Triple
from asem_core.specs import TrainedGrey
from asem_core.volume.opening import as_volume
from asem_core.volume.volume import Volume

Float = npt.NDArray[np.floating[Any]]
Mask = npt.NDArray[np.bool_]

PERCENTS = (1.0, 50.0, 99.0)
WHITE = 255.0
_BLOCKS = 48
_BLOCK: Triple = (2, 128, 128)
_STRIPS = 24
"""Of volumes that are stored in sections, each of which may have to be read in one piece."""
_PATCHES_PER_STRIP = 4
_THOROUGH = 4
"""Times as much is read for a model's card: one level of black can change what a small model finds by 2 %."""
_FLAT = 5
"""Sides, in a section, of a square of one value: padding, or levels that were clipped."""
_CORNER = 3
"""Sides of what a corner of the image shows of such a square, at least."""
_FEATURELESS = 0.25
"""Empty resin: share of the spread of grey in richer parts below which a patch says nothing about the specimen."""
_MEMBRANE_NM = 15.0
"""Width of the filter that looks for membranes (standard deviation)."""
_COARSEST_NM = 20.0
"""Voxels above this do not show membranes."""
_RIDGES = 99.0
_LEAST_UM2 = 8.0
"""Area of sections below which nothing is said about contrast: 5 of 16 parts of 1.5 um2 of upright SBEM look inverted,
some of 3.6 um2 nearly."""
_STEPS = (0.5698402909980532, 0.7548776662466927, 0.8191725133961645)
"""Powers of the inverse plastic number: multiples of them, modulo 1, are evenly spread, however many there are."""


@attrs.frozen
class GreyRange:
    """The grey levels that become 0 and 255; in between linearly, clipped beyond. ``low > high`` inverts.

    Examples
    --------
    >>> print(GreyRange(0, 4095))
    0:4095
    """

    low: float = attrs.field(converter=float)
    high: float = attrs.field(converter=float)

    def __attrs_post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high)) or self.low == self.high:
            raise ValueError(f"a grey range is two different numbers, got {self.low:g} and {self.high:g}")

    @classmethod
    def parse(cls, text: str) -> GreyRange:
        """``LOW:HIGH``, such as ``33000:33255``, or ``255:0`` for an inverted image.

        Raises
        ------
        ValueError
            It is no such text.
        """
        try:
            low, high = (float(part) for part in text.split(":"))
        except ValueError:
            raise ValueError(f"expected LOW:HIGH, the grey levels that become 0 and 255, got {text!r}") from None
        return cls(low, high)

    def __str__(self) -> str:
        return f"{self.low:.10g}:{self.high:.10g}"

    def to_scale(self, value: float) -> float:
        """Where on the 0..255 scale a grey level lies; not clipped."""
        return WHITE * (value - self.low) / (self.high - self.low)


Grey = GreyRange | Literal["auto"] | None
"""Which levels become 0 and 255: given, found from the volume, or by its dtype."""


def parse_grey(text: str) -> GreyRange | Literal["auto"]:
    """``LOW:HIGH`` or ``auto``.

    Raises
    ------
    ValueError
        It is neither.
    """
    return "auto" if text == "auto" else GreyRange.parse(text)


def implied_range(dtype: npt.DTypeLike) -> GreyRange | None:
    """The range that ``dtype`` stands for; None where it says nothing: signed, above 16 bits, boolean.

    Examples
    --------
    >>> print(implied_range("uint16"), implied_range("float32"), implied_range("int16"))
    0:65535 0:1 None
    """
    kind = np.dtype(dtype)
    if kind in (np.uint8, np.uint16):
        return GreyRange(0, int(np.iinfo(kind).max))
    return GreyRange(0, 1) if kind.kind == "f" else None


@attrs.frozen(kw_only=True)
class GreyLevels:
    """Grey levels of a volume, measured on a sample without padding and empty resin, in the volume's own units."""

    dtype: str
    low: float
    """1st percentile."""
    median: float
    high: float
    """99th percentile."""
    least: float
    most: float
    """Extremes of the sample, padding included."""
    contrast: float | None
    """Above 0 where membranes are dark on a bright ground, below 0 where the image is inverted, see `contrast_of`; None
    where it cannot be told."""
    padding: float
    """Share of the sample that is of one value over whole squares."""
    values: int
    """Different values in the sample."""
    voxels: int
    """In the sample."""

    @property
    def constant(self) -> bool:
        """Whether the sample holds one value only."""
        return self.least == self.most

    def on_scale(self, grey: GreyRange) -> GreyLevels:
        """The same levels on the 0..255 scale that ``grey`` brings them to, not clipped."""
        there = grey.to_scale
        ends = [(there(self.low), there(self.high)), (there(self.least), there(self.most))]
        (low, high), (least, most) = (sorted(pair) for pair in ends)
        turned = grey.low > grey.high
        return attrs.evolve(
            self,
            low=low,
            median=there(self.median),
            high=high,
            least=least,
            most=most,
            contrast=-self.contrast if self.contrast is not None and turned else self.contrast,
        )

    def __str__(self) -> str:
        text = f"{self.low:.5g} to {self.high:.5g} (1st to 99th percentile), median {self.median:.5g}"
        if self.contrast is not None and is_inverted(self.contrast):
            text += ", membranes bright (inverted)"
        if self.padding >= 0.01:
            text += f", {self.padding:.0%} padding"
        return text


def is_inverted(contrast: float) -> bool:
    """Whether ``contrast`` tells of bright membranes on a dark ground; near 0 it tells nothing."""
    return contrast < -0.04


def measure_grey(volume: Volume, *, within: Sequence[Box] | None = None) -> GreyLevels:
    """Measure the grey levels of ``volume`` on an evenly spread sample of bounded size; the same one every time.

    Parameters
    ----------
    volume
        Of any real dtype.
    within
        Boxes to read instead of the evenly spread ones.

    Returns
    -------
    GreyLevels
        Values that are not finite are left out.
    """
    patches = [patch for box in within or sample_boxes(volume) for patch in _patches(volume, box)]
    flat = [_flat(patch) for patch in patches]
    finite = [np.isfinite(patch) for patch in patches]
    values = np.concatenate([p[f] for p, f in zip(patches, finite, strict=True)])
    if not values.size:
        raise VolumeError(f"{volume.uri}: the sample of its voxels holds no number at all: check the file")
    keep = [f & ~u for f, u in zip(finite, flat, strict=True)]
    spread = [float(np.std(_smoothed(p)[k])) if k.any() and f.all() else 0.0
              for p, k, f in zip(patches, keep, finite, strict=True)]  # fmt: skip
    enough = _FEATURELESS * float(np.percentile([s for s in spread if s > 0] or [0.0], 90))
    rich = [n for n, s in enumerate(spread) if s >= enough and keep[n].any()]
    specimen = np.concatenate([patches[n][keep[n]] for n in rich]) if rich else values
    low, median, high = (float(v) for v in np.percentile(specimen.astype(np.float64), PERCENTS))
    return GreyLevels(
        dtype=str(volume.dtype),
        low=low,
        median=median,
        high=high,
        least=float(values.min()),
        most=float(values.max()),
        contrast=contrast_of([(patches[n], flat[n]) for n in rich if finite[n].all()], volume),
        padding=sum(int(f.sum()) for f in flat) / sum(p.size for p in patches),
        values=len(np.unique(values)),
        voxels=sum(p.size for p in patches),
    )


def levels_on_scale(volume: Volume) -> GreyLevels:
    """Grey levels of an image whose dtype says what black and white are, on the 0..255 scale, by a larger sample.

    Raises
    ------
    VolumeError
        It does not: see `implied_range`.
    """
    implied = implied_range(volume.dtype)
    if implied is None:
        raise VolumeError(f"{volume.uri}: {volume.dtype} does not say which levels are black and white")
    return measure_grey(volume, within=sample_boxes(volume, times=_THOROUGH)).on_scale(implied)


def contrast_of(patches: Sequence[tuple[Float, Mask]], volume: Volume) -> float | None:
    """How much stronger dark lines are than bright ones in sections of ``volume``.

    Parameters
    ----------
    patches
        Parts of sections ``(y, x)``, each with the voxels near which nothing is measured.
    volume
        What they are of.

    Returns
    -------
    float or None
        ln of the ratio of the 99th percentiles of two ridge strengths (Hessian of the image at the width of a membrane:
        the larger curvature less the smaller one across it). Measured: 0.1 to 0.2 on FIB-SEM, SBEM and ssSEM of four
        tissues; inverting an image changes the sign. None where voxels are too coarse, or there is too little image.
    """
    from scipy import ndimage

    _, *size_yx = volume.voxel_size.zyx
    if max(size_yx) > _COARSEST_NM:
        return None
    sigma = [min(6.0, max(1.0, _MEMBRANE_NM / v)) for v in size_yx]
    reach = math.ceil(3 * max(sigma))
    dark, bright = [], []
    for patch, flat in patches:
        if min(patch.shape) <= 2 * reach:
            continue
        smooth = ndimage.gaussian_filter(patch - patch.mean(), sigma, truncate=3.0)
        dy, dx = (np.gradient(smooth, axis=axis) * sigma[axis] for axis in (0, 1))
        yy, yx, xx = (np.gradient(d, axis=axis) * sigma[axis] for d, axis in ((dy, 0), (dy, 1), (dx, 1)))
        apart = ~ndimage.maximum_filter(flat, 2 * reach + 1) if flat.any() else np.ones(flat.shape, np.bool_)
        apart[:reach], apart[-reach:], apart[:, :reach], apart[:, -reach:] = False, False, False, False
        mean, half = (yy + xx) / 2, np.hypot((yy - xx) / 2, yx)
        upper, lower = mean + half, mean - half
        dark.append(np.maximum(upper - np.abs(lower), 0)[apart])
        bright.append(np.maximum(-lower - np.abs(upper), 0)[apart])
    if sum(part.size for part in dark) * math.prod(size_yx) / 1e6 < _LEAST_UM2:
        return None
    strong, weak = (float(np.percentile(np.concatenate(part), _RIDGES)) for part in (dark, bright))
    return math.log(strong / weak) if strong > 0 and weak > 0 else None


def on_grey_range(volume: Volume, grey: GreyRange) -> Volume:
    """``volume`` with the levels of ``grey`` stretched over a dtype's full range; converted when it is read.

    Parameters
    ----------
    volume
        Integers of any width, or floats.
    grey
        Which levels become black and white.

    Returns
    -------
    Volume
        uint16 (0..65535, rounded) for integers, float32 in [0, 1] for floats; NaN and infinity stay. Its identity has
        the range, so that runs and provenance tell it from the volume as it is stored.

    Raises
    ------
    VolumeError
        The volume is of booleans.

    Examples
    --------
    >>> from asem_core import VoxelSize
    >>> array = np.array([[[33000, 33051, 34000]]], np.uint16)
    >>> cell = Volume(array=array, voxel_size=VoxelSize((5, 5, 5)), uri="cell", format="memory", chunks=(1, 1, 3))
    >>> on_grey_range(cell, GreyRange(33000, 33255)).array[:].tolist()
    [[[0, 13107, 65535]]]
    """
    if volume.dtype == np.bool_:
        raise VolumeError(f"{volume.uri}: it is of booleans, a mask or labels; expected the grey image")
    volume = as_volume(volume)
    return attrs.evolve(
        volume,
        array=_OnRange(volume.array, grey),
        identity={**volume.identity, "grey": [grey.low, grey.high]},
        notes=(*volume.notes, f"grey levels {grey} become 0..255"),
    )


def auto_range(levels: GreyLevels, *, trained_on: TrainedGrey | None = None) -> GreyRange:
    """The range that brings a volume's grey levels to those that a model knows.

    Its 1st and 99th percentile fall where those of the training volumes do, and inverted contrast is turned; without
    ``trained_on`` they become 0 and 255. Rounded to a thousandth of the range.

    Raises
    ------
    ValueError
        Both percentiles are one level.

    Examples
    --------
    >>> known = GreyLevels(dtype="uint16", low=33010, median=33100, high=33210, least=33000, most=33255, contrast=0.2,
    ...                    padding=0, values=256, voxels=1000)
    >>> print(auto_range(known))
    33010:33210
    """
    low, high = levels.low, levels.high
    sign = 1.0 if trained_on is None else trained_on.contrast[1]
    if levels.contrast is not None and is_inverted(levels.contrast * math.copysign(1.0, sign)):
        low, high = high, low
    black, white = (trained_on.low[1], trained_on.high[1]) if trained_on is not None else (0.0, WHITE)
    level = (high - low) / (white - black)
    first = low - black * level
    if not level:
        raise ValueError(f"the 1st and the 99th percentile are both grey level {low:g}")
    digits = 3 - math.floor(math.log10(abs(WHITE * level)))
    return GreyRange(round(first, digits), round(first + WHITE * level, digits))


def trained_grey(measured: Sequence[tuple[GreyLevels, float]]) -> TrainedGrey | None:
    """What a model's card says, of the volumes that it was trained on.

    Parameters
    ----------
    measured
        Levels of each volume on the 0..255 scale, and its share of the training.

    Returns
    -------
    TrainedGrey or None
        None where no volume shows which way its contrast is.
    """
    seen = [(levels, share) for levels, share in measured if levels.contrast is not None]
    if not seen:
        return None
    weights = [share for _, share in seen]
    found = {
        name: _span([getattr(levels, name) for levels, _ in seen], weights, digits)
        for name, digits in (("low", 1), ("median", 1), ("high", 1), ("contrast", 3))
    }
    return TrainedGrey(**found, volumes=len(seen))


def _span(values: Sequence[float], weights: Sequence[float], digits: int) -> tuple[float, float, float]:
    """Lowest, weighted median, highest."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(np.asarray(weights)[order])
    middle = values[order[int(np.searchsorted(reached, reached[-1] / 2))]]
    return round(min(values), digits), round(middle, digits), round(max(values), digits)


def sample_boxes(volume: Volume, *, times: int = 1) -> list[Box]:
    """Evenly spread boxes of ``volume``, or strips of some of its sections where it is stored in these.

    ``times`` as many where that many are there.
    """
    side = (1, _BLOCK[1], volume.shape[2]) if volume.planewise else _BLOCK
    counts = [max(1, round(n / s)) for n, s in zip(volume.shape, side, strict=True)]
    cells = dict.fromkeys(
        tuple(int(part * count) for part, count in zip(point, counts, strict=True))
        for point in evenly_spread(times * (_STRIPS if volume.planewise else _BLOCKS))
    )
    edges = [_edges(n, count) for n, count in zip(volume.shape, counts, strict=True)]
    return [Box([e[c] for e, c in zip(edges, cell, strict=True)], [e[c + 1] for e, c in zip(edges, cell, strict=True)])
            for cell in cells]  # fmt: skip


def scattered_boxes(volume: Volume, count: int) -> list[Box]:
    """At most ``count`` evenly spread boxes for `measure_grey`, each within one chunk: for a look that must be quick.

    Examples
    --------
    >>> from asem_core import VoxelSize
    >>> cell = Volume(array=np.zeros((100, 200, 64)), voxel_size=VoxelSize((5, 5, 5)), uri="cell", format="memory",
    ...               chunks=(64, 64, 64))
    >>> [str(box) for box in scattered_boxes(cell, 3)]
    ['0:2,64:128,0:64', '64:66,0:64,0:64', '0:2,192:200,0:64']
    """
    counts = [-(-n // c) for n, c in zip(volume.shape, volume.chunks, strict=True)]
    starts = dict.fromkeys(
        tuple(int(part * k) * c for part, k, c in zip(point, counts, volume.chunks, strict=True))
        for point in evenly_spread(count)
    )
    sides = [min(s, c) for s, c in zip(_BLOCK, volume.chunks, strict=True)]
    return [Box(start, [min(s + side, n) for s, side, n in zip(start, sides, volume.shape, strict=True)])
            for start in starts]  # fmt: skip


def evenly_spread(count: int) -> Iterator[tuple[float, ...]]:
    """``count`` points in the unit cube, the same at every call: a longer row begins with the shorter one."""
    for n in range(count):
        yield tuple(((n + 0.5) * step) % 1.0 for step in _STEPS)


def _edges(length: int, parts: int) -> list[int]:
    """Where ``parts`` equal parts of an axis begin, and where the last one ends."""
    return [length * part // parts for part in range(parts + 1)]


def _patches(volume: Volume, box: Box) -> Iterator[Float]:
    """Its sections; those of wide strips are cut, and a few pieces of each are taken."""
    # float32 holds every integer of 16 bits.
    exact = np.float64 if volume.dtype.kind in "ui" and volume.dtype.itemsize > 2 else np.float32
    for section in volume.read(box):
        edges = _edges(section.shape[1], max(1, round(section.shape[1] / _BLOCK[2])))
        pieces = list(pairwise(edges))
        few = min(len(pieces), _PATCHES_PER_STRIP)
        for start, stop in (pieces[int((k + 0.5) * len(pieces) / few)] for k in range(few)):
            yield section[:, start:stop].astype(exact)


def _flat(patch: Float) -> Mask:
    """The voxels of all squares that are of one value; a square that a face cuts goes on as its mirror image."""
    from scipy import ndimage

    if min(patch.shape) >= _CORNER and not _has_corner(patch):
        return np.zeros(patch.shape, np.bool_)
    centres: Mask = ndimage.maximum_filter(patch, _FLAT) == ndimage.minimum_filter(patch, _FLAT)
    squares: Mask = ndimage.maximum_filter(centres, _FLAT) if centres.any() else centres
    return squares


def _has_corner(patch: Float) -> bool:
    """Whether any square of `_CORNER` is of one value: in an image hardly ever, and told quickly."""
    along, across = patch[:, 1:] == patch[:, :-1], patch[1:] == patch[:-1]
    of_two: Mask = along[1:] & along[:-1] & across[:, 1:] & across[:, :-1]
    of_three: Mask = of_two[1:, 1:] & of_two[:-1, :-1] & of_two[1:, :-1] & of_two[:-1, 1:]
    return bool(of_three.any())


def _smoothed(patch: Float) -> Float:
    from scipy import ndimage

    smooth: Float = ndimage.uniform_filter(patch, 5)
    return smooth


class _OnRange:
    """A `LazyArray` whose values are stretched when they are read."""

    def __init__(self, array: Any, grey: GreyRange) -> None:
        self._array = array
        self._grey = grey
        self.shape: tuple[int, ...] = array.shape
        self.dtype: np.dtype[Any] = np.dtype(np.float32 if array.dtype.kind == "f" else np.uint16)

    def __getitem__(self, key: Any) -> npt.NDArray[Any]:
        raw = np.asarray(self._array[key])
        # float32 holds every integer of 16 bits.
        exact: type[np.floating[Any]] = np.float32 if raw.dtype.itemsize <= 2 or raw.dtype == np.float32 else np.float64
        values: npt.NDArray[Any] = raw.astype(exact)
        values -= exact(self._grey.low)
        values *= exact(1 / (self._grey.high - self._grey.low))
        inside = np.clip(values, 0, 1)
        if self.dtype == np.uint16:
            return np.asarray(np.rint(inside * exact(65535)), np.uint16)
        return np.asarray(np.where(np.isfinite(values), inside, values), np.float32)
