"""Which object shares how many voxels with which: the sparse contingency table of two label volumes, by blocks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.blocks.executors import map_blocks
from asem_core.errors import GeometryError
from asem_core.evaluation.scores import Mask
from asem_core.geometry import Box, Triple
from asem_core.labels.instances import Ids
from asem_core.progress import Progress, silent

_Counts = npt.NDArray[np.int64]


@attrs.frozen(kw_only=True, eq=False)
class Objects:
    """The objects of one volume, one entry each, in the order of their ids."""

    ids: Ids
    voxels: _Counts
    """Inside the mask: what overlaps are counted in."""
    all_voxels: _Counts
    """Inside and outside the mask."""
    centroid: npt.NDArray[np.float64]
    """``(n, 3)``: mean index (z, y, x) of `voxels`; NaN where there are none."""
    on_face: npt.NDArray[np.bool_]
    """Whether the object touches a face of the volume."""

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def cut(self) -> npt.NDArray[np.bool_]:
        """Whether the object may go on where nothing is compared: it touches a face or is partly outside the mask."""
        return self.on_face | (self.voxels < self.all_voxels)

    def select(self, which: npt.NDArray[np.bool_]) -> Objects:
        """Those objects alone."""
        return Objects(**{name: values[which] for name, values in attrs.asdict(self, recurse=False).items()})


@attrs.frozen(kw_only=True, eq=False)
class Contingency:
    """Objects of prediction and truth, and the pairs that share voxels inside the mask."""

    prediction: Objects
    truth: Objects
    pairs: _Counts
    """``(n, 2)``: entry in ``prediction``, entry in ``truth``; ascending."""
    shared: _Counts
    """``(n,)`` voxels, above 0."""

    @property
    def iou(self) -> npt.NDArray[np.float64]:
        """Intersection over union of every pair, above 0."""
        a, b = self.prediction.voxels[self.pairs[:, 0]], self.truth.voxels[self.pairs[:, 1]]
        ratio: npt.NDArray[np.float64] = self.shared / (a + b - self.shared)
        return ratio

    def select(self, prediction: npt.NDArray[np.bool_], truth: npt.NDArray[np.bool_]) -> Contingency:
        """The table of those objects alone, as if the others were background."""
        kept = prediction[self.pairs[:, 0]] & truth[self.pairs[:, 1]]
        renumbered = [(np.cumsum(which) - 1)[self.pairs[kept, side]] for side, which in enumerate((prediction, truth))]
        return Contingency(
            prediction=self.prediction.select(prediction),
            truth=self.truth.select(truth),
            pairs=np.stack(renumbered, axis=1),
            shared=self.shared[kept],
        )


def tabulate(
    prediction: Callable[[Box], Ids],
    truth: Callable[[Box], Ids],
    *,
    shape: Triple,
    mask: Callable[[Box], Mask] | None = None,
    block: Triple,
    progress: Progress = silent,
) -> Contingency:
    """Count the voxels of objects and of their overlaps.

    Parameters
    ----------
    prediction, truth
        ``read(box)``: ids ``(z, y, x)``, 0 for background; called from several threads.
    shape
        Of the whole volume.
    mask
        Likewise, True where voxels count; by default everywhere.
    block
        Voxels per axis of a block. The result does not depend on it.

    Returns
    -------
    Contingency
        Memory in the process: about 100 bytes per object and block that it lies in.

    Raises
    ------
    GeometryError
        The mask leaves nothing.
    """
    volume = Box.of_shape(shape)

    def count(box: Box) -> _Part:
        kept = mask(box) if mask is not None else np.ones(box.shape, np.bool_)
        predicted, true = prediction(box), truth(box)
        return _Part(
            prediction=_measure(predicted, kept, box, volume),
            truth=_measure(true, kept, box, volume),
            shared=_shared(predicted, true, kept),
            compared=int(np.count_nonzero(kept)),
        )

    parts = map_blocks(count, list(volume.tiles(block)), sweep="overlaps of objects", progress=progress)
    if not any(part.compared for part in parts):
        raise GeometryError("the mask leaves nothing to score: it is 0 wherever prediction and labels overlap")
    objects = [_merge([getattr(part, side) for part in parts]) for side in ("prediction", "truth")]
    columns = [np.concatenate(column) for column in zip(*(part.shared for part in parts), strict=True)]
    index = [np.searchsorted(side.ids, ids) for side, ids in zip(objects, columns[:2], strict=True)]
    key, of = np.unique(np.ravel_multi_index(index, [len(side) + 1 for side in objects]), return_inverse=True)
    pairs = np.stack(np.unravel_index(key, [len(side) + 1 for side in objects]), axis=1)
    return Contingency(
        prediction=objects[0],
        truth=objects[1],
        pairs=pairs.astype(np.int64),
        shared=_sum_by(of, columns[2][:, None], len(key))[:, 0],
    )


_Measured = tuple[Ids, _Counts]
"""Ids of a block, and per id: all voxels, voxels in the mask, their summed z, y, x, voxels on faces of the volume."""


@attrs.frozen(kw_only=True, eq=False)
class _Part:
    prediction: _Measured
    truth: _Measured
    shared: tuple[Ids, Ids, _Counts]
    compared: int


def _measure(labels: Ids, kept: Mask, box: Box, volume: Box) -> _Measured:
    where = np.flatnonzero(labels)
    ids, of = np.unique(labels.ravel()[where], return_inverse=True)
    inside = kept.ravel()[where]
    place = [index + start for index, start in zip(np.unravel_index(where, box.shape), box.start, strict=True)]
    on_face = np.zeros(len(where), np.bool_)
    for index, end in zip(place, volume.shape, strict=True):
        on_face |= (index == 0) | (index == end - 1)

    def total(weights: npt.NDArray[Any] | None) -> _Counts:
        # Whole numbers below 2^53: exact in float64.
        return np.bincount(of, weights=weights, minlength=len(ids)).astype(np.int64)

    return ids, np.stack(
        [total(None), total(inside), *(total(index * inside) for index in place), total(on_face)], axis=1
    )


def _shared(predicted: Ids, true: Ids, kept: Mask) -> tuple[Ids, Ids, _Counts]:
    both = np.flatnonzero((predicted != 0) & (true != 0) & kept)
    left, p = np.unique(predicted.ravel()[both], return_inverse=True)
    right, t = np.unique(true.ravel()[both], return_inverse=True)
    key, voxels = np.unique(p * max(len(right), 1) + t, return_counts=True)
    p, t = np.divmod(key, max(len(right), 1))
    return left[p], right[t], voxels


def _merge(parts: Sequence[_Measured]) -> Objects:
    ids, of = np.unique(np.concatenate([part[0] for part in parts]), return_inverse=True)
    found = _sum_by(of, np.concatenate([part[1] for part in parts]), len(ids))
    voxels = found[:, 1]
    with np.errstate(invalid="ignore"):
        centroid = found[:, 2:5] / voxels[:, None]
    return Objects(ids=ids, voxels=voxels, all_voxels=found[:, 0], centroid=centroid, on_face=found[:, 5] > 0)


def _sum_by(index: npt.NDArray[np.intp], rows: _Counts, count: int) -> _Counts:
    total = np.zeros((count, rows.shape[1]), np.int64)
    np.add.at(total, index, rows)
    return total
