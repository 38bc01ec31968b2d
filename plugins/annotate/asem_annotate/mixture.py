"""Clean-up by grey: of what was found, the kinds that the seeds of the object do not belong to are dropped."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from asem_annotate.mincut import Floats, Mask
from asem_annotate.prepared import Prepared

_ROUNDS = 200
_NARROWEST = 1.0
"""Least deviation of a component, in grey levels: a single level would be infinitely likely."""


def like_seeds(prepared: Prepared, found: Mask, *, seeded: npt.NDArray[np.int64], components: int) -> Mask:
    """The supervoxels whose grey is of the kind that most seeds of the object are of.

    Parameters
    ----------
    found
        ``(n,)``: the object.
    seeded
        ``(n,)``: seeded voxels of the object in every supervoxel; those supervoxels stay.
    components
        Kinds of grey that are told apart in ``found``.

    Returns
    -------
    ndarray of bool
        ``(n,)``.

    Notes
    -----
    The published program fits a mixture from a random start and writes one mask per component, to be chosen from. This
    one starts from quantiles, so that it always finds the same, and the seeds choose.
    """
    if not found.any():
        return found
    means, deviations, shares = fit_mixture(prepared.grey[found], prepared.voxels[found], components)
    kind = _likelihoods(prepared.grey, means, deviations, shares).argmax(axis=1)
    votes = np.bincount(kind, weights=seeded, minlength=components)
    kept: Mask = (kind == votes.argmax()) | (seeded > 0)
    return kept


def fit_mixture(values: Floats, weights: npt.NDArray[np.int64], components: int) -> tuple[Floats, Floats, Floats]:
    """Means, deviations and shares ``(components,)`` of Gaussians whose mixture ``values`` ``(n,)`` are.

    Notes
    -----
    Expectation-maximisation from quantiles of the values.
    """
    order = np.argsort(values, kind="stable")
    below = np.cumsum(weights[order]) / weights.sum()
    quantiles = (np.arange(components) + 0.5) / components
    means = values[order][np.minimum(np.searchsorted(below, quantiles), len(values) - 1)].astype(np.float64)
    deviations = np.full(components, max(float(np.std(values)) / components, _NARROWEST))
    shares = np.full(components, 1 / components)
    for _ in range(_ROUNDS):
        likely = _likelihoods(values, means, deviations, shares)
        part = likely / np.maximum(likely.sum(axis=1, keepdims=True), np.finfo(float).tiny) * weights[:, None]
        total = np.maximum(part.sum(axis=0), np.finfo(float).tiny)
        means = (part * values[:, None]).sum(axis=0) / total
        spread = (part * (values[:, None] - means) ** 2).sum(axis=0) / total
        deviations, shares = np.maximum(np.sqrt(spread), _NARROWEST), total / total.sum()
    return means, deviations, shares


def _likelihoods(values: Floats, means: Floats, deviations: Floats, shares: Floats) -> Floats:
    far = (values[:, None] - means) / deviations
    found: Floats = shares / deviations * np.exp(-0.5 * far**2)
    return found
