"""What a reader hands back: an array that is not read yet, and what the file says about it."""

from __future__ import annotations

import attrs

from asem_core.geometry import FloatTriple, VoxelSize
from asem_core.volume.volume import LazyArray


@attrs.frozen(kw_only=True)
class Source:
    """A stored image as a reader found it. `open_volume` checks it and makes a `Volume` of it."""

    array: LazyArray
    """Of any dimension and dtype: refusing 2D, RGB or empty images with a clear message is `open_volume`'s work."""
    voxel_size: VoxelSize | None = None
    """None where the file does not say."""
    lower_edge_nm: FloatTriple | None = None
    """None where the file does not say."""
    chunks: tuple[int, ...]
    """The unit in which the storage is read, one number per axis."""
    digest: str
    """Cheap fingerprint of the content: names, sizes, times, metadata."""
    notes: tuple[str, ...] = ()
    first_section: int = 0
    """Number of section z = 0 in the acquisition."""


def unchunked(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Blocks in which an array is read that is stored in one piece, row after row: any box can be read alone."""
    return tuple(min(64, n) for n in shape)
