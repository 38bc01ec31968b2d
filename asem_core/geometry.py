"""Voxel sizes, boxes and the tile lattice: the only module that converts between nanometres and voxels.

All triples are in z, y, x order. A `Box` is half-open in voxels; its nanometre form is voxel *edges*.
Coordinates of arrays and OME-Zarr translations are voxel *centres*, half a voxel above the lower edge::

    edge      0       5      10      15   nm
              |---o---|---o---|---o---|
    centre       2.5     7.5    12.5      nm        voxel size 5 nm, Box(0, 3)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import TypeVar, cast

import attrs

from asem_core.errors import GeometryError

__all__ = [
    "AXES", "WHOLE_VOXEL", "Box", "BoxNm", "FloatTriple", "Lattice", "Triple", "VoxelSize", "centre_of_first_voxel",
    "lower_edge", "parse_roi", "resampled_box", "resampled_shape", "triple",
]  # fmt: skip

Triple = tuple[int, int, int]
FloatTriple = tuple[float, float, float]
AXES = ("z", "y", "x")
WHOLE_VOXEL = 0.05
"""Part of a voxel by which a position may miss a whole number: positions in nm are stored rounded."""

_T = TypeVar("_T", int, float)


def triple(values: Sequence[_T]) -> tuple[_T, _T, _T]:
    """The three values of ``values`` as a tuple; anything but three is an error."""
    if len(values) != 3:
        raise GeometryError(f"expected three values in z,y,x order, got {len(values)}: {tuple(values)}")
    return (values[0], values[1], values[2])


def _whole(values: Sequence[int]) -> Triple:
    return triple([int(value) for value in values])


def _real(values: Sequence[float]) -> FloatTriple:
    return triple([float(value) for value in values])


@attrs.frozen
class VoxelSize:
    """Edge lengths of one voxel in nanometres, z, y, x."""

    zyx: FloatTriple = attrs.field(converter=_real)
    """nm, each above 0."""

    @zyx.validator
    def _positive(self, _: object, values: FloatTriple) -> None:
        if not all(math.isfinite(v) and v > 0 for v in values):
            raise GeometryError(f"a voxel size must be positive and finite on every axis, got {values} nm")

    @classmethod
    def of(cls, given: VoxelSize | Sequence[float]) -> VoxelSize:
        """``given``, or the voxel size that its three numbers (nm; z, y, x) are.

        >>> VoxelSize.of((5, 5, 5))
        VoxelSize(zyx=(5.0, 5.0, 5.0))
        """
        return given if isinstance(given, VoxelSize) else cls(given)

    @classmethod
    def parse(cls, text: str) -> VoxelSize:
        """Read ``"5"`` or ``"5.24,4,4"`` (nanometres, z,y,x).

        >>> VoxelSize.parse("5.24,4,4")
        VoxelSize(zyx=(5.24, 4.0, 4.0))
        """
        try:
            values = [float(part) for part in text.split(",")]
        except ValueError:
            raise GeometryError(f"a voxel size is z,y,x in nm, such as 5,5,5; got {text!r}") from None
        return cls(values * 3 if len(values) == 1 else values)

    def __str__(self) -> str:
        return " x ".join(f"{v:g}" for v in self.zyx) + " nm"

    @property
    def volume_nm3(self) -> float:
        """Volume of one voxel in cubic nanometres."""
        return math.prod(self.zyx)

    def ratio_to(self, other: VoxelSize) -> FloatTriple:
        """How many of these voxels make one of ``other``, per axis (above 1: ``other`` is coarser)."""
        return triple([b / a for a, b in zip(self.zyx, other.zyx, strict=True)])

    def factor_to(self, other: VoxelSize) -> float:
        """By how much the two differ on the axis where they differ most; at least 1."""
        return max(max(r, 1 / r) for r in self.ratio_to(other))

    def unit_question(self, other: VoxelSize) -> str:
        """For messages: asks for the unit where the two differ about as micrometres and nanometres do, else empty.

        >>> VoxelSize((5, 4, 4)).unit_question(VoxelSize((0.005, 0.005, 0.005)))
        '; is one of them in micrometres?'
        """
        factors = [max(r, 1 / r) for r in self.ratio_to(other)]
        return "; is one of them in micrometres?" if all(250 <= f <= 4000 for f in factors) else ""

    def matches(self, other: VoxelSize, *, tolerance: float = 0.1) -> bool:
        """Whether both agree within ``tolerance`` (a fraction) on every axis."""
        return all(abs(r - 1) <= tolerance for r in self.ratio_to(other))


@attrs.frozen
class Box:
    """A half-open box of voxels: ``start`` is inside, ``stop`` is not. May reach outside the volume."""

    start: Triple = attrs.field(converter=_whole)
    stop: Triple = attrs.field(converter=_whole)

    @stop.validator
    def _not_inverted(self, _: object, stop: Triple) -> None:
        if any(b < a for a, b in zip(self.start, stop, strict=True)):
            raise GeometryError(f"a box must not end before it starts, got {self.start} to {stop}")

    @classmethod
    def of_shape(cls, shape: Sequence[int]) -> Box:
        """The box of a whole volume of ``shape``."""
        return cls((0, 0, 0), shape)

    @classmethod
    def parse(cls, text: str) -> Box:
        """Read ``"0:100,50:150,0:200"`` (voxels, z,y,x, half-open).

        >>> Box.parse("0:100,50:150,0:200").shape
        (100, 100, 200)
        """
        try:
            pairs = [[int(end) for end in part.split(":")] for part in text.split(",")]
            starts, stops = zip(*((a, b) for a, b in pairs), strict=True)
        except ValueError:
            starts, stops = (), ()
        if len(starts) != 3:
            raise GeometryError(
                "a ROI is z0:z1,y0:y1,x0:x1 in whole voxels (half-open), such as 0:100,50:150,0:200, or in nm with nm "
                f"at the end, such as 0:500,250:750,0:1000nm; got {text!r}"
            )
        return cls(starts, stops)

    def __str__(self) -> str:
        return ",".join(f"{a}:{b}" for a, b in zip(self.start, self.stop, strict=True))

    @property
    def shape(self) -> Triple:
        """Voxels per axis."""
        return triple([b - a for a, b in zip(self.start, self.stop, strict=True)])

    @property
    def size(self) -> int:
        """Voxels in all."""
        return math.prod(self.shape)

    @property
    def slices(self) -> tuple[slice, slice, slice]:
        """Index of this box into an array that starts at voxel 0."""
        return cast(tuple[slice, slice, slice], tuple(slice(a, b) for a, b in zip(self.start, self.stop, strict=True)))

    def grow(self, by: int | Sequence[int]) -> Box:
        """This box with ``by`` voxels more at both ends of every axis (a negative number shrinks it)."""
        margin = triple([by] * 3 if isinstance(by, int) else by)
        return self._map(lambda a, b, m: (a - m, b + m), margin)

    def shift(self, by: Sequence[int]) -> Box:
        """This box moved by ``by`` voxels."""
        return self._map(lambda a, b, s: (a + s, b + s), triple(by))

    def intersect(self, other: Box) -> Box:
        """The voxels in both boxes; an empty box where they do not meet."""
        start = [max(a, b) for a, b in zip(self.start, other.start, strict=True)]
        stop = [max(s, min(a, b)) for s, a, b in zip(start, self.stop, other.stop, strict=True)]
        return Box(start, stop)

    def contains(self, other: Box) -> bool:
        """Whether every voxel of ``other`` is in this box."""
        return self.intersect(other) == other

    def align_out(self, step: int | Sequence[int]) -> Box:
        """The smallest box around this one whose faces are multiples of ``step`` voxels."""
        steps = triple([step] * 3 if isinstance(step, int) else step)
        return self._map(lambda a, b, s: (a // s * s, -(-b // s) * s), steps)

    def tiles(self, side: int | Sequence[int]) -> Iterator[Box]:
        """Cut this box into boxes of ``side`` voxels from its own start, raster order; the last ones are smaller."""
        sides = triple([side] * 3 if isinstance(side, int) else side)
        ranges = (range(a, b, s) for a, b, s in zip(self.start, self.stop, sides, strict=True))
        for corner in product(*ranges):
            yield Box(corner, [c + s for c, s in zip(corner, sides, strict=True)]).intersect(self)

    def to_nm(
        self, voxel_size: VoxelSize, *, origin_nm: FloatTriple = (0.0, 0.0, 0.0)
    ) -> tuple[FloatTriple, FloatTriple]:
        """Lower and upper edge in nanometres, for a volume whose lower edge is at ``origin_nm``."""
        lower, upper = (
            triple([o + e * v for o, e, v in zip(origin_nm, edge, voxel_size.zyx, strict=True)])
            for edge in (self.start, self.stop)
        )
        return lower, upper

    def _map(self, fn: Callable[[int, int, int], tuple[int, int]], values: Triple) -> Box:
        pairs = [fn(a, b, v) for a, b, v in zip(self.start, self.stop, values, strict=True)]
        return Box([a for a, _ in pairs], [b for _, b in pairs])


@attrs.frozen
class BoxNm:
    """A box in nanometres by its edges, in the microscope's frame (that of a volume's lower edge)."""

    lower: FloatTriple = attrs.field(converter=_real)
    upper: FloatTriple = attrs.field(converter=_real)

    @upper.validator
    def _not_inverted(self, _: object, upper: FloatTriple) -> None:
        if not all(math.isfinite(a) and math.isfinite(b) and a <= b for a, b in zip(self.lower, upper, strict=True)):
            raise GeometryError(f"a box must not end before it starts, got {self}")

    def __str__(self) -> str:
        return ",".join(f"{a:.10g}:{b:.10g}" for a, b in zip(self.lower, self.upper, strict=True)) + "nm"

    def to_voxels(self, voxel_size: VoxelSize, *, origin_nm: FloatTriple = (0.0, 0.0, 0.0)) -> Box:
        """The voxels of this box, in a volume whose lower edge is at ``origin_nm``.

        Raises
        ------
        GeometryError
            A face cuts through voxels. The message names the smallest box of whole voxels around it.

        Examples
        --------
        >>> BoxNm((0, 10, 10), (5, 20, 25)).to_voxels(VoxelSize((5, 5, 5)), origin_nm=(0, 10, 0))
        Box(start=(0, 0, 2), stop=(1, 2, 5))
        """
        exact = [
            [(edge - o) / v for edge, o, v in zip(edges, origin_nm, voxel_size.zyx, strict=True)]
            for edges in (self.lower, self.upper)
        ]
        nearest = Box(*([round(e) for e in edges] for edges in exact))
        if all(
            abs(e - n) <= WHOLE_VOXEL for e, n in zip(exact[0] + exact[1], nearest.start + nearest.stop, strict=True)
        ):
            return nearest
        around = Box([math.floor(e + WHOLE_VOXEL) for e in exact[0]], [math.ceil(e - WHOLE_VOXEL) for e in exact[1]])
        raise GeometryError(
            f"ROI {self} cuts through voxels of {voxel_size}; the whole voxels around it are "
            f"{BoxNm(*around.to_nm(voxel_size, origin_nm=origin_nm))} (voxels {around})"
        )


def parse_roi(text: str) -> Box | BoxNm:
    """Read a ROI in voxels, ``"0:100,50:150,0:200"``, or in nm, ``"0:500,250:750,0:1000nm"``; z,y,x, half-open.

    The unit stands once, at the end. Voxels count from the volume's first one; nm are edges in the microscope's frame.

    >>> parse_roi("0:500,250:750,0:1000nm")
    BoxNm(lower=(0.0, 250.0, 0.0), upper=(500.0, 750.0, 1000.0))
    """
    numbers = text.rstrip().removesuffix("nm")
    if numbers == text.rstrip():
        return Box.parse(text)
    try:
        pairs = [[float(end) for end in part.split(":")] for part in numbers.split(",")]
        lower, upper = zip(*((a, b) for a, b in pairs), strict=True)
    except ValueError:
        lower, upper = (), ()
    if len(lower) != 3:
        raise GeometryError(
            "a ROI in nm is z0:z1,y0:y1,x0:x1nm with the unit once, at the end, such as 0:500,250:750,0:1000nm; "
            f"got {text!r}"
        )
    return BoxNm(lower, upper)


def centre_of_first_voxel(lower_edge_nm: FloatTriple, voxel_size: VoxelSize) -> FloatTriple:
    """Centre of voxel 0 of a volume that starts at ``lower_edge_nm`` (an OME-Zarr translation)."""
    return triple([e + v / 2 for e, v in zip(lower_edge_nm, voxel_size.zyx, strict=True)])


def lower_edge(centre_nm: FloatTriple, voxel_size: VoxelSize) -> FloatTriple:
    """Lower edge of a volume whose voxel 0 is centred at ``centre_nm``."""
    return triple([c - v / 2 for c, v in zip(centre_nm, voxel_size.zyx, strict=True)])


def resampled_shape(shape: Sequence[int], source: VoxelSize, target: VoxelSize) -> Triple:
    """Shape of a volume of ``shape`` on the grid ``target``, lower edges aligned, the last voxel possibly partial."""
    exact = [n / r for n, r in zip(shape, source.ratio_to(target), strict=True)]
    return triple([max(1, math.ceil(e - 1e-6)) for e in exact])


def resampled_box(box: Box, source: VoxelSize, target: VoxelSize) -> Box:
    """The smallest box on the grid ``target`` that covers ``box`` of the grid ``source``."""
    ratio = source.ratio_to(target)
    start = [math.floor(a / r + 1e-6) for a, r in zip(box.start, ratio, strict=True)]
    stop = [math.ceil(b / r - 1e-6) for b, r in zip(box.stop, ratio, strict=True)]
    return Box(start, stop)


_CHUNK = 64
"""Voxels per axis of a chunk, about."""


def _per_axis(value: int | Sequence[int]) -> Triple:
    return _whole([value] * 3 if isinstance(value, int) else value)


@attrs.frozen
class Lattice:
    """Tiles of ``keep`` voxels, side by side from ``origin``; each reads a halo of voxels more at every face.

    ::

        |<- halo ->|<------- keep ------->|<- halo ->|          side = keep + 2 halo
        read       kept: written by this tile alone
    """

    keep: Triple = attrs.field(converter=_per_axis)
    """Voxels per axis that a tile writes; one number stands for three."""
    halo: Triple = attrs.field(converter=_per_axis)
    """Voxels read below the kept ones."""
    side: Triple = attrs.field(
        default=attrs.Factory(lambda self: [k + 2 * h for k, h in zip(self.keep, self.halo, strict=True)], True),
        converter=_per_axis,
    )
    """Input voxels per axis of one tile; by default the halo is as wide above as below."""
    origin: Triple = attrs.field(default=(0, 0, 0), converter=_per_axis)
    """Where tile (0, 0, 0) begins: a voxel of the volume on the model's grid."""

    def __attrs_post_init__(self) -> None:
        for kept, halo, side in zip(self.keep, self.halo, self.side, strict=True):
            if kept <= 0 or halo < 0 or side < kept + 2 * halo:
                raise GeometryError(
                    f"a tile of {self.side} voxels cannot keep {self.keep} of them with a halo of {self.halo}"
                )

    def __str__(self) -> str:
        """The sides of a tile, such as ``192 x 488 x 360``."""
        return " x ".join(map(str, self.side))

    @property
    def chunk(self) -> Triple:
        """Voxels per axis of a chunk that no two tiles share: the divisor of ``keep`` that is nearest to 64."""
        return triple([_divisor_near(k, _CHUNK) for k in self.keep])

    def kept(self, index: Triple) -> Box:
        """The voxels that tile ``index`` writes; at the upper faces they reach past the volume."""
        start = [o + i * k for i, k, o in zip(index, self.keep, self.origin, strict=True)]
        return Box(start, [s + k for s, k in zip(start, self.keep, strict=True)])

    def read(self, kept: Box) -> Box:
        """The voxels that the tile with ``kept`` reads; may reach outside the volume."""
        start = [s - h for s, h in zip(kept.start, self.halo, strict=True)]
        return Box(start, [s + n for s, n in zip(start, self.side, strict=True)])

    def covering(self, box: Box) -> list[Triple]:
        """Indices of the tiles that keep at least one voxel of ``box``, in raster order; none for an empty box."""
        if not box.size:
            return []
        local = box.shift([-o for o in self.origin])
        ranges = (range(a // k, -(-b // k)) for a, b, k in zip(local.start, local.stop, self.keep, strict=True))
        return [triple(index) for index in product(*ranges)]


def _divisor_near(number: int, target: int) -> int:
    divisors = [d for d in range(1, number + 1) if number % d == 0]
    return min(divisors, key=lambda d: (max(d / target, target / d), d))
