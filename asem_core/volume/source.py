"""What a reader hands back: an array that is not read yet, and what the file says about it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import attrs
import numpy as np

from asem_core.errors import VolumeError
from asem_core.volume.stated import Stated
from asem_core.volume.volume import LazyArray


@attrs.frozen(kw_only=True)
class Source:
    """A stored image as a reader found it. `open_volume` checks it and makes a `Volume` of it.

    A reader decides nothing about voxel size, place, axes and signs: it says what stands in the file.
    """

    array: LazyArray
    """As it is stored: of any dimension, order of axes and dtype."""
    stated: Stated = attrs.field(factory=Stated)
    """What the file says of the voxels' size, place and axes."""
    chunks: tuple[int, ...]
    """The unit in which the storage is read, one number for each axis of ``array``."""
    digest: str
    """Cheap fingerprint of the content: metadata, and sizes and times of all files that hold voxels."""
    notes: tuple[str, ...] = ()
    first_section: int = 0
    """Number of section z = 0 in the acquisition."""


class Stored:
    """An array that a reader opened. In another process it is opened anew, once, and must be the same there."""

    def __init__(self, array: LazyArray, *, reader: str, uri: str, digest: str) -> None:
        self._array = array
        self._opened_by = (reader, uri, digest)

    def __reduce__(self) -> tuple[Any, tuple[str, str, str]]:
        return _reopened, self._opened_by

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the file."""
        return self._array.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the file."""
        return self._array.dtype

    def __getitem__(self, key: Any) -> Any:
        return self._array[key]


@lru_cache(maxsize=64)
def _reopened(reader: str, uri: str, digest: str) -> Stored:
    from asem_core.registry import resolve

    source: Source = resolve(reader)(uri)
    if source.digest != digest:
        raise VolumeError(f"{uri}: it is another volume there, or was changed since it was opened")
    return Stored(source.array, reader=reader, uri=uri, digest=digest)


def unchunked(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Blocks in which an array is read that is stored in one piece, row after row: any box can be read alone."""
    return tuple(min(64, n) for n in shape)
