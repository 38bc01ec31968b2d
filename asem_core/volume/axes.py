"""Axes of stored arrays: which of them are z, y and x, and an array turned to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.errors import VolumeError
from asem_core.geometry import AXES, Triple, triple
from asem_core.volume.volume import LazyArray


@attrs.frozen
class Axes:
    """Where z, y and x are among the axes of a stored array; the others have length 1."""

    zyx: Triple
    rank: int

    def pick(self, count: int, names: object = None) -> Triple:
        """Which of ``count`` numbers belong to z, y and x.

        Parameters
        ----------
        count
            One number per stored axis, or three: then for z, y and x in the order in which they are stored.
        names
            Names of axes in the order of the numbers, as found; None: they are those of the array.

        Raises
        ------
        ValueError
            Too few or too many, or a name that is missing.

        Examples
        --------
        >>> Axes((3, 2, 1), 4).pick(3)  # c, x, y, z
        (2, 1, 0)
        """
        if names is not None:
            if not isinstance(names, Sequence):
                raise ValueError(f"its axes are {names!r}, expected names")
            named = [normal(name) for name in names]
            if len(named) != count or any(named.count(axis) != 1 for axis in AXES):
                raise ValueError(f"its axes are {spelt(names)}, expected z, y and x once each, with a number each")
            return triple([named.index(axis) for axis in AXES])
        if count == self.rank:
            return self.zyx
        if count != 3:
            raise ValueError("expected three numbers")
        return triple([sorted(self.zyx).index(axis) for axis in self.zyx])


def find_axes(names: Sequence[object] | None, shape: Sequence[int], uri: str) -> Axes:
    """Which axes of an array of ``shape`` are z, y and x.

    Parameters
    ----------
    names
        As the file names its axes; None: it does not, and three axes that are left when those of length 1 are dropped,
        the leading ones first, are z, y, x.
    shape
        Of the stored array.
    uri
        For messages.

    Raises
    ------
    VolumeError
        The image is not 3D, has several channels or time points, or names some of z, y and x but not all.
    """
    named = [normal(name) for name in names or ()]
    if not set(named) & set(AXES):
        return Axes(_unnamed(shape, uri), len(shape))
    if len(named) != len(shape):
        raise VolumeError(f"{uri}: {len(named)} axes are named ({spelt(names)}) but the array has shape {tuple(shape)}")
    if any(named.count(axis) != 1 for axis in AXES):
        raise VolumeError(f"{uri}: expected a 3D image whose axes are z,y,x, found {spelt(names)}")
    found = Axes(triple([named.index(axis) for axis in AXES]), len(shape))
    if any(length != 1 for axis, length in enumerate(shape) if axis not in found.zyx):
        raise VolumeError(
            f"{uri}: expected one channel and one time point, found shape {tuple(shape)} ({spelt(names)}); "
            "save the channel to segment as an image of its own"
        )
    return found


def _unnamed(shape: Sequence[int], uri: str) -> Triple:
    kept = list(range(len(shape)))
    for axis, length in enumerate(shape):
        if len(kept) > 3 and length == 1:
            kept.remove(axis)
    if len(kept) != 3:
        raise VolumeError(f"{uri}: expected a 3D image (z,y,x), found {len(shape)} axes of shape {tuple(shape)}")
    return triple(kept)


def normal(name: object) -> str:
    """``name`` of an axis in lower case; of bytes too."""
    text = name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
    return text.strip().lower()


def spelt(names: Sequence[object] | None) -> str:
    """``names`` for a message."""
    return ",".join(name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name) for name in names or ())


def arranged(array: LazyArray, axes: Axes, *, unsigned: bool = False) -> LazyArray:
    """``array`` as ``(z, y, x)`` in the machine's order of bytes, read as lazily as before.

    With ``unsigned`` its signed bits are taken as unsigned.
    """
    stored = np.dtype(array.dtype)
    dtype = np.dtype(f"u{stored.itemsize}") if unsigned and stored.kind == "i" else stored.newbyteorder("=")
    if axes == Axes((0, 1, 2), 3) and dtype == stored:
        return array
    return _Arranged(array, axes, dtype)


class _Arranged:
    """Axes dropped and turned when it is read."""

    def __init__(self, array: LazyArray, axes: Axes, dtype: np.dtype[Any]) -> None:
        self._array, self._axes = array, axes
        self.dtype = dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """Voxels per axis, z, y, x."""
        return tuple(self._array.shape[axis] for axis in self._axes.zyx)

    def __getitem__(self, key: Any) -> npt.NDArray[Any]:
        asked = key if isinstance(key, tuple) else (key,)
        index: list[Any] = [0] * self._axes.rank
        for axis, part in zip(self._axes.zyx, (*asked, *[slice(None)] * (3 - len(asked))), strict=True):
            index[axis] = part
        sliced = [axis for axis in self._axes.zyx if isinstance(index[axis], slice)]
        found = np.asarray(self._array[tuple(index)]).transpose([sorted(sliced).index(axis) for axis in sliced])
        return found if found.dtype == self.dtype else found.astype(found.dtype.newbyteorder("=")).view(self.dtype)
