"""What a reader hands back: an array that is not read yet, and what the file says about it."""

from __future__ import annotations

import attrs

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
    """Cheap fingerprint of the content: names, sizes, times, metadata."""
    notes: tuple[str, ...] = ()
    first_section: int = 0
    """Number of section z = 0 in the acquisition."""


def unchunked(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Blocks in which an array is read that is stored in one piece, row after row: any box can be read alone."""
    return tuple(min(64, n) for n in shape)
