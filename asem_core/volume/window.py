"""A box of a volume as a volume of its own: a crop, or, where the box reaches outside, a frame filled with 0."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.geometry import Box, Triple, triple
from asem_core.volume.volume import Volume


def window(volume: Volume, box: Box) -> Volume:
    """``box`` of ``volume`` at its place in nm, read only when asked for; 0 outside ``volume``.

    Parameters
    ----------
    volume
        Any volume.
    box
        In voxels of ``volume``; may reach outside.
    """
    lower, _ = box.to_nm(volume.voxel_size, origin_nm=volume.lower_edge_nm)
    chunks = (1, *box.shape[1:]) if volume.planewise else volume.chunks
    return attrs.evolve(
        volume,
        array=_Window(volume, box),
        lower_edge_nm=lower,
        states_place=volume.placed or box != volume.box,
        chunks=triple(chunks),
        first_section=volume.first_section + box.start[0],
    )


class _Window:
    """A `LazyArray` whose voxel 0 is the first of ``box``."""

    def __init__(self, volume: Volume, box: Box) -> None:
        self._volume = volume
        self._box = box
        self.shape: Triple = box.shape
        self.dtype: np.dtype[Any] = volume.dtype

    def __getitem__(self, key: Any) -> npt.NDArray[Any]:
        keys: Sequence[int | slice] = key if isinstance(key, tuple) else (key,)
        wanted = [range(n)[k] for n, k in zip(self.shape, (*keys, slice(None), slice(None))[:3], strict=True)]
        spans = [range(w, w + 1) if isinstance(w, int) else w for w in wanted]
        span = Box([min(s, default=0) for s in spans], [max(s, default=-1) + 1 for s in spans])
        inside = tuple(0 if isinstance(w, int) else slice(None, None, w.step) for w in wanted)
        return self._read(span.shift(self._box.start))[inside]

    def _read(self, box: Box) -> npt.NDArray[Any]:
        if self._volume.box.contains(box):
            return self._volume.read(box)
        out = np.zeros(box.shape, self.dtype)
        covered = box.intersect(self._volume.box)
        if covered.size:
            out[covered.shift([-s for s in box.start]).slices] = self._volume.read(covered)
        return out
