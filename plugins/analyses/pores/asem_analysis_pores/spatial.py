"""Do neighbouring pores have similar diameters?"""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree
from scipy.stats import false_discovery_control

Double = npt.NDArray[np.float64]
Int = npt.NDArray[np.intp]

CLUSTERED = 0.05
"""False discovery rate of pores that are called clustered."""


@attrs.frozen(kw_only=True, eq=False)
class Correlation:
    """Spatial correlation of values."""

    moran_i: float
    """Moran's I: 1 / (1 - n) expected by chance, above it neighbours are alike."""
    p: float
    """Two-sided, from permutations."""
    cluster: npt.NDArray[np.str_]
    """``(n,)`` ``wide`` or ``narrow`` where a pore is more like its neighbours than by chance, or ``""``."""


def spatial_correlation(
    points_nm: Double, values: Double, *, neighbours: int, permutations: int, rng: np.random.Generator
) -> Correlation | None:
    """Moran's I over the graph of nearest neighbours, and its local parts.

    Parameters
    ----------
    points_nm, values
        ``(n, 3)`` and ``(n,)``, no NaN.
    neighbours
        How many nearest neighbours count, all with the same weight.
    permutations
        Of the values over the points.

    Returns
    -------
    Correlation or None
        None where there are fewer than ``neighbours + 2`` points, or all values are equal.

    Notes
    -----
    Moran 1950; local parts: Anselin 1995, called clustered at a false discovery rate of 5 % (Benjamini and Hochberg
    1995) over all points.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> points = rng.uniform(0, 1000, (80, 3))
    >>> found = spatial_correlation(points, points[:, 0], neighbours=8, permutations=99, rng=rng)
    >>> found.moran_i > 0.5, found.p
    (True, 0.02)
    """
    n = len(values)
    if n < neighbours + 2 or np.ptp(values) == 0:
        return None
    near = cKDTree(points_nm).query(points_nm, k=neighbours + 1)[1]
    near = _without_itself(near)
    z = (values - values.mean()) / values.std()
    local = z * z[near].mean(axis=1)
    moran = float(local.mean())
    above, below, local_above = 1, 1, np.ones(n)
    for _ in range(permutations):
        shuffled = rng.permutation(z)
        around = shuffled[near].mean(axis=1)
        other = float((shuffled * around).mean())
        above, below = above + (other >= moran), below + (other <= moran)
        local_above += z * around >= local
    p_local = local_above / (permutations + 1)
    alike = (false_discovery_control(p_local) <= CLUSTERED) & (local > 0)
    return Correlation(
        moran_i=moran,
        p=min(1.0, 2 * min(above, below) / (permutations + 1)),
        cluster=np.where(alike, np.where(z > 0, "wide", "narrow"), ""),
    )


def nearest_distance(points_nm: Double) -> Double:
    """``(n,)`` from each point to the nearest other one; NaN for a single point."""
    if len(points_nm) < 2:
        return np.full(len(points_nm), np.nan)
    distance: Double = cKDTree(points_nm).query(points_nm, k=2)[0][:, 1]
    return distance


def _without_itself(near: Int) -> Int:
    """The last of ``k + 1`` nearest left out where a point is not among its own nearest (points at one place)."""
    itself = near == np.arange(len(near))[:, None]
    itself[~itself.any(axis=1), -1] = True
    others: Int = near[~itself].reshape(len(near), -1)
    return others
