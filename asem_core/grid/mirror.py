"""Reading past a volume's faces: the image is mirrored about the face, so that no rim goes unpredicted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise, product
from typing import Any

import numpy as np
import numpy.typing as npt

from asem_core.geometry import Box, Triple


def mirrored_index(start: int, stop: int, n: int) -> npt.NDArray[np.intp]:
    """Indices ``start .. stop`` of an axis of ``n`` voxels, mirrored about its faces as often as needed.

    >>> mirrored_index(-2, 5, 3).tolist()
    [1, 0, 0, 1, 2, 2, 1]
    """
    index = np.arange(start, stop) % (2 * n)
    return np.where(index < n, index, 2 * n - 1 - index)


def mirrored_span(start: int, stop: int, n: int) -> tuple[int, int]:
    """The voxels of an axis of ``n`` voxels that `mirrored_index` touches: first, and one past the last."""
    index = mirrored_index(start, stop, n)
    return int(index.min()), int(index.max()) + 1


def mirrored_box(box: Box, shape: Triple) -> Box:
    """The voxels of a volume of ``shape`` that `read_mirrored` of ``box`` touches."""
    spans = [mirrored_span(a, b, n) for a, b, n in zip(box.start, box.stop, shape, strict=True)]
    return Box([a for a, _ in spans], [b for _, b in spans])


def read_mirrored(read: Callable[[Box], npt.NDArray[Any]], shape: Triple, box: Box) -> npt.NDArray[Any]:
    """The voxels of ``box``, which may reach outside a volume of ``shape`` whose inside ``read`` gives."""
    if Box.of_shape(shape).contains(box):
        return read(box)
    inner = mirrored_box(box, shape)
    block = read(inner)
    out = np.empty(box.shape, block.dtype)
    runs = (_runs(a, b, n, low) for a, b, n, low in zip(box.start, box.stop, shape, inner.start, strict=True))
    for parts in product(*runs):
        into, source = zip(*parts, strict=True)
        out[into] = block[source]
    return out


def _runs(start: int, stop: int, n: int, low: int) -> Iterator[tuple[slice, slice]]:
    """`mirrored_index` in slices, forwards and backwards: into what is mirrored, and of what begins at ``low``."""
    index = mirrored_index(start, stop, n) - low
    turns = np.flatnonzero(np.diff(index) == 0) + 1
    for first, last in pairwise([0, *turns.tolist(), len(index)]):
        a, b = int(index[first]), int(index[last - 1])
        yield slice(first, last), slice(a, b + 1) if a <= b else slice(a, b - 1 if b else None, -1)
