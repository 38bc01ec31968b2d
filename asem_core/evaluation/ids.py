"""Labels as ids: 0 is background, every other value an object. Grey images and values that are no ids are refused."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.errors import VolumeError
from asem_core.evaluation.source import nonzero
from asem_core.geometry import Box, Triple
from asem_core.grid.place import Placed
from asem_core.volume.kind import check_is_labels
from asem_core.volume.volume import Volume

log = logging.getLogger(__name__)

_WIDE = 4
"""Bytes of unsigned ids whose largest value stands for "no label" by custom, as 2^64 - 1 in CREMI's files."""


def ids(volume: Volume, *, role: str, ignore: int | None = None) -> Volume:
    """``volume`` as ids, checked on a sample now, and voxel by voxel when it is read.

    Parameters
    ----------
    volume
        Labels, integer or bool.
    role
        What it is called in messages: ``"labels"``, ``"prediction"``.
    ignore
        A value that stands for "not known"; it becomes 0 here, and `known` says where it is.

    Returns
    -------
    Volume
        The same, with ``ignore`` as 0. Reading it raises `VolumeError` at a value that is no id: below 0, or the
        largest one of 32 or 64 bits.

    Raises
    ------
    VolumeError
        Real numbers, or a grey image: neighbouring voxels differ nearly everywhere.
    """
    check_is_labels(volume, role=role)
    odd = volume.dtype.kind == "i" or (volume.dtype.kind == "u" and volume.dtype.itemsize >= _WIDE)
    return attrs.evolve(volume, array=_Ids(volume, role, ignore)) if odd or ignore is not None else volume


def known(labels: Volume, *, ignore: int, mask: Placed | None) -> Volume:
    """1 where ``labels`` (as stored) hold another value than ``ignore`` and ``mask``, in their frame, is not 0."""
    return attrs.evolve(labels, array=_Known(labels, ignore, mask))


class _Ids:
    """A `LazyArray` of ids."""

    def __init__(self, volume: Volume, role: str, ignore: int | None) -> None:
        self._volume = volume
        self._role = role
        self._ignore = ignore
        self.shape: Triple = volume.shape
        self.dtype: np.dtype[Any] = volume.dtype

    def __getitem__(self, key: Any) -> npt.NDArray[Any]:
        values = np.asarray(self._volume.array[key])
        if self._ignore is not None:
            values = np.where(_equal(values, self._ignore), values.dtype.type(0), values)
        if self.dtype.kind == "i" and values.size and values.min() < 0:
            raise VolumeError(self._refusal(int(values.min()), "below 0"))
        if self.dtype.kind == "u" and self.dtype.itemsize >= _WIDE:
            largest = int(np.iinfo(self.dtype).max)
            if values.size and int(values.max()) == largest:
                raise VolumeError(self._refusal(largest, "the largest value: CREMI's background"))
        return values

    def _refusal(self, value: int, what: str) -> str:
        remedy = f"leave such voxels out with --ignore-label {value}, or write" if self._role == "labels" else "write"
        return f"{self._volume.uri} holds {value}, which is no id ({what}): {remedy} 0 for background there"


class _Known:
    """A `LazyArray` of 0 and 1."""

    def __init__(self, labels: Volume, ignore: int, mask: Placed | None) -> None:
        self._labels = labels
        self._ignore = ignore
        self._mask = mask
        self.shape: Triple = labels.shape
        self.dtype: np.dtype[Any] = np.dtype(np.uint8)

    def __getitem__(self, key: tuple[slice, slice, slice]) -> npt.NDArray[Any]:
        box = _box(key, self.shape)
        inside = ~_equal(self._labels.read(box), self._ignore)
        if self._mask is not None:
            inside &= nonzero(self._mask, box)
        return inside.view(np.uint8)


def _equal(values: npt.NDArray[Any], value: int) -> npt.NDArray[np.bool_]:
    """False throughout where the dtype cannot hold ``value``."""
    kind = values.dtype
    if kind == np.bool_ or not np.iinfo(kind).min <= value <= np.iinfo(kind).max:
        return np.zeros(values.shape, np.bool_)
    return np.asarray(values == kind.type(value))


def _box(key: Sequence[slice], shape: Triple) -> Box:
    spans = [part.indices(n) for part, n in zip(key, shape, strict=True)]
    return Box([start for start, _, _ in spans], [stop for _, stop, _ in spans])
