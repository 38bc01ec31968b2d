"""The energy of a labelling: what each supervoxel costs as the object and as the rest, and each boundary.

::

    E = sum over u of [appearance_weight D_u + distance_weight P_u + prior_weight N_u]
      + smoothness * sum over (u, v) of different labels of exp(-contrast) / |c_u - c_v|

``D`` -ln of how likely one that looks like this is such, learned from the seeds; as published -ln of the seeds' grey
histogram, averaged over voxels; ``P`` ln(1 + distance from the seeds); ``N`` -ln of what a network gives, averaged over
voxels; contrast (g_u - g_v)^2 / (2 mean (g_u - g_v)^2), after Gallusser et al. 2022. Where a boundary follows membranes
instead: by how many standard deviations the two are darker than such pairs are on average.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import attrs
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from asem_annotate.graph import Pairs
from asem_annotate.likeness import Examples, Likeness, learn_all
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


@attrs.frozen(kw_only=True, eq=False)
class Marked:
    """Supervoxels with seeds, once for each value that they have some of; by value, then in the order of numbers."""

    values: npt.NDArray[np.uint8]
    nodes: Index
    shares: Floats
    """Of the seeds of the supervoxel, in (0, 1]."""


def find_marked(strokes: Strokes) -> Marked:
    """The supervoxels that ``strokes`` lie on."""
    total = sum(strokes.counts.values(), np.zeros(len(strokes.kinds), np.int64))
    nodes = {value: np.flatnonzero(count) for value, count in strokes.counts.items()}
    shares = [strokes.counts[value][each] / total[each] for value, each in nodes.items()]
    return Marked(
        values=np.repeat(np.array(list(nodes), np.uint8), [len(each) for each in nodes.values()]),
        nodes=np.concatenate([np.zeros(0, np.int64), *nodes.values()]),
        shares=np.concatenate([np.zeros(0), *shares]),
    )


@attrs.frozen(kw_only=True, eq=False)
class Evidence:
    """What seeds say of supervoxels without seeds: by what these look like and by distance."""

    levels: Mapping[int, Index]
    """Per value, its seeded voxels in every bin of grey ``(bins,)``."""
    distance: Mapping[int, Floats]
    """Per value, how far the cell of every supervoxel is from the nearest cell of one with such a seed ``(n,)``."""
    likeness: Mapping[int, Likeness]
    """Per object, what its seeds look like; of none where grey levels alone teach."""


def find_evidence(prepared: Prepared, strokes: Strokes) -> Evidence:
    """That of seeds in the prepared volume."""
    bins, grey = prepared.histogram.shape[1], prepared.binned.ravel()[strokes.at]
    marked = find_marked(strokes)
    examples = Examples(features=prepared.features[marked.nodes], values=marked.values, weights=marked.shares)
    return Evidence(
        levels={value: np.bincount(grey[strokes.values == value], minlength=bins) for value in strokes.counts},
        distance={value: cell_distance(prepared, count > 0) for value, count in strokes.counts.items()},
        likeness=learn_all(examples),
    )


def cell_distance(prepared: Prepared, seeded: npt.NDArray[np.bool_]) -> Floats:
    """How far the cell of every supervoxel is from the nearest cell of a ``seeded`` one ``(n,)``."""
    free = np.ones(prepared.lattice, np.bool_)
    free.ravel()[prepared.cells[seeded]] = False
    distance: Floats = ndimage.distance_transform_edt(free, sampling=prepared.side)
    return distance.ravel()[prepared.cells]


def prior_costs(prepared: Prepared, probability: npt.NDArray[np.float32]) -> tuple[Floats, Floats]:
    """``N`` as the object and as the rest, from the probability of the object ``(z, y, x)``."""
    p = np.clip(probability, LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
    return prepared.mean(-np.log(p)), prepared.mean(-np.log1p(-p))


@attrs.frozen(kw_only=True)
class Touching:
    """Sums over supervoxels that touch, pair by pair: of a block, of several together, of the whole."""

    pairs: int
    squared: float
    """Of the squared differences in grey of the two."""
    between: float
    """Of their mean greys."""
    between_squared: float
    """Of the squares of those."""

    @property
    def mean_squared(self) -> float:
        """Squared difference in grey of two, on average."""
        return self.squared / max(self.pairs, 1)

    @property
    def mean(self) -> float:
        """Grey of a pair."""
        return self.between / max(self.pairs, 1)

    @property
    def deviation(self) -> float:
        """Standard, of the grey of a pair."""
        return float(np.sqrt(max(self.between_squared / max(self.pairs, 1) - self.mean**2, 0.0)))


def sum_touching(prepared: Prepared, pairs: Pairs) -> Touching:
    """Those of ``pairs`` ``(m, 2)``."""
    squared, between = _greys(prepared, pairs)
    return Touching(pairs=len(pairs), squared=float(squared.sum()), between=float(between.sum()),
                    between_squared=float((between**2).sum()))  # fmt: skip


def boundary_costs(prepared: Prepared, settings: Settings, *, touching: Touching | None = None) -> Floats:
    """Of every pair, what it costs that the two have different labels.

    Parameters
    ----------
    touching
        Of all pairs that contrast is measured by; by default of those of ``prepared``.
    """
    known = sum_touching(prepared, prepared.pairs) if touching is None else touching
    squared, between = _greys(prepared, prepared.pairs)
    if settings.contrast == "dark":
        exponent = np.maximum(known.mean - between, 0.0) / (known.deviation or np.inf)
    else:
        exponent = squared / (2 * known.mean_squared or np.inf) / (1 if settings.contrast == "on" else _PUBLISHED)
    u, v = prepared.pairs.T
    distance = np.linalg.norm(prepared.centre[u] - prepared.centre[v], axis=1)
    found: Floats = np.exp(-exponent) / np.maximum(distance, 1.0)
    return settings.smoothness * found


def _greys(prepared: Prepared, pairs: Pairs) -> tuple[Floats, Floats]:
    """The squared difference of the two of every pair, and their mean ``(m,)``."""
    u, v = prepared.grey[pairs.T]
    return (u - v) ** 2, (u + v) / 2


def seed_gain(prepared: Prepared, evidence: Evidence, value: int, settings: Settings) -> Floats:
    """How much less every supervoxel costs as the object ``value`` than as the rest ``(n,)``."""
    others = set(evidence.levels) - {value}
    looks: npt.NDArray[np.floating]
    if settings.appearance == "texture":
        odds = evidence.likeness[value].log_odds(prepared.features)
        looks = np.clip(odds, -settings.surest, settings.surest)
    else:
        looks = prepared.histogram @ np.log(_shares(evidence, {value}) / _shares(evidence, others))
    nearest = np.min([evidence.distance[each] for each in others], axis=0)
    nearer = np.log1p(nearest) - np.log1p(evidence.distance[value])
    found: Floats = settings.appearance_weight * looks + settings.distance_weight * nearer
    return found


def _shares(evidence: Evidence, values: Collection[int]) -> Floats:
    """Of every bin of grey among the seeds of ``values``."""
    counts = np.sum([evidence.levels[each] for each in values], axis=0) + 1  # Laplace
    return np.asarray(counts / counts.sum(), np.float64)
