"""The energy of a labelling: what each supervoxel costs as the object and as the rest, and each boundary.

::

    E = sum over u of [grey_weight D_u + distance_weight P_u + prior_weight N_u]
      + smoothness * sum over (u, v) of different labels of exp(-b (g_u - g_v)^2) / |c_u - c_v|

``D`` -ln of the seeds' grey histogram, averaged over voxels; ``P`` ln(1 + distance from the seeds); ``N`` -ln of what a
network gives, averaged over voxels; ``b`` = 1 / (2 mean (g_u - g_v)^2). After Gallusser et al. 2022.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from asem_annotate.prepared import Floats, Prepared
from asem_annotate.settings import Settings

Index = npt.NDArray[np.int64]

_PUBLISHED = 2 * 50.0**2
"""By which the published program divides the exponent, so that contrast hardly counts."""
LEAST_PROBABILITY = 1 / 512
"""Half a level of uint8: what a network rounds to 0 may be as much."""


@attrs.frozen(kw_only=True, eq=False)
class Strokes:
    """Seeds, by where they lie."""

    at: Index
    """Flat index of each seeded voxel."""
    values: npt.NDArray[np.uint8]
    """Of each: 1 background, 2 and up the objects."""
    nodes: npt.NDArray[np.int32]
    """Of each: its supervoxel."""
    counts: Mapping[int, Index]
    """Per value that occurs, seeded voxels of every supervoxel ``(n,)``."""
    kinds: npt.NDArray[np.uint8]
    """``(n,)``: how many different values every supervoxel has seeds of."""

    @property
    def on_any(self) -> npt.NDArray[np.bool_]:
        """``(n,)``: supervoxels with seeds."""
        return self.kinds > 0

    @property
    def mixed(self) -> npt.NDArray[np.bool_]:
        """``(n,)``: supervoxels with seeds of more than one value."""
        return self.kinds > 1


def find_strokes(prepared: Prepared, seeds: npt.NDArray[np.uint8]) -> Strokes:
    """The seeds ``(z, y, x)`` on the supervoxels of ``prepared``."""
    at = np.flatnonzero(seeds)
    values, nodes = seeds.ravel()[at], prepared.ids.ravel()[at]
    counts = {int(v): np.bincount(nodes[values == v], minlength=prepared.nodes) for v in np.unique(values)}
    kinds = np.zeros(prepared.nodes, np.uint8)
    for count in counts.values():
        kinds += count > 0
    return Strokes(at=at, values=values, nodes=nodes, counts=counts, kinds=kinds)


def grey_cost(prepared: Prepared, strokes: Strokes, mine: npt.NDArray[np.bool_]) -> Floats:
    """``D``: of every supervoxel as one of the seeds ``mine`` (a mask of ``strokes.at``)."""
    bins = prepared.histogram.shape[1]
    counts = np.bincount(prepared.binned.ravel()[strokes.at[mine]], minlength=bins) + 1  # Laplace
    found: Floats = prepared.histogram @ -np.log(counts / counts.sum())
    return found


def distance_cost(prepared: Prepared, seeded: npt.NDArray[np.bool_]) -> Floats:
    """``P``: of every supervoxel, by how far its cell is from the nearest cell of a ``seeded`` supervoxel ``(n,)``."""
    free = np.ones(prepared.lattice, np.bool_)
    free.ravel()[prepared.cells[seeded]] = False
    distance = ndimage.distance_transform_edt(free, sampling=prepared.side)
    found: Floats = np.log1p(distance.ravel()[prepared.cells])
    return found


def prior_costs(prepared: Prepared, probability: npt.NDArray[np.float32]) -> tuple[Floats, Floats]:
    """``N`` as the object and as the rest, from the probability of the object ``(z, y, x)``."""
    p = np.clip(probability, LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
    return prepared.mean(-np.log(p)), prepared.mean(-np.log1p(-p))


def boundary_costs(prepared: Prepared, settings: Settings) -> Floats:
    """Of every pair, what it costs that the two have different labels."""
    u, v = prepared.pairs.T
    squared = (prepared.grey[u] - prepared.grey[v]) ** 2
    mean = squared.mean() if len(squared) else 0.0
    exponent = squared / (2 * mean) if mean > 0 else np.zeros(len(squared))
    distance = np.linalg.norm(prepared.centre[u] - prepared.centre[v], axis=1)
    found: Floats = np.exp(-exponent / (1 if settings.contrast == "on" else _PUBLISHED)) / np.maximum(distance, 1.0)
    return settings.smoothness * found


def seed_costs(
    prepared: Prepared, strokes: Strokes, mine: npt.NDArray[np.bool_], settings: Settings
) -> tuple[Floats, Floats]:
    """What every supervoxel costs as the object of the seeds ``mine``, and as the rest."""

    def cost(of: npt.NDArray[np.bool_]) -> Floats:
        seeded = np.zeros(prepared.nodes, np.bool_)
        seeded[strokes.nodes[of]] = True
        return settings.grey_weight * grey_cost(prepared, strokes, of) + settings.distance_weight * distance_cost(
            prepared, seeded
        )

    return cost(mine), cost(~mine)
