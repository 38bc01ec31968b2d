"""Strokes on a prediction: what they change is changed, everything else stays as the network gave it."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from asem_annotate.energy import Strokes, boundary_costs, find_strokes, prior_costs
from asem_annotate.labelling import BACKGROUND, FIRST, NOTHING, Seeds, cut_nodes, places, spread
from asem_annotate.mincut import min_cut
from asem_annotate.prepared import Prepared
from asem_annotate.settings import Settings

SURE = 0.95
"""A network that gives the organelle or background at least this probability is sure."""


@attrs.frozen(kw_only=True, eq=False)
class Corrected:
    """What strokes made of a prediction, ``(z, y, x)`` uint8."""

    labels: Seeds
    """1 where the organelle is, 0 elsewhere."""
    judged: Seeds
    """For training: 1 background and 2 the organelle where the strokes decided, 0 elsewhere and where the network did.
    """


def correct_labels(
    prepared: Prepared,
    probability: npt.NDArray[np.float32],
    strokes: Seeds,
    *,
    settings: Settings,
    threshold: float = 0.5,
    boundary: npt.NDArray[np.float64] | None = None,
) -> Corrected:
    """Correct a prediction by strokes.

    Parameters
    ----------
    probability
        Of the organelle ``(z, y, x)`` in [0, 1].
    strokes
        ``(z, y, x)``: 0 nothing, 1 background, 2 the organelle; some of either.
    threshold
        A voxel belongs to the organelle where the probability is at least this.
    boundary
        Where many strokes follow one another: the `boundary_costs` of the prepared volume.

    Notes
    -----
    A stroke that says what the network says confirms its supervoxel; one that contradicts it fixes the supervoxel to
    what it says. A supervoxel with strokes of which only some contradict is divided among all of them. The network is
    cut twice, without strokes and with those of supervoxels where one contradicts; nothing else tells the two energies
    apart. Supervoxels whose label differs are given the new one, and stroked voxels are what the stroke says.
    Supervoxels are coarser than a network: those that keep their label keep the network's voxels, and so do voxels of
    the others of which it is sure, farther than a supervoxel's edge from any stroke that contradicts it.
    """
    given = np.where(probability >= threshold, FIRST, BACKGROUND).astype(np.uint8)
    every = find_strokes(prepared, strokes)
    against = find_strokes(prepared, np.where(strokes == given, NOTHING, strokes))
    deciding = find_strokes(prepared, np.where(against.on_any[prepared.ids], strokes, NOTHING))
    costs = boundary_costs(prepared, settings) if boundary is None else boundary
    unlike, like = prior_costs(prepared, probability)
    gain = settings.prior_weight * (like - unlike)
    before = min_cut(gain, prepared.pairs, costs, fixed=np.zeros(prepared.nodes, np.int8))
    confirmed = np.where(before, 1, -1) * every.on_any
    after = cut_nodes(prepared, gain, costs, strokes=deciding, value=FIRST, fixed=confirmed)
    flipped = (before != after) | deciding.mixed
    chosen = spread(prepared, np.where(after, FIRST, BACKGROUND).astype(np.uint8), deciding)
    turned, decided = flipped[prepared.ids], (flipped | every.on_any)[prepared.ids]
    kept = _kept(prepared, turned, probability, against, reach=settings.edge)
    turned.ravel()[kept] = decided.ravel()[kept] = False
    labels = np.where(turned, chosen, given)
    stroked = strokes != NOTHING
    labels[stroked] = strokes[stroked]
    judged = np.where(decided | stroked, labels, NOTHING)
    return Corrected(labels=(labels == FIRST).astype(np.uint8), judged=judged)


def _kept(
    prepared: Prepared,
    turned: npt.NDArray[np.bool_],
    probability: npt.NDArray[np.float32],
    against: Strokes,
    *,
    reach: float,
) -> npt.NDArray[np.int64]:
    """Flat indices of those ``turned`` voxels that stay as the network has them."""
    sure = np.flatnonzero(turned & (np.abs(probability - 0.5) >= SURE - 0.5))
    if not sure.size:
        return sure
    tree = cKDTree(places(prepared, against.at))
    distance, _ = tree.query(places(prepared, sure), distance_upper_bound=np.nextafter(reach, np.inf))
    far: npt.NDArray[np.int64] = sure[np.isinf(distance)]
    return far
