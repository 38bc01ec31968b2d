"""One quantity of all cells: a dot for each cell, over the values of its objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from asem_core.draw.colours import BLUE, GREEN, ORANGE, PURPLE, RED, SKY, hex_colour
from asem_core.reporting.comparison.results import Quantity
from asem_core.reporting.figures import new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Double = npt.NDArray[np.float64]

COLOURS = tuple(hex_colour(colour) for colour in (BLUE, RED, GREEN, PURPLE, ORANGE, SKY))
"""Of conditions, in their order; from the first again where there are more."""
MOST_POINTS = 300
"""Objects of a cell that are drawn; of more, so many at random."""
MANY_CELLS = 8
"""More take the width of the page."""
_LONGEST_NAME = 14
_SPREAD = 0.3
_GAP = 0.7
"""Between conditions, in cells."""
_DECADES = 100.0
"""Ratio of the values from which on an axis is logarithmic."""


def is_wide(quantity: Quantity) -> bool:
    """Whether its figure takes the width of the page."""
    return sum(len(some) for some in quantity.cells.values()) > MANY_CELLS


def draw(quantity: Quantity) -> Figure:
    """Cells side by side, by condition: objects as small points, the cell's number as a dot, the median of a
    condition's cells as a line."""
    figure, (axes,) = new_figure(width_in=9.8 if is_wide(quantity) else 4.8)
    places: list[float] = []
    names: list[str] = []
    at = 0.0
    for number, (condition, cells) in enumerate(quantity.cells.items()):
        first, colour = at, COLOURS[number % len(COLOURS)]
        for name, values in cells.items():
            _draw_cell(axes, at, values, quantity, colour)
            places.append(at)
            names.append(name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…")
            at += 1
        at = max(at, first + 1)  # a condition of which all cells were left out
        _draw_condition(axes, (first, at - 1), condition, quantity, colour)
        at += _GAP
    slanted = len(names) > 4 or max(map(len, names)) > 7
    axes.set_xticks(places, names, rotation=35 if slanted else 0, ha="right" if slanted else "center", fontsize=8)
    axes.set_xlim(-0.7, at - _GAP - 0.3)
    axes.set_ylabel(quantity.axis)
    _scale(axes, quantity)
    return figure


def _draw_cell(axes: Axes, at: float, values: Double, quantity: Quantity, colour: str) -> None:
    if not len(values):
        return
    _, factor = quantity.unit
    if not quantity.column.is_share:
        generator = np.random.default_rng(0)
        shown = values if len(values) <= MOST_POINTS else generator.choice(values, MOST_POINTS, replace=False)
        aside = at + generator.uniform(-_SPREAD, _SPREAD, len(shown))
        axes.scatter(aside, shown / factor, s=8, color=colour, alpha=0.28, linewidth=0)
    axes.plot(at, quantity.column.number(values) / factor, "o", color=colour, markeredgecolor="white", markersize=9,
              zorder=3)  # fmt: skip


def _draw_condition(axes: Axes, span: tuple[float, float], condition: str, quantity: Quantity, colour: str) -> None:
    numbers, (_, factor) = quantity.numbers[condition], quantity.unit
    if len(numbers):
        axes.hlines(np.median(numbers) / factor, span[0] - 0.4, span[1] + 0.4, color=colour, linewidth=1.5, zorder=2)
    axes.text((span[0] + span[1]) / 2, 1.02, f"{condition} (n = {len(numbers)})", color=colour, ha="center",
              transform=axes.get_xaxis_transform(), fontsize=9)  # fmt: skip


def _scale(axes: Axes, quantity: Quantity) -> None:
    if quantity.column.is_share:
        axes.set_ylim(-0.03, 1.03)
        return
    values = np.concatenate([values for cells in quantity.cells.values() for values in cells.values()])
    if values.min() > 0 and values.max() > _DECADES * values.min():
        axes.set_yscale("log")
