"""Numbers of cells, and how far conditions lie apart, as tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.reporting.comparison.columns import Column
from asem_core.reporting.comparison.effects import LEAST_CELLS, Shift, cliffs_delta, hodges_lehmann

if TYPE_CHECKING:
    import pandas as pd

Double = npt.NDArray[np.float64]
Cells = Mapping[str, Mapping[str, "pd.DataFrame"]]
"""Per condition its cells by name, and of each a row per object."""


@attrs.frozen(kw_only=True)
class Effect:
    """What parts two conditions in one quantity, a number for each cell."""

    condition: str
    against: str
    cells: int
    """Of ``condition``, that have the quantity."""
    cells_against: int
    shift: Shift | None
    """Of ``condition`` from ``against``; None: a condition has too few cells for an inference."""
    cliffs_delta: float | None
    difference: float
    """Of the medians of their cells; NaN where a condition has none."""


@attrs.frozen(kw_only=True, eq=False)
class Quantity:
    """One column, compared."""

    column: Column
    cells: Mapping[str, Mapping[str, Double]]
    """Per condition and cell the values of its objects."""
    numbers: Mapping[str, Double]
    """Per condition a number for each cell that has one."""
    effects: tuple[Effect, ...]
    """Of every two conditions: the later one against the earlier."""

    @property
    def typical(self) -> float:
        """A value as large as those of the cells are."""
        return float(np.median(np.abs(np.concatenate(list(self.numbers.values())))))

    @property
    def unit(self) -> tuple[str, float]:
        """In which it is told, and how many of the column's own that is."""
        return self.column.unit(self.typical)

    @property
    def axis(self) -> str:
        """Its label with the unit."""
        unit = "share" if self.column.is_share else self.unit[0]
        return f"{self.column.label} ({unit})" if unit else self.column.label


def compare(column: Column, cells: Cells) -> Quantity:
    """The numbers of all ``cells`` in ``column``, and the effects between conditions.

    A cell's number is the median of its objects, or the share where they are true or false: cells are compared, never
    their objects, which are not independent of each other.
    """
    values = {
        condition: {name: column.values(rows) for name, rows in some.items()} for condition, some in cells.items()
    }
    numbers = {
        condition: np.array([column.number(own) for own in some.values() if len(own)])
        for condition, some in values.items()
    }
    effects = tuple(_effect(numbers, condition, against) for against, condition in combinations(numbers, 2))
    return Quantity(column=column, cells=values, numbers=numbers, effects=effects)


def _effect(numbers: Mapping[str, Double], condition: str, against: str) -> Effect:
    mine, theirs = numbers[condition], numbers[against]
    enough = min(len(mine), len(theirs)) >= LEAST_CELLS
    return Effect(
        condition=condition,
        against=against,
        cells=len(mine),
        cells_against=len(theirs),
        shift=hodges_lehmann(mine, theirs) if enough else None,
        cliffs_delta=cliffs_delta(mine, theirs) if enough else None,
        difference=float(np.median(mine) - np.median(theirs)) if len(mine) and len(theirs) else float("nan"),
    )


def effects_table(quantities: Sequence[Quantity]) -> pd.DataFrame:
    """A row for every quantity and two conditions, in the units of the columns."""
    import pandas as pd

    return pd.DataFrame(_effect_rows(quantities))


def _effect_rows(quantities: Sequence[Quantity]) -> Iterator[dict[str, Any]]:
    for quantity in quantities:
        for effect in quantity.effects:
            shift = effect.shift
            yield {
                "column": quantity.column.name, "kind": quantity.column.kind, "of_a_cell": quantity.column.what,
                "condition": effect.condition, "against": effect.against,
                "cells": effect.cells, "cells_against": effect.cells_against,
                "difference_of_medians": effect.difference,
                "shift": shift and shift.size, "shift_low": shift and shift.low, "shift_high": shift and shift.high,
                "confidence": shift and shift.confidence, "cliffs_delta": effect.cliffs_delta,
            }  # fmt: skip


def cells_table(quantities: Sequence[Quantity]) -> pd.DataFrame:
    """A row for every quantity and cell: its number, and how many objects that is of."""
    import pandas as pd

    return pd.DataFrame(
        {
            "column": quantity.column.name, "kind": quantity.column.kind, "condition": condition, "cell": cell,
            "objects": len(values), "of_a_cell": quantity.column.what, "value": quantity.column.number(values),
        }
        for quantity in quantities for condition, some in quantity.cells.items() for cell, values in some.items()
    )  # fmt: skip


def objects_table(cells: Cells) -> pd.DataFrame:
    """All rows of all ``cells``, with their condition and cell."""
    import pandas as pd

    named = {(condition, cell): rows for condition, some in cells.items() for cell, rows in some.items() if len(rows)}
    return pd.concat(named, names=["condition", "cell"]) if named else pd.DataFrame()
