"""Labels between annotated sections: the outline of each label moves from one to the next."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from asem_annotate.labelling import BACKGROUND, FIRST, NOTHING, Seeds, check_axis
from asem_core.errors import AsemError
from asem_core.geometry import VoxelSize

Distance = npt.NDArray[np.float32]


def interpolate(seeds: Seeds, *, voxel_size: VoxelSize, axis: int = 0) -> Seeds:
    """Fill the sections between those that are labelled in full.

    Parameters
    ----------
    seeds
        ``(z, y, x)``: 0 nothing, 1 background, 2 and up objects. A section counts as labelled where it holds an object:
        then what is 0 in it is taken for background. Strokes, which say nothing of what lies beside them, are not for
        this.
    axis
        Across which the sections lie: 0 for z.

    Returns
    -------
    ndarray of uint8
        ``(z, y, x)``: between the first and the last labelled section 1 and up, outside of them 0. What ``seeds`` mark
        between them stays, also where an outline passes over it; in labelled sections 0 becomes 1.

    Raises
    ------
    AsemError
        Fewer than two sections are labelled, or there is no such axis.

    Notes
    -----
    Signed distance from the outline within the section, linear from one section to the next (Raya and Udupa 1990);
    where several labels claim a voxel, the one it lies deepest in.

    Examples
    --------
    >>> seeds = np.zeros((3, 1, 9), np.uint8)
    >>> seeds[0, 0, 1:4] = seeds[2, 0, 3:8] = 2
    >>> interpolate(seeds, voxel_size=VoxelSize((5, 5, 5)))[1, 0].tolist()
    [1, 1, 2, 2, 2, 2, 1, 1, 1]
    """
    check_axis(axis)
    along = np.moveaxis(seeds, axis, 0)
    labelled = np.flatnonzero((along >= FIRST).any(axis=(1, 2)))
    if len(labelled) < 2:
        raise AsemError(f"interpolation needs at least two labelled sections along axis {axis}, found {len(labelled)}")
    step = [size for i, size in enumerate(voxel_size.zyx) if i != axis]
    values = [int(v) for v in np.unique(along[labelled]) if v >= FIRST]
    found = np.full_like(along, NOTHING)
    for below, above in pairwise(labelled.tolist()):
        ends = [{v: _depth(along[i] == v, step) for v in values} for i in (below, above)]
        for section in range(below + 1, above):
            share = np.float32((section - below) / (above - below))
            depths = np.stack([(1 - share) * ends[0][v] + share * ends[1][v] for v in values])
            best = np.array(values, np.uint8)[depths.argmax(axis=0)]
            found[section] = np.where(depths.max(axis=0) > 0, best, BACKGROUND)
    found[labelled] = BACKGROUND
    filled = slice(labelled[0], labelled[-1] + 1)
    found[filled] = np.where(along[filled] == NOTHING, found[filled], along[filled])
    return np.ascontiguousarray(np.moveaxis(found, 0, axis))


def _depth(mask: npt.NDArray[np.bool_], step: list[float]) -> Distance:
    """Distance from the outline, above 0 inside; where there is nothing, as far outside as the section is large."""
    if not mask.any():
        return np.full(mask.shape, -float(np.hypot(*np.multiply(mask.shape, step))), np.float32)
    inside = ndimage.distance_transform_edt(np.pad(mask, 1, mode="edge"), sampling=step)[1:-1, 1:-1]
    outside = ndimage.distance_transform_edt(~mask, sampling=step)
    if mask.all():
        inside = np.full(mask.shape, float(np.hypot(*np.multiply(mask.shape, step))))
    half = min(step) / 2  # the outline lies between voxels
    depth: Distance = np.where(mask, inside - half, half - outside).astype(np.float32)
    return depth
