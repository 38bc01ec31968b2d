"""The figures of a report on pits; each takes numbers and gives HTML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from asem_analysis_pits.classes import CAVEOLA, EARLY, LATE, PIT, SECRETORY, VESICLE
from asem_core.reporting import BLUE, GREY, ORANGE, new_figure, picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Double = npt.NDArray[np.float64]
Groups = Mapping[str, Double]
"""Values (NaN: not measured) of the objects of each class or stage."""

COLOURS = {PIT: BLUE, CAVEOLA: ORANGE, VESICLE: "#2f8f5b", SECRETORY: "#8e5ea2", EARLY: "#56b4e9", LATE: BLUE}
FEWEST = 3
"""Fewer values are drawn as points, without a violin."""
BIN_NM = 10.0
_SCATTER = 0.16
_MOST_POINTS = 400
"""Of a violin; more are not drawn one by one."""


def violins(groups: Groups, *, label: str, marks: Mapping[str, float] | None = None) -> str:
    """A violin per group with its quartiles, and a point per object.

    Parameters
    ----------
    label
        Of the axis.
    marks
        By group: a value of the literature, drawn as a dashed line.
    """
    figure, (axes,) = new_figure()
    for place, (name, values) in enumerate(groups.items()):
        draw_violin(axes, place, values[np.isfinite(values)], COLOURS[name])
        if marks and name in marks:
            axes.hlines(marks[name], place - 0.4, place + 0.4, color=GREY, linestyle="--", linewidth=1)
    axes.set_xticks(
        range(len(groups)), [f"{name}\nn = {np.isfinite(values).sum():,}" for name, values in groups.items()]
    )
    axes.set_xlim(-0.6, len(groups) - 0.4)
    axes.set_ylabel(label)
    axes.margins(y=0.1)
    return picture(figure, f"Violins of {label}")


def draw_violin(axes: Axes, place: int, values: Double, colour: str) -> None:
    """A violin at ``place`` with quartiles, median and points; of fewer than `FEWEST` values the points alone."""
    if len(values) >= FEWEST and np.ptp(values) > 0:
        bodies: Any = axes.violinplot([values], [place], widths=0.8, showextrema=False)["bodies"]
        bodies[0].set(facecolor=colour, alpha=0.3, linewidth=0)
        low, median, high = np.percentile(values, (25, 50, 75))
        axes.vlines(place, low, high, color=colour, linewidth=4)
        axes.plot(place, median, "o", color="white", markeredgecolor=colour, markersize=6, zorder=3)
    if len(values) <= _MOST_POINTS:
        aside = place + np.random.default_rng(0).uniform(-_SCATTER, _SCATTER, len(values))
        axes.scatter(aside, values, s=10, color=colour, alpha=0.7, linewidth=0)


def height_against_neck(
    neck_nm: Double, height_nm: Double, *, groups: npt.NDArray[np.str_], open_neck_nm: float
) -> str:
    """A point per pit in the colour of its group, early or late; a dashed line parts the stages."""
    figure, (axes,) = new_figure()
    for name in (EARLY, LATE):
        those = groups == name
        if those.any():
            axes.scatter(
                neck_nm[those], height_nm[those], s=22, color=COLOURS[name], alpha=0.8, linewidth=0, label=name
            )
    axes.axvline(open_neck_nm, color=GREY, linewidth=1, linestyle="--")
    axes.set_xlim(0, 1.05 * max(float(neck_nm.max()), 1.5 * open_neck_nm))
    axes.set_ylim(0, 1.1 * float(height_nm.max()))
    axes.set_xlabel("neck (nm)")
    axes.set_ylabel("height (nm)")
    axes.legend(frameon=False, fontsize=8)
    return picture(figure, f"Height against neck of {len(neck_nm)} pits")


def coat(enhancement: Groups, *, threshold: float) -> str:
    """Enhancement of the objects at the membrane, and the threshold that parts caveolae from coated pits."""
    from matplotlib.ticker import MaxNLocator

    figure, (axes,) = new_figure()
    known = {name: values[np.isfinite(values)] for name, values in enhancement.items()}
    every = np.concatenate([*known.values(), [threshold]])
    edges = np.linspace(np.floor(5 * every.min()) / 5, np.ceil(5 * every.max() + 0.1) / 5, 25).tolist()
    axes.hist(list(known.values()), edges, stacked=True, color=[COLOURS[name] for name in known], label=list(known))
    axes.axvline(threshold, color=GREY, linewidth=1, linestyle="--", label=f"threshold {threshold:.2f}")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("enhancement of the wall over the plain membrane")
    axes.set_ylabel("objects")
    axes.legend(frameon=False, fontsize=8)
    return picture(figure, "Histogram of the enhancement of the wall, with the threshold")


def histogram(groups: Groups, *, label: str) -> str:
    """A quantity in nm in bins of 10 nm, the groups on top of each other; at least one value is known."""
    from matplotlib.ticker import MaxNLocator

    figure, (axes,) = new_figure()
    known = {name: values[np.isfinite(values)] for name, values in groups.items() if np.isfinite(values).any()}
    together = np.concatenate(list(known.values())) / BIN_NM
    edges = (BIN_NM * np.arange(np.floor(together.min()), np.floor(together.max()) + 2)).tolist()
    axes.hist(
        list(known.values()),
        edges,
        stacked=True,
        color=[COLOURS[name] for name in known],
        edgecolor="white",
        linewidth=0.8,
        label=list(known),
    )
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylim(top=1.25 * axes.get_ylim()[1])
    axes.legend(frameon=False, fontsize=8, loc="upper left", ncols=3)
    axes.set_xlabel(label)
    axes.set_ylabel("objects")
    return picture(figure, f"Histogram of {label}")


def lumens(widths: Groups, depth_nm: Double) -> str:
    """The mean lumen of each group in profile: the mean width at each depth, about the axis.

    Parameters
    ----------
    widths
        ``(object, depth)``: 0 or NaN below the lumen.
    """
    figure, every = new_figure(len(widths))
    for axes, (name, rows) in zip(every, widths.items(), strict=True):
        half = np.nan_to_num(rows) / 2
        low, high = np.percentile(half, (10, 90), axis=0)
        open_ = half.mean(axis=0) > 0
        for side in (-1, 1):
            axes.fill_betweenx(depth_nm, side * low, side * high, color=COLOURS[name], alpha=0.25, linewidth=0)
            axes.plot(side * half.mean(axis=0)[open_], depth_nm[open_], color=COLOURS[name])
        axes.axhline(0, color=GREY, linewidth=0.8, linestyle="--")
        axes.set_title(f"{name}\nn = {len(rows):,}", fontsize=9)
        axes.tick_params(labelsize=8)
    deepest = max(float(depth_nm[(np.nan_to_num(rows) > 0).any(axis=0)].max()) for rows in widths.values())
    widest = max(float(np.nanmax(rows)) for rows in widths.values()) / 2
    for axes in every:
        axes.set(xlim=(-1.1 * widest, 1.1 * widest), ylim=(deepest + 10, -10), aspect="equal")
    every[0].set_ylabel("below the membrane (nm)")
    every[len(every) // 2].set_xlabel("from the axis (nm)")
    for axes in every[1:]:
        axes.tick_params(labelleft=False)
    return picture(figure, "Mean width of the lumen against depth")
