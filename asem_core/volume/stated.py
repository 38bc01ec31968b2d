"""What a file says of size, place and axes of its voxels, and what ASEM makes of it: decided here for every reader.

A reader states what it found (`Stated`): numbers, units and names of axes as they stand there, unchecked. `settle`
checks and converts them by one set of rules, whatever the format:

- A size or place is used where it is three numbers with a unit of length; a size must also be positive. What is not is
  taken as not stated: a note says what stood there, and ``--voxel-size`` remains possible.
- Axes that are named are turned to z, y, x; where only some of them are named so, the file is refused.
- Numbers are in the order of the array's own axes, unless they name theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeGuard

import attrs
import numpy as np

from asem_core.errors import GeometryError, VolumeError
from asem_core.geometry import FloatTriple, Triple, VoxelSize, lower_edge, triple
from asem_core.volume.axes import Axes, arranged, find_axes
from asem_core.volume.units import nm_per
from asem_core.volume.volume import LazyArray

_SMALLEST_NM, _LARGEST_NM = 0.5, 1000.0
"""Voxels of volume EM of cells measure 2 to 100 nm. MRC files of programs that do not know say 0.1 nm, and 1000 nm
is more than any organelle that ASEM segments."""


@attrs.frozen(kw_only=True)
class Lengths:
    """A length per axis, as it stands in a file."""

    values: object
    """A number per axis."""
    units: object
    """One for all, or one per value; None where the file gives none."""
    axes: object = None
    """Names of the axes in the order of ``values``; None: the array's own axes, see `Axes.pick`."""
    times: tuple[object, ...] = ()
    """Factors by which ``values`` are multiplied: each a number per axis, in the same order."""
    where: str
    """What states it, such as ``attribute 'resolution'``."""


@attrs.frozen(kw_only=True)
class Stated:
    """What a file says of its voxels."""

    axes: Sequence[object] | None = None
    """Names of the array's axes, all of them, in the order in which it is indexed; None where they have none."""
    size: Lengths | None = None
    """Edge lengths of a voxel."""
    edge: Lengths | None = None
    """Lower edge of the first voxel."""
    centre: Lengths | None = None
    """Centre of the first voxel; at most one of ``edge`` and ``centre``."""
    unsigned: bool = False
    """Whether integers that are stored as signed are unsigned."""
    unclear: tuple[str, ...] = ()
    """What the file says of the size in a way that cannot be put into `Lengths`, in words."""


@attrs.frozen(kw_only=True)
class Settled:
    """What ASEM takes it for."""

    array: LazyArray
    """``(z, y, x)``."""
    chunks: Triple
    voxel_size: VoxelSize | None
    """None: not stated."""
    lower_edge_nm: FloatTriple | None
    """None: not stated."""
    unclear: tuple[str, ...] = ()
    """Why the size is taken as not stated, though the file says something."""
    notes: tuple[str, ...] = ()


def settle(stated: Stated, array: LazyArray, *, chunks: Sequence[int], uri: str) -> Settled:
    """Decide what ``stated`` means for ``array``.

    Parameters
    ----------
    stated
        What the reader found.
    array
        As it is stored, all of its axes.
    chunks
        What is read at once, a number for each of its axes.
    uri
        For messages.

    Raises
    ------
    VolumeError
        It is no 3D image, or its axes cannot be told; see `find_axes`.

    Examples
    --------
    >>> size = Lengths(values=[4, 4, 8], units="nm", where="attribute 'resolution'")
    >>> found = settle(Stated(axes="xyz", size=size), np.zeros((50, 40, 8)), chunks=(50, 40, 4), uri="a.zarr")
    >>> found.array.shape, found.voxel_size.zyx, found.chunks
    ((8, 40, 50), (8.0, 4.0, 4.0), (4, 40, 50))
    """
    axes = find_axes(stated.axes, array.shape, uri)
    size, unclear = _size(stated, axes)
    edge, notes = _place(stated, axes, size)
    return Settled(
        array=arranged(array, axes, unsigned=stated.unsigned),
        chunks=triple([int(chunks[axis]) for axis in axes.zyx]),
        voxel_size=size,
        lower_edge_nm=edge,
        unclear=unclear,
        notes=notes,
    )


def choose_voxel_size(
    settled: Settled, given: VoxelSize | None, *, agree: float, uri: str
) -> tuple[VoxelSize, tuple[str, ...]]:
    """The voxel size to use, and notes: ``given`` by the user, else what the data states.

    Parameters
    ----------
    settled
        What the data says.
    given
        None: nothing.
    agree
        Sizes within this fraction of each other are one size.
    uri
        For messages.

    Raises
    ------
    VolumeError
        Neither is there.
    """
    found = settled.voxel_size
    size = given or found
    if size is None:
        why = f" ({'; '.join(settled.unclear)})" if settled.unclear else ""
        raise VolumeError(f"{uri}: the data does not state its voxel size{why}; give it in nm with --voxel-size z,y,x")
    notes = tuple(f"its voxel size is taken as not stated: {reason}" for reason in settled.unclear)
    if given is not None and found is not None and not given.matches(found, tolerance=agree):
        notes += (f"voxel size {given} as given; the data says {found}",)
    return size, notes + _implausible(size)


def numbers(values: object) -> list[float]:
    """``values`` as floats.

    Raises
    ------
    ValueError
        It is no list of numbers.
    """
    if not _is_list(values) or any(isinstance(value, bool | np.bool_) for value in values):
        raise ValueError("expected a list of numbers")
    try:
        return [float(value) for value in values]
    except (TypeError, ValueError, OverflowError):
        raise ValueError("expected a list of numbers") from None


def _is_list(value: object) -> TypeGuard[Sequence[Any]]:
    if isinstance(value, np.ndarray):
        return value.ndim == 1
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _size(stated: Stated, axes: Axes) -> tuple[VoxelSize | None, tuple[str, ...]]:
    if stated.unclear or stated.size is None:
        return None, stated.unclear
    try:
        return VoxelSize(_in_nm(stated.size, axes)), ()
    except GeometryError:
        return None, (_said(stated.size, "it must be positive and finite"),)
    except ValueError as exc:
        return None, (_said(stated.size, str(exc)),)


def _place(stated: Stated, axes: Axes, size: VoxelSize | None) -> tuple[FloatTriple | None, tuple[str, ...]]:
    """Lower edge, and a note where there is one that cannot be used."""
    found = stated.edge or stated.centre
    if found is None or (stated.edge is None and size is None):
        return None, ()
    try:
        place = _in_nm(found, axes)
        if not np.isfinite(place).all():
            raise ValueError("it must be finite")
    except ValueError as exc:
        return None, (f"its position is taken as not stated: {_said(found, str(exc))}",)
    return (place if stated.edge is not None or size is None else lower_edge(place, size)), ()


def _in_nm(found: Lengths, axes: Axes) -> FloatTriple:
    values = numbers(found.values)
    picked = axes.pick(len(values), found.axes)
    units = list(found.units) if _is_list(found.units) else [found.units] * len(values)
    if len(units) != len(values):
        raise ValueError(f"{len(units)} units for {len(values)} numbers")
    for factors in map(numbers, found.times):
        values = [value * factor for value, factor in zip(values, factors, strict=True)]
    return triple([values[axis] * nm_per(units[axis]) for axis in picked])


def _said(found: Lengths, problem: str) -> str:
    values = found.values.tolist() if isinstance(found.values, np.ndarray) else found.values
    text = repr(values) if len(repr(values)) < 80 else f"{repr(values)[:76]}..."
    return f"{found.where} is {text}: {problem}"


def _implausible(size: VoxelSize) -> tuple[str, ...]:
    if min(size.zyx) < _SMALLEST_NM:
        hint = "is it in micrometres, or did the program that wrote it not know?"
    elif max(size.zyx) > _LARGEST_NM:
        hint = "was the unit mistaken, micrometres for nanometres?"
    else:
        return ()
    return (
        f"voxels of {size} are unlike those of any electron microscopy of cells: {hint} --voxel-size z,y,x sets it",
    )
