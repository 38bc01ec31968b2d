"""``curves.png`` of a run: its losses and F1, with the fit regime and the chosen iteration."""

from __future__ import annotations

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from asem_core.reporting.figures import BLUE, GREY, ORANGE
from asem_core.training.curves import Curves
from asem_core.training.selection import FitRegime, smoothed

_SHADE = "#e8edf2"
_INK = "#202024"
_SMOOTH_OVER = 50
"""The training loss is smoothed over this part of the run."""


def draw_curves(curves: Curves, picture: Path, *, regime: FitRegime | None) -> None:
    """Draw ``curves`` as a PNG: above the losses; below, where there are validations, F1 with zone of every volume."""
    figure = Figure(figsize=(8, 6.4 if curves.validated else 3.6), layout="constrained")
    above, *below = figure.subplots(2 if curves.validated else 1, 1, sharex=True, squeeze=False)[:, 0]
    for axes in (above, *below):
        axes.spines[["top", "right"]].set_visible(False)
        axes.margins(x=0.01)
        if regime is not None:
            shade = axes.axvspan(regime.first, regime.last, color=_SHADE, linewidth=0)
            line = axes.axvline(regime.chosen, color=_INK, linewidth=1, linestyle=(0, (4, 3)))
            if axes is above:
                shade.set_label("fit regime")
                line.set_label(f"chosen: iteration {regime.chosen}")
    _draw_losses(above, curves)
    for axes in below:
        _draw_f1(axes, curves, regime)
    (below or [above])[-1].set_xlabel("iteration")
    partial = picture.with_name(f"{picture.name}.partial")
    figure.savefig(partial, format="png", dpi=150, facecolor="white")
    partial.replace(picture)


def _draw_losses(axes: Axes, curves: Curves) -> None:
    iterations, losses = [at for at, _ in curves.training], [loss for _, loss in curves.training]
    smooth = smoothed(losses, over=max(1, len(losses) // _SMOOTH_OVER))
    axes.plot(iterations, losses, ".", color=GREY, alpha=0.25, markersize=2, markeredgewidth=0, rasterized=True)
    axes.plot(iterations, smooth, color=ORANGE, linewidth=1.5, label="training, smoothed")
    if curves.validated:
        at, found = [point.iteration for point in curves.validated], [point.loss for point in curves.validated]
        axes.plot(at, found, "o-", color=BLUE, linewidth=1.8, markersize=4, label="validation")
    axes.set_ylim(0, None)
    axes.set_ylabel("loss")
    axes.legend(frameon=False, loc="upper right")


def _draw_f1(axes: Axes, curves: Curves, regime: FitRegime | None) -> None:
    points = curves.validated
    at = [point.iteration for point in points]
    names = list(points[0].volumes)
    for name in names if len(names) > 1 else []:
        each = [point.volumes[name].f1_with_zone for point in points]
        axes.plot(at, each, color=GREY, linewidth=1, label="each volume" if name == names[0] else None)
    label = "mean of the volumes" if len(names) > 1 else "validation"
    axes.plot(at, [point.f1 for point in points], "o-", color=BLUE, linewidth=1.8, markersize=4, label=label)
    for point in points:
        if regime is not None and point.iteration == regime.chosen:
            (ring,) = axes.plot(point.iteration, point.f1, "o", color="white", markersize=10, zorder=1.9)
            ring.set(markeredgecolor=_INK, label=f"chosen: {point.f1:.3f}")
    axes.set_ylim(0, 1.05)
    axes.set_ylabel("F1 with exclusion zone")
    axes.legend(frameon=False, loc="lower right")
