"""The figures of a report on pores; each takes numbers and gives HTML."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import stats

from asem_core.report.figures import BLUE, GREY, ORANGE, new_figure, picture

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


def profiles(grey: Double, radius_nm: Double, diameters_nm: Double) -> str:
    """Mean grey around the pores' centres against radius, and against the distance from each pore's membrane.

    Parameters
    ----------
    grey
        ``(pore, radius)``; NaN: unknown.
    """
    figure, (left, right) = new_figure(2, width_in=9.8)
    across = np.arange(_ALIGNED_NM[0], _ALIGNED_NM[1] + 1)
    aligned = np.array(
        [np.interp(across + width / 2, radius_nm, row, left=np.nan, right=np.nan)
         for row, width in zip(grey, diameters_nm, strict=True)]
    )  # fmt: skip
    for axes, x, rows in ((left, radius_nm, grey), (right, across, aligned)):
        known = np.isfinite(rows).sum(axis=0) >= max(1, len(rows) / 2)
        low, high = np.nanquantile(rows[:, known], (0.1, 0.9), axis=0)
        axes.fill_between(x[known], low, high, color=BLUE, alpha=0.2, linewidth=0, label="10-90 % of pores")
        axes.plot(x[known], np.nanmean(rows[:, known], axis=0), color=BLUE, label="mean of pores")
    left.set_xlabel("radius (nm)")
    left.set_ylabel("grey")
    left.legend(frameon=False, fontsize=8)
    right.axvline(0, color=GREY, linewidth=0.8, linestyle="--")
    right.set_xlabel("from the membrane, outwards (nm)")
    return picture(figure, "Mean grey against radius, and aligned on the membrane")


def lines_and_spread(
    diameters_nm: Double, *, lines: npt.NDArray[np.int64], sd_nm: Double, good: npt.NDArray[np.bool_]
) -> str:
    """Diameter against the number of lines, and against the spread over the lines."""
    from matplotlib.ticker import MaxNLocator

    figure, (left, right) = new_figure(2, width_in=9.8)
    for chosen, colour, name in ((good, BLUE, "good"), (~good, ORANGE, "fair")):
        for axes, x in ((left, lines), (right, sd_nm)):
            axes.scatter(x[chosen], diameters_nm[chosen], s=14, color=colour, alpha=0.7, linewidth=0, label=name)
    left.set_xlabel("lines from membrane to membrane")
    left.xaxis.set_major_locator(MaxNLocator(integer=True))
    left.set_ylabel("diameter (nm)")
    right.set_xlabel("standard deviation over the lines (nm)")
    right.legend(frameon=False, fontsize=8, title="quality", title_fontsize=8)
    return picture(figure, "Diameter against number of lines and against their standard deviation")
