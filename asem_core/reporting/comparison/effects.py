"""How far two conditions lie apart, from one number for each of their cells. Pure functions on arrays."""

from __future__ import annotations

from itertools import accumulate

import attrs
import numpy as np
import numpy.typing as npt

Double = npt.NDArray[np.float64]

LEAST_CELLS = 3
"""Of each condition, for an inference: of two and two cells no interval is surer than 67 %."""
CONFIDENCE = 0.95


@attrs.frozen(kw_only=True)
class Shift:
    """How much larger the numbers of one condition are than those of another."""

    size: float
    low: float
    high: float
    confidence: float
    """That the interval from ``low`` to ``high`` really has: at least what was asked for, or the most that there is."""


def hodges_lehmann(values: Double, against: Double, *, confidence: float = CONFIDENCE) -> Shift:
    """The median of all differences between ``values`` ``(m,)`` and ``against`` ``(n,)``, with its interval.

    Notes
    -----
    Hodges and Lehmann (1963). The interval holds the shifts that the exact two-sided rank-sum test does not reject
    (Bauer 1972): from the k-th smallest to the k-th largest difference. With few cells even the whole range of
    differences, k = 1, is less sure than was asked for; then it is given, with the confidence that it has. Ties make it
    surer than is said, not less.

    Examples
    --------
    >>> hodges_lehmann(np.array([5.0, 6.0, 9.0]), np.array([1.0, 2.0, 4.0]))
    Shift(size=4.0, low=1.0, high=8.0, confidence=0.9)
    """
    differences = np.sort(np.subtract.outer(values, against).ravel())
    below = _chances_below(len(values), len(against))
    most = next((k for k in range(1, len(below)) if 2 * below[k] > 1 - confidence + 1e-12), len(below)) - 1
    k = max(most, 1)
    return Shift(
        size=float(np.median(differences)),
        low=float(differences[k - 1]),
        high=float(differences[-k]),
        confidence=1 - 2 * below[k],
    )


def cliffs_delta(values: Double, against: Double) -> float:
    """Of all pairs the share in which ``values`` is larger, less that in which it is smaller (Cliff 1993).

    The rank-biserial correlation is the same number.

    >>> cliffs_delta(np.array([5.0, 6.0, 9.0]), np.array([1.0, 2.0, 6.0])).__round__(3)
    0.667
    """
    return float(np.sign(np.subtract.outer(values, against)).mean())


def _chances_below(m: int, n: int) -> list[float]:
    """Chance that the rank-sum statistic U of ``m`` and ``n`` numbers of one distribution is below 0, 1, ... m n."""
    counts = _ways(m, n)
    total = sum(counts)
    return [0.0, *(part / total for part in accumulate(counts[:-1]))]


def _ways(m: int, n: int) -> list[int]:
    """In how many ways U is 0, 1, ... m n: the coefficients of the Gaussian binomial (Mann and Whitney 1947)."""
    counts = [1] + m * n * [0]
    for i in range(1, m + 1):
        for u in range(m * n, n + i - 1, -1):
            counts[u] -= counts[u - n - i]
        for u in range(i, m * n + 1):
            counts[u] += counts[u - i]
    return counts
