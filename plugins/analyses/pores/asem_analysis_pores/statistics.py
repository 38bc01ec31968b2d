"""Are the pores of one size? What the diameters of a population say."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

Double = npt.NDArray[np.float64]

SIGNIFICANT = 0.01
_TENTHS = 2.5631
"""The 10-90 % range of a normal distribution in standard deviations."""
_FEWEST = 8
_MOST_FOR_SHAPIRO = 5000


def describe(diameters_nm: Double, *, error_sd_nm: float, rng: np.random.Generator) -> dict[str, Any]:
    """Location, spread, shape, and tests of a population of diameters.

    Parameters
    ----------
    diameters_nm
        ``(n,)``, no NaN.
    error_sd_nm
        Error of one measurement: what a population of one size would spread.
    rng
        Draws the population of one size.

    Returns
    -------
    dict
        ``median_nm``, ``mean_nm``, ``sd_nm``, ``p10_nm``, ``p90_nm``, ``min_nm``, ``max_nm``, ``skew``; Shapiro-Wilk's
        ``shapiro_w`` and ``shapiro_p`` (normality); Kolmogorov-Smirnov's ``ks_d`` and ``ks_p`` against as many draws
        from N(median, ``null_sd_nm``), ``ks_one_sample_d`` and ``ks_one_sample_p`` against that distribution itself;
        ``one_size``: whether a population of one size explains the diameters. None where there are too few.

    Notes
    -----
    Kolmogorov and Smirnov's test also rejects what spreads *less* than the error. The population of one size therefore
    spreads by ``error_sd_nm``, or by what the 10-90 % range of the diameters says where that is less. ``one_size`` is
    False where the one-sample test gives p < 0.01.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> describe(rng.normal(92, 6, 200), error_sd_nm=6, rng=rng)["one_size"]
    True
    >>> describe(rng.normal(92, 14, 200), error_sd_nm=6, rng=rng)["one_size"]
    False
    """
    n = len(diameters_nm)
    names = ("median_nm", "mean_nm", "sd_nm", "p10_nm", "p90_nm", "min_nm", "max_nm", "skew", "null_sd_nm",
             "shapiro_w", "shapiro_p", "ks_d", "ks_p", "ks_one_sample_d", "ks_one_sample_p", "one_size")  # fmt: skip
    found: dict[str, Any] = {"pores": n, "error_sd_nm": error_sd_nm, **dict.fromkeys(names)}
    if not n:
        return found
    p10, median, p90 = (float(value) for value in np.percentile(diameters_nm, (10, 50, 90)))
    found |= {
        "median_nm": median, "mean_nm": float(diameters_nm.mean()), "p10_nm": p10, "p90_nm": p90,
        "min_nm": float(diameters_nm.min()), "max_nm": float(diameters_nm.max()),
    }  # fmt: skip
    if n < _FEWEST:
        return found
    spread = min(error_sd_nm, (p90 - p10) / _TENTHS) or error_sd_nm
    one = stats.norm(median, spread)
    drawn = stats.ks_2samp(diameters_nm, one.rvs(n, random_state=rng))
    exact = stats.kstest(diameters_nm, one.cdf)
    found |= {
        "sd_nm": float(diameters_nm.std(ddof=1)), "null_sd_nm": spread,
        "ks_d": float(drawn.statistic), "ks_p": float(drawn.pvalue),
        "ks_one_sample_d": float(exact.statistic), "ks_one_sample_p": float(exact.pvalue),
        "one_size": bool(exact.pvalue >= SIGNIFICANT),
    }  # fmt: skip
    if np.ptp(diameters_nm) > 1e-6:
        found["skew"] = float(stats.skew(diameters_nm))
        if n <= _MOST_FOR_SHAPIRO:
            shapiro = stats.shapiro(diameters_nm)
            found |= {"shapiro_w": float(shapiro.statistic), "shapiro_p": float(shapiro.pvalue)}
    return found
