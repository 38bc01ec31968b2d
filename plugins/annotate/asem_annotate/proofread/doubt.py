"""The queue: objects in the order in which a person should look at them.

Four reasons to doubt an object, each from 0 (none) to 1::

    size         how far it is from the median: 1 at a hundred times more or less, on a logarithmic scale
    probability  how little sure the network is: 0 at a mean of 1, 1 at a mean of 0.5
    contact      part of its surface with other objects
    face         FACE where a face of the volume cuts it, else 0

Together they are 1 - (1 - size)(1 - probability)(1 - contact)(1 - face). It is an order to look in, and no chance of an
error.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

import attrs
import numpy as np
import numpy.typing as npt

from asem_annotate.proofread.edited import Edited
from asem_annotate.proofread.operations import Given
from asem_annotate.proofread.proof import as_proof
from asem_annotate.proofread.table import Table
from asem_core.errors import AsemError
from asem_core.geometry import Triple, VoxelSize, triple

Reason = Literal["size", "probability", "contact", "face"]
By = Reason | Literal["doubt"]

REASONS: tuple[Reason, ...] = ("size", "probability", "contact", "face")
FACE = 0.2
_DECADES = 2.0
_UNSURE = 0.5

Floats = npt.NDArray[np.float64]


@attrs.frozen(kw_only=True)
class Doubtful:
    """An object in the queue."""

    id: int
    doubt: float
    """0 to 1, see `asem_annotate.proofread.doubt`."""
    reasons: Mapping[Reason, float]
    voxels: int
    volume_nm3: float
    mean_probability: float | None
    """None where there is no probability map."""
    contact: float
    """Part of its surface with other objects."""
    neighbour: int | None
    """The object that it touches most."""
    at_face: bool
    inside: Triple
    """A voxel of it (z, y, x)."""
    category: str | None
    """What it is, where it is not what the label says."""
    accepted: bool

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return attrs.asdict(self)


def queue(labels: Given, *, by: By = "doubt", accepted: bool = False) -> list[Doubtful]:
    """The objects of a label as it is by its log, the most doubtful first; of equal ones the lowest id.

    Parameters
    ----------
    labels
        See `open_proof`.
    by
        All reasons together, or one of them.
    accepted
        Whether those that were accepted stand in it too.

    Examples
    --------
    >>> queue("mito_instances.zarr", by="contact")[0].neighbour  # doctest: +SKIP
    """
    if by not in ("doubt", *REASONS):
        raise AsemError(f"the queue is by doubt, {', '.join(REASONS)}; got {by!r}")
    proof = as_proof(labels)
    edited = proof.edited()
    rows = doubts(edited, shape=proof.volume.shape, voxel_size=proof.volume.voxel_size)
    waiting = [row for row in rows if accepted or not row.accepted]
    return sorted(waiting, key=lambda row: (-(row.doubt if by == "doubt" else row.reasons[by]), row.id))


def doubts(edited: Edited, *, shape: Triple, voxel_size: VoxelSize) -> list[Doubtful]:
    """Every object of ``edited``, ascending by id; ``shape`` of the volume."""
    table = edited.table
    reasons, contact, neighbour = _reasons(table, shape=shape, voxel_size=voxel_size)
    together = 1 - np.prod([1 - values for values in reasons.values()], axis=0)
    mean = table.probability / np.maximum(table.voxels, 1)
    return [
        Doubtful(
            id=int(number),
            doubt=float(together[row]),
            reasons={name: float(values[row]) for name, values in reasons.items()},
            voxels=int(table.voxels[row]),
            volume_nm3=float(table.voxels[row] * voxel_size.volume_nm3),
            mean_probability=None if math.isnan(mean[row]) else float(mean[row]),
            contact=float(contact[row]),
            neighbour=int(neighbour[row]) or None,
            at_face=bool(reasons["face"][row]),
            inside=triple(table.inside[row].tolist()),
            category=edited.category.get(int(number)),
            accepted=int(number) in edited.accepted,
        )
        for row, number in enumerate(table.ids)
    ]


def _reasons(
    table: Table, *, shape: Triple, voxel_size: VoxelSize
) -> tuple[dict[Reason, Floats], Floats, npt.NDArray[np.int64]]:
    """The reasons by name, the part of the surface with others, and the neighbour with most of it (0: none)."""
    middle = np.median(table.voxels) if len(table.voxels) else 1.0
    contact, neighbour = _contacts(table, voxel_size)
    mean = table.probability / np.maximum(table.voxels, 1)
    at_face = (table.low == 0).any(axis=1) | (table.high == shape).any(axis=1)
    unsure = np.clip((1 - np.nan_to_num(mean, nan=1.0)) / _UNSURE, 0, 1)
    reasons: dict[Reason, Floats] = {
        "size": np.clip(np.abs(np.log10(table.voxels / middle)) / _DECADES, 0, 1),
        "probability": unsure,
        "contact": contact,
        "face": np.where(at_face, FACE, 0.0),
    }
    return reasons, contact, neighbour


def _contacts(table: Table, voxel_size: VoxelSize) -> tuple[Floats, npt.NDArray[np.int64]]:
    areas = table.faces @ (voxel_size.volume_nm3 / np.array(voxel_size.zyx))
    own = np.concatenate([table.pairs, table.pairs[:, ::-1]])
    areas = np.concatenate([areas, areas])
    mine = own[:, 0] > 0
    own, areas = own[mine], areas[mine]
    row, n = np.searchsorted(table.ids, own[:, 0]), len(table.ids)
    other = own[:, 1] > 0
    surface = np.bincount(row, areas, n)
    shared = np.bincount(row[other], areas[other], n)
    neighbour = np.zeros(n, np.int64)
    rising = np.argsort(areas[other], kind="stable")
    neighbour[row[other][rising]] = own[other, 1][rising]  # the last one stays: the largest
    return shared / np.maximum(surface, 1e-9), neighbour
