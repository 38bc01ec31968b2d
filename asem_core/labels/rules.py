"""Clean-up of ground-truth labels (paper, Methods: "label clean-up") on whole arrays. Idempotent.

`asem_core.labels.objects` does the same to volumes too large for memory.

Objects are connected over faces, edges and corners (26-connected), holes over faces only (6-connected): the dual
pair, without which an object and the background could cross each other at an edge. The sources do not say; with 26, a
thin process drawn voxel by voxel along a diagonal stays one object and is not removed as crumbs.
"""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
from attrs import validators
from scipy import ndimage

from asem_core.geometry import VoxelSize
from asem_core.grid.reference import VOLUME, scale_volume

Labels = npt.NDArray[Any]

_OBJECT = ndimage.generate_binary_structure(3, 3)
_HOLE = ndimage.generate_binary_structure(3, 1)


@attrs.frozen(kw_only=True)
class RemoveSmallObjects:
    """Parameters of `remove_small_objects`."""

    min_voxels: int = attrs.field(default=27, validator=validators.ge(0), metadata=VOLUME)
    """Objects of less volume go; counted in voxels of 125 nm^3."""


@attrs.frozen(kw_only=True)
class FillHoles:
    """Parameters of `fill_holes`."""

    max_voxels: int = attrs.field(default=20_000, validator=validators.ge(0), metadata=VOLUME)
    """Holes of less volume are filled; counted in voxels of 125 nm^3 (20,000 are 0.0025 um^3)."""


def remove_small_objects(labels: Labels, *, voxel_size: VoxelSize, params: RemoveSmallObjects) -> Labels:
    """Set objects of less than ``params.min_voxels`` to 0.

    Parameters
    ----------
    labels
        ``(z, y, x)``, an integer type or bool; 0 is background. An object is a 26-connected set of non-zero voxels,
        whatever their ids, so that touching instances are judged together.
    voxel_size
        The grid of ``labels``, nm.

    Returns
    -------
    ndarray
        Shape and dtype of ``labels``; what stays keeps its ids.

    Examples
    --------
    >>> labels = np.zeros((5, 5, 5), np.uint8)
    >>> labels[:3, :3, :3], labels[4, 4, 4] = 7, 9
    >>> cleaned = remove_small_objects(labels, voxel_size=VoxelSize((5, 5, 5)), params=RemoveSmallObjects())
    >>> np.unique(cleaned).tolist()
    [0, 7]
    """
    objects, _ = ndimage.label(labels != 0, structure=_OBJECT)
    small = np.bincount(objects.ravel()) < scale_volume(params.min_voxels, voxel_size)
    small[0] = False
    cleaned = labels.copy()
    cleaned[small[objects]] = 0
    return cleaned


def fill_holes(labels: Labels, *, voxel_size: VoxelSize, params: FillHoles) -> Labels:
    """Fill holes of less than ``params.max_voxels`` with the id around them.

    Parameters
    ----------
    labels
        ``(z, y, x)``, an integer type or bool; 0 is background. A hole is a 6-connected set of zeros that reaches no
        face of the array: whether one that does is closed cannot be known.
    voxel_size
        The grid of ``labels``, nm.

    Returns
    -------
    ndarray
        Shape and dtype of ``labels``. A hole takes the id of most of the voxels that share a face with it (the lowest
        such id if several are as frequent).

    Examples
    --------
    >>> labels = np.full((5, 5, 5), 3, np.uint8)
    >>> labels[2, 2, 2] = 0
    >>> int(fill_holes(labels, voxel_size=VoxelSize((5, 5, 5)), params=FillHoles())[2, 2, 2])
    3
    """
    holes, _ = ndimage.label(labels == 0, structure=_HOLE)
    fill = np.bincount(holes.ravel()) < scale_volume(params.max_voxels, voxel_size)
    fill[0] = False
    fill[_on_faces(holes)] = False
    boxes = ndimage.find_objects(holes)
    filled = labels.copy()
    for index in np.flatnonzero(fill):
        # Labels around an enclosed hole lie within one voxel of its bounding box, which is inside the array.
        around = tuple(slice(s.start - 1, s.stop + 1) for s in boxes[index - 1])
        hole = holes[around] == index
        rim = ndimage.binary_dilation(hole, structure=_HOLE) & ~hole
        ids, counts = np.unique(labels[around][rim], return_counts=True)
        filled[around][hole] = ids[np.argmax(counts)]
    return filled


def _on_faces(components: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Ids that occur on one of the six faces of the array."""
    faces = [np.take(components, end, axis=axis).ravel() for axis in range(3) for end in (0, -1)]
    return np.unique(np.concatenate(faces))
