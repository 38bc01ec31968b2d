"""From a prepared volume and seeds to a label for every voxel."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import cKDTree

from asem_annotate.energy import (
    Evidence,
    Strokes,
    boundary_costs,
    find_evidence,
    find_strokes,
    prior_costs,
    seed_gain,
)
from asem_annotate.mincut import Floats, Mask, min_cut
from asem_annotate.mixture import like_seeds
from asem_annotate.prepared import Prepared
from asem_annotate.settings import Settings
from asem_core.errors import AsemError
from asem_core.geometry import VoxelSize

Seeds = npt.NDArray[np.uint8]

NOTHING, BACKGROUND, FIRST = range(3)
"""What seeds say of a voxel: nothing; that it is background; that it is the first object, above that a further one."""


def solve(
    prepared: Prepared,
    seeds: Seeds,
    *,
    settings: Settings,
    prior: npt.NDArray[np.float32] | None = None,
    boundary: Floats | None = None,
    evidence: Evidence | None = None,
) -> Seeds:
    """A label for every voxel, from seeds in some.

    Parameters
    ----------
    seeds
        ``(z, y, x)``: 0 nothing, 1 background, 2 and up objects. At least one voxel of 1 and one of 2 or above.
    prior
        Probability of object 2 ``(z, y, x)`` in [0, 1].
    boundary
        Where many seeds are solved for one prepared volume: its `boundary_costs`, which no seed changes.
    evidence
        Where there are seeds outside of ``prepared`` too: what all of them say; then none need lie in it.

    Returns
    -------
    ndarray of uint8
        ``(z, y, x)``: 1 background, 2 and up the objects. A seed is what it says. In a supervoxel with seeds of several
        kinds every voxel is as the nearest seed in it, and it decides nothing for those round it.

    Notes
    -----
    Every object is cut from the rest by itself. A supervoxel that several claim goes to the one as which it costs least
    compared with the rest, the lowest of several alike.
    """
    strokes = find_strokes(prepared, seeds)
    costs = boundary_costs(prepared, settings) if boundary is None else boundary
    said = find_evidence(prepared, strokes) if evidence is None else evidence
    labels = np.full(prepared.nodes, BACKGROUND, np.uint8)
    best = np.full(prepared.nodes, -np.inf)
    for value in sorted(set(said.levels) - {BACKGROUND}):
        seeded = strokes.counts.get(value, np.zeros(prepared.nodes, np.int64))
        gain = seed_gain(prepared, said, value, settings)
        if prior is not None and value == FIRST:
            unlike, like = prior_costs(prepared, prior)
            gain += settings.prior_weight * (like - unlike)
        found = cut_nodes(prepared, gain, costs, strokes=strokes, value=value)
        if settings.components:
            found &= like_seeds(prepared, found, seeded=seeded, components=settings.components)
        better = found & (gain > best)
        held = seeded > 0
        labels[better | held], best[better], best[held] = value, gain[better], np.inf
    return spread(prepared, labels, strokes)


def cut_nodes(
    prepared: Prepared,
    gain: Floats,
    boundary: Floats,
    *,
    strokes: Strokes,
    value: int,
    fixed: npt.NDArray[np.int8] | None = None,
) -> Mask:
    """The supervoxels of the object ``value``, cut from the rest: those with its seeds, and none with others'.

    Parameters
    ----------
    fixed
        As in `min_cut`, where ``strokes`` say nothing.
    """
    held = np.zeros(prepared.nodes, np.int8) if fixed is None else fixed.astype(np.int8)
    for other, count in strokes.counts.items():
        held[count > 0] = 1 if other == value else -1
    mixed = strokes.mixed
    held[mixed] = 0
    u, v = prepared.pairs.T
    decides = ~(mixed[u] | mixed[v])
    return min_cut(np.where(mixed, 0.0, gain), prepared.pairs[decides], boundary[decides], fixed=held)


def spread(prepared: Prepared, labels: npt.NDArray[np.uint8], strokes: Strokes) -> Seeds:
    """The labels of supervoxels ``(n,)`` on their voxels; mixed supervoxels are divided among their seeds."""
    found, mixed = labels[prepared.ids], strokes.mixed
    if mixed.any():
        inside, seeds = np.flatnonzero(mixed[prepared.ids]), mixed[strokes.nodes]
        tree = cKDTree(_apart(prepared, strokes.at[seeds]))
        _, nearest = tree.query(_apart(prepared, inside))
        found.ravel()[inside] = strokes.values[seeds][nearest]
    return found


def without_rim(labels: Seeds, seeds: Seeds, *, rim: float, voxel_size: VoxelSize) -> Seeds:
    """For training: ``labels`` as `solve` gives them, 0 up to ``rim`` below the surface of what is no background.

    A cut adds a rim more often than it leaves one out. Seeds stay what they are.
    """
    if (labels != BACKGROUND).all():  # scipy would measure from somewhere outside
        return np.where(seeds == NOTHING, labels, seeds)
    depth = ndimage.distance_transform_edt(
        labels != BACKGROUND, sampling=np.divide(voxel_size.zyx, min(voxel_size.zyx))
    )
    found: Seeds = np.where((depth > 0) & (depth <= rim), NOTHING, labels).astype(np.uint8)
    return np.where(seeds == NOTHING, found, seeds)


def check_value(value: int) -> None:
    """Refuse what a voxel of seeds cannot be.

    Raises
    ------
    AsemError
        It is none of 0..255.
    """
    if not 0 <= value <= np.iinfo(np.uint8).max:
        raise AsemError(f"seeds are 0 to 255 (0 nothing, 1 background, 2 and up objects), got {value}")


def check_axis(axis: int) -> None:
    """Refuse what is no axis of a volume.

    Raises
    ------
    AsemError
        It is none of 0, 1 and 2.
    """
    if axis not in range(3):
        raise AsemError(f"an axis is 0, 1 or 2 (z, y, x), got {axis}")


def places(prepared: Prepared, at: npt.NDArray[np.int64]) -> Floats:
    """Of voxels ``at`` (flat), in units of the finest axis ``(n, 3)``."""
    index = np.stack(np.unravel_index(at, prepared.ids.shape), axis=1)
    return np.asarray(index * prepared.step, np.float64)


def _apart(prepared: Prepared, at: npt.NDArray[np.int64]) -> Floats:
    """The same with a fourth axis, which puts supervoxels far apart."""
    far = float(np.dot(prepared.ids.shape, prepared.step)) + 1.0
    found: Floats = np.c_[places(prepared, at), prepared.ids.ravel()[at] * far]
    return found
