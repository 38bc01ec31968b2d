"""Objects by their size and a few of their voxels, and those objects found again in another label."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from asem_annotate.proofread.edited import Edited
from asem_annotate.proofread.operation import Sketch
from asem_annotate.proofread.proof import Proof
from asem_core.errors import AsemError
from asem_core.geometry import Box, FloatTriple, Triple, centre_of_first_voxel, triple

POINTS = 32
LEAST_OVERLAP = 0.5
"""Intersection over union, as it is estimated from the points, from which two objects are the same."""
_SLAB_VOXELS = 2**24


def sketch(proof: Proof, edited: Edited, number: int) -> Sketch:
    """The object ``number`` of ``edited``; its box is read, slab by slab."""
    row = edited.row(number)
    box, voxels = edited.table.box(row), int(edited.table.voxels[row])
    step = -(-voxels // POINTS)
    points, seen = [], 0
    for slab in _slabs(box):
        at = np.argwhere(edited.ids(slab) == number)
        chosen = np.arange((step // 2 - seen) % step, len(at), step)
        points.append(at[chosen] + np.array(slab.start))
        seen += len(at)
    return Sketch(
        id=number,
        volume_nm3=voxels * proof.volume.voxel_size.volume_nm3,
        points_nm=tuple(centre_nm(proof, triple(point.tolist())) for point in np.concatenate(points)),
    )


def found_again(proof: Proof, edited: Edited, earlier: Sketch) -> int:
    """The object of ``edited`` that is what ``earlier`` was in another label.

    Raises
    ------
    AsemError
        There is none; says what is there.
    """
    best, share = most_of(proof, edited, earlier)
    overlap = share * earlier.volume_nm3
    now = float(edited.table.voxels[edited.row(best)]) * proof.volume.voxel_size.volume_nm3
    if overlap < LEAST_OVERLAP * (now + earlier.volume_nm3 - overlap):
        raise AsemError(
            f"{earlier.id} of {earlier.volume_nm3:.3g} nm^3 was not found again: {share:.0%} of it is in {best}, which "
            f"has {now:.3g} nm^3"
        )
    return best


def most_of(proof: Proof, edited: Edited, earlier: Sketch) -> tuple[int, float]:
    """The object that holds most of the points of ``earlier``, and how many of all, 0 to 1.

    Raises
    ------
    AsemError
        There are none.
    """
    there = [id_at(proof, edited, point) for point in earlier.points_nm]
    names, counts = np.unique([number for number in there if number], return_counts=True)
    if not len(names):
        raise AsemError(f"where {earlier.id} was there is no object")
    return int(names[np.argmax(counts)]), float(counts.max() / len(there))


def id_at(proof: Proof, edited: Edited, point_nm: FloatTriple) -> int:
    """The object at a place of the acquisition; 0 where there is none, or no volume."""
    voxel = Box(at := voxel_at(proof, point_nm), [a + 1 for a in at])
    return int(edited.ids(voxel).item()) if proof.volume.box.contains(voxel) else 0


def centre_nm(proof: Proof, voxel: Triple) -> FloatTriple:
    """Where the centre of a voxel lies in the acquisition."""
    size = proof.volume.voxel_size
    first = centre_of_first_voxel(proof.volume.lower_edge_nm, size)
    return triple([f + v * s for f, v, s in zip(first, voxel, size.zyx, strict=True)])


def voxel_at(proof: Proof, point_nm: FloatTriple) -> Triple:
    """The voxel at a place of the acquisition; it may lie outside."""
    edge, size = proof.volume.lower_edge_nm, proof.volume.voxel_size.zyx
    return triple([int((p - e) // s) for p, e, s in zip(point_nm, edge, size, strict=True)])


def _slabs(box: Box) -> Iterator[Box]:
    depth = max(1, _SLAB_VOXELS // max(1, box.size // box.shape[0]))
    return box.tiles([depth, *box.shape[1:]])
