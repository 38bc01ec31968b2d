"""The figures of a report on pores; each takes numbers and gives HTML."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import stats

from asem_core.reporting import BLUE, GREY, ORANGE, new_figure, picture

Double = npt.NDArray[np.float64]

BIN_NM = 6.0
"""Of the histogram (method 8.1)."""
_ALIGNED_NM = (-60.0, 40.0)


def most_abundant(diameters_nm: Double) -> float:
    """Middle of the fullest bin; of several the first.

    Examples
    --------
    >>> most_abundant(np.array([61.0, 92.0, 94.0, 95.0]))
    93.0
    """
    counts, edges = _bins(diameters_nm)
    return float(edges[np.argmax(counts)] + BIN_NM / 2)


def _bins(diameters_nm: Double) -> tuple[npt.NDArray[np.intp], Double]:
    first, last = np.floor(diameters_nm.min() / BIN_NM), np.floor(diameters_nm.max() / BIN_NM)
    edges = BIN_NM * np.arange(first, last + 2)
    return np.histogram(diameters_nm, edges)[0], edges


def histogram(diameters_nm: Double, *, median_nm: float, null_sd_nm: float | None) -> str:
    """Diameters in bins of 6 nm; with ``null_sd_nm`` also what one size would look like, at the median and at the most
    abundant diameter."""
    figure, (axes,) = new_figure()
    counts, edges = _bins(diameters_nm)
    axes.bar(edges[:-1], counts, BIN_NM, align="edge", color=BLUE, edgecolor="white", linewidth=0.8)
    if null_sd_nm is not None:
        at = np.linspace(edges[0] - 3 * BIN_NM, edges[-1] + 3 * BIN_NM, 400)
        places = ((median_nm, "-", "median"), (most_abundant(diameters_nm), ":", "most abundant"))
        for middle, style, name in places:
            expected = len(diameters_nm) * BIN_NM * stats.norm(middle, null_sd_nm).pdf(at)
            axes.plot(at, expected, style, color=ORANGE, label=f"one size, {name}: {middle:.0f} ± {null_sd_nm:.0f} nm")
        axes.legend(frameon=False, fontsize=8, loc="upper left")
        axes.set_ylim(top=1.3 * axes.get_ylim()[1])
    axes.set_xlabel("diameter (nm)")
    axes.set_ylabel("pores")
    return picture(figure, f"Histogram of the diameters of {len(diameters_nm)} pores")


def cumulative(diameters_nm: Double, *, median_nm: float, null_sd_nm: float) -> str:
    """The share of pores up to each diameter, and the same for one size; their largest distance is Kolmogorov and
    Smirnov's D."""
    figure, (axes,) = new_figure()
    axes.ecdf(diameters_nm, color=BLUE, label="measured")
    at = np.linspace(*axes.get_xlim(), 400)
    axes.plot(at, stats.norm(median_nm, null_sd_nm).cdf(at), color=ORANGE, label="one size, at the median")
    axes.legend(frameon=False, fontsize=8, loc="upper left")
    axes.set_xlabel("diameter (nm)")
    axes.set_ylabel("share of pores")
    return picture(figure, "Cumulative distribution of the diameters, and that of a population of one size")


def aligned(grey: Double, radius_nm: Double, diameters_nm: Double) -> tuple[Double, Double]:
    """Profiles against the distance from each pore's membrane, which lies at half its diameter.

    Parameters
    ----------
    grey
        ``(pore, radius)``; NaN: unknown.

    Returns
    -------
    ndarray, ndarray
        Distances ``(n,)`` in nm, outwards, and grey ``(pore, n)``; NaN: unknown.
    """
    across = np.arange(_ALIGNED_NM[0], _ALIGNED_NM[1] + 1)
    rows = [
        np.interp(across + width / 2, radius_nm, row, left=np.nan, right=np.nan)
        for row, width in zip(grey, diameters_nm, strict=True)
    ]
    return across, np.array(rows)


def profile(grey: Double, x_nm: Double, label: str) -> str:
    """Mean of profiles ``(pore, x)``, NaN: unknown, and their 10-90 % range, where half of the pores have one."""
    figure, (axes,) = new_figure()
    known = np.isfinite(grey).sum(axis=0) >= max(1, len(grey) / 2)
    low, high = np.nanquantile(grey[:, known], (0.1, 0.9), axis=0)
    axes.fill_between(x_nm[known], low, high, color=BLUE, alpha=0.2, linewidth=0, label="10-90 % of pores")
    axes.plot(x_nm[known], np.nanmean(grey[:, known], axis=0), color=BLUE, label="mean of pores")
    if x_nm[0] < 0:
        axes.axvline(0, color=GREY, linewidth=0.8, linestyle="--", label="membrane")
    axes.legend(frameon=False, fontsize=8)
    axes.set_xlabel(label)
    axes.set_ylabel("grey")
    return picture(figure, f"Mean grey of {len(grey)} pores against {label}")


def scatter(diameters_nm: Double, x: Double, label: str, *, good: npt.NDArray[np.bool_]) -> str:
    """Diameters against ``x``, coloured by quality."""
    from matplotlib.ticker import MaxNLocator

    figure, (axes,) = new_figure()
    for chosen, colour, name in ((good, BLUE, "good"), (~good, ORANGE, "fair")):
        axes.scatter(x[chosen], diameters_nm[chosen], s=14, color=colour, alpha=0.7, linewidth=0, label=name)
    axes.legend(frameon=False, fontsize=8)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel(label)
    axes.set_ylabel("diameter (nm)")
    return picture(figure, f"Diameters of {len(diameters_nm)} pores against {label}")
