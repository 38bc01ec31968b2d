"""The objects of a label, one row each, and where they touch: counted block by block."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.errors import VolumeError
from asem_core.geometry import Box, Triple

Ids = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@attrs.frozen(kw_only=True, eq=False)
class Table:
    """Objects of a part of a volume, or of all of it, ascending by id."""

    ids: Ids
    """``(n,)``, from 1."""
    voxels: Ids
    """``(n,)``."""
    low: Ids
    """First voxel of the box of each ``(n, 3)``, in the volume."""
    high: Ids
    """Its end, half-open ``(n, 3)``."""
    inside: Ids
    """One voxel in each ``(n, 3)``, to look at."""
    probability: Floats
    """Summed over the voxels ``(n,)``; NaN where there is no map."""
    pairs: Ids
    """Objects that share faces of voxels ``(m, 2)``, the lower id first; 0 is background."""
    faces: Ids
    """How many, per axis that the face lies across ``(m, 3)``."""

    def box(self, row: int) -> Box:
        """The box of one object."""
        return Box(self.low[row].tolist(), self.high[row].tolist())

    def hang_together(self, ids: Sequence[int]) -> bool:
        """Whether one can go from each of the objects ``ids`` to every other over faces, through them alone."""
        inside = np.isin(self.pairs, list(ids)).all(axis=1)
        reached, before = {int(ids[0])}, 0
        while len(reached) > before:
            before = len(reached)
            reached |= {n for pair in self.pairs[inside].tolist() if reached & set(pair) for n in pair}
        return reached >= {int(number) for number in ids}

    @property
    def fingerprint(self) -> str:
        """What tells this label from another one: of ids, sizes, boxes and faces, not of files and chunks."""
        found = hashlib.sha256()
        for values in (self.ids, self.voxels, self.low, self.high, self.pairs, self.faces):
            found.update(np.ascontiguousarray(values, "<i8").tobytes())
        return found.hexdigest()[:16]


def measure(ids: Ids, box: Box, *, core: Box, probability: npt.NDArray[np.floating] | None = None) -> Table:
    """The objects in ``core``, and the faces whose lower voxel lies there.

    Parameters
    ----------
    ids
        ``(z, y, x)`` of ``box``, which holds ``core`` and where the volume goes on one voxel more above it.
    probability
        ``(z, y, x)`` of ``core``.

    Examples
    --------
    >>> found = measure(np.array([[[1, 1, 2, 0]]]), Box((0, 0, 0), (1, 1, 4)), core=Box((0, 0, 0), (1, 1, 4)))
    >>> found.voxels.tolist(), found.pairs.tolist(), found.faces.tolist()
    ([2, 1], [[0, 2], [1, 2]], [[0, 0, 1], [0, 0, 1]])
    """
    place = core.shift([-a for a in box.start])
    values = ids[place.slices].ravel()
    order = np.flatnonzero(values)
    order = order[np.argsort(values[order], kind="stable")]
    names, first, voxels = np.unique(values[order], return_index=True, return_counts=True)
    at = np.stack(np.unravel_index(order, core.shape), axis=1) + np.array(core.start)
    sums = np.full(len(order), np.nan) if probability is None else probability.ravel()[order].astype(np.float64)
    pairs, faces = _contacts(ids, place)
    some = len(names) > 0
    return Table(
        ids=names.astype(np.int64),
        voxels=voxels.astype(np.int64),
        low=np.minimum.reduceat(at, first) if some else at,
        high=np.maximum.reduceat(at, first) + 1 if some else at,
        inside=at[first + voxels // 2] if some else at,
        probability=np.add.reduceat(sums, first) if some else sums,
        pairs=pairs,
        faces=faces,
    )


def joined(parts: Sequence[Table]) -> Table:
    """The table of several parts of one volume that do not overlap."""
    parts = [empty_table(), *parts]
    ids, voxels, low, high, inside, pairs, faces = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("ids", "voxels", "low", "high", "inside", "pairs", "faces")
    )
    names, row = np.unique(ids, return_inverse=True)
    n = len(names)
    lowest, highest = np.full((n, 3), np.iinfo(np.int64).max), np.zeros((n, 3), np.int64)
    np.minimum.at(lowest, row, low)
    np.maximum.at(highest, row, high)
    largest = np.lexsort((-voxels, row))
    pairs, faces = summed(pairs, faces)
    return Table(
        ids=names,
        voxels=_counts(row, voxels, n),
        low=lowest,
        high=highest,
        inside=inside[largest[np.searchsorted(row[largest], np.arange(n))]],
        probability=_sums(row, np.concatenate([part.probability for part in parts]), n),
        pairs=pairs,
        faces=faces,
    )


def summed(pairs: Ids, faces: Ids) -> tuple[Ids, Ids]:
    """Every pair ``(m, 2)`` of different objects once, with all of its ``faces`` ``(m, 3)``."""
    pairs = np.sort(pairs, axis=1)
    differ = pairs[:, 0] != pairs[:, 1]
    found, row = np.unique(pairs[differ], axis=0, return_inverse=True)
    row = row.ravel()
    counts = np.stack([_counts(row, faces[differ, axis], len(found)) for axis in range(3)], axis=1)
    return found.reshape(-1, 2), counts


def empty_table() -> Table:
    """No objects."""
    nothing, places = np.zeros(0, np.int64), np.zeros((0, 3), np.int64)
    return Table(
        ids=nothing, voxels=nothing, low=places, high=places, inside=places, probability=np.zeros(0),
        pairs=np.zeros((0, 2), np.int64), faces=places,
    )  # fmt: skip


def whole_numbers(values: npt.NDArray[np.generic], *, uri: str) -> Ids:
    """``values`` as ids.

    Raises
    ------
    VolumeError
        Not integers, or negative.
    """
    if values.dtype.kind not in "biu":
        raise VolumeError(f"{uri} holds {values.dtype}, no ids: give labels, such as `asem instances` makes")
    found = values.astype(np.int64)
    if found.min(initial=0) < 0:
        raise VolumeError(f"{uri}: ids are integers from 0 to 2^63, found {values.ravel()[found.argmin()]}")
    return found


def _contacts(ids: Ids, place: Box) -> tuple[Ids, Ids]:
    pairs, faces = [np.zeros((0, 2), np.int64)], [np.zeros((0, 3), np.int64)]
    for axis in range(3):
        stop = list(place.stop)
        stop[axis] = min(stop[axis], ids.shape[axis] - 1)
        if stop[axis] <= place.start[axis]:
            continue
        lower = Box(place.start, stop)
        across: Triple = (int(axis == 0), int(axis == 1), int(axis == 2))
        below, above = ids[lower.slices], ids[lower.shift(across).slices]
        differ = below != above
        pairs.append(np.stack([below[differ], above[differ]], axis=1))
        faces.append(np.tile(np.array(across, np.int64), (len(pairs[-1]), 1)))
    return summed(np.concatenate(pairs), np.concatenate(faces))


def _counts(row: npt.NDArray[np.intp], weights: Ids, n: int) -> Ids:
    return _sums(row, weights, n).astype(np.int64)  # exact below 2^53


def _sums(row: npt.NDArray[np.intp], weights: npt.NDArray[Any], n: int) -> Floats:
    return np.bincount(row, weights, n).astype(np.float64)
