"""What seeds teach: how much like those of an object a supervoxel looks, learned anew from every set of seeds."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from asem_annotate.appearance import Features
from asem_annotate.mincut import Floats

MOST = 20_000
"""Examples of a value that are learned from: of more, evenly spaced ones."""
_FARTHEST = 3.0
"""Deviations from the mean beyond which features are not told apart."""
_ROWS = 1 << 16
"""Supervoxels that are judged together."""


@attrs.frozen(kw_only=True, eq=False)
class Examples:
    """Supervoxels with seeds. One with seeds of several values is an example of each, by its share of them."""

    features: Features
    """``(m, k)``."""
    values: npt.NDArray[np.uint8]
    """``(m,)``: 1 background, 2 and up the objects."""
    weights: Floats
    """``(m,)`` in (0, 1]."""


@attrs.frozen(kw_only=True, eq=False)
class Likeness:
    """A logistic regression on features and their squares."""

    mean: Floats
    deviation: Floats
    coefficients: Floats
    """``(2 k,)``."""
    intercept: float

    def log_odds(self, features: Features) -> Floats:
        """Of the object against the rest ``(n,)``, as many of one as of the other taken for granted."""
        found = [
            _terms(features[start : start + _ROWS], self.mean, self.deviation) @ self.coefficients + self.intercept
            for start in range(0, len(features), _ROWS)
        ]
        return np.concatenate(found)


def _terms(features: Features, mean: Floats, deviation: Floats) -> Floats:
    """``(n, 2 k)``: features in deviations from the mean, and their squares."""
    scaled: Floats = np.clip((features - mean) / deviation, -_FARTHEST, _FARTHEST)
    return np.concatenate([scaled, scaled**2], axis=1)


def learn_all(examples: Examples) -> Mapping[int, Likeness]:
    """The likeness to every object among ``examples``; to none where these have no features."""
    if not examples.features.shape[1]:
        return {}
    return {int(value): learn(examples, int(value)) for value in np.unique(examples.values) if value > 1}


def learn(examples: Examples, value: int) -> Likeness:
    """How examples of ``value`` are told from all others.

    Notes
    -----
    Object and rest weigh the same together, however many seeds each has: how much somebody painted says nothing of how
    much there is.
    """
    chosen = np.concatenate([_some(np.flatnonzero(examples.values == v)) for v in np.unique(examples.values)])
    features, weights = examples.features[chosen].astype(np.float64), examples.weights[chosen]
    is_object = examples.values[chosen] == value
    mean, deviation = features.mean(axis=0), features.std(axis=0)
    deviation[deviation == 0] = 1.0
    shares = np.where(is_object, weights[is_object].sum(), weights[~is_object].sum())
    model = LogisticRegression(solver="newton-cholesky")
    model.fit(_terms(features, mean, deviation), is_object, sample_weight=weights / shares * len(chosen) / 2)
    return Likeness(mean=mean, deviation=deviation, coefficients=model.coef_[0], intercept=float(model.intercept_[0]))


def _some(rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """All of ``rows``, or `MOST` of them, evenly spaced."""
    if len(rows) <= MOST:
        return rows
    return rows[np.arange(MOST) * len(rows) // MOST]
