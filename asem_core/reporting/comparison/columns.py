"""The quantities that cells are compared by: what an analysis states that it measures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.analysis.outputs import stated
from asem_core.specs import AnalysisSpec

if TYPE_CHECKING:
    import pandas as pd

Double = npt.NDArray[np.float64]

_UNITS = {"nm3": ("nm³", "µm³", 1e9), "nm2": ("nm²", "µm²", 1e6), "nm": ("nm", "µm", 1e3)}
"""How a name ends; its unit, and the larger one with how many of the unit that is."""
_LARGE_UM = 0.1
"""Edge, in µm, of the least that is told in µm, µm² or µm³; lengths in nm are told in nm up to 10 µm."""
_LONG_NM = 1e4


@attrs.frozen(kw_only=True)
class Column:
    """A column of the table of an analysis, of the rows of one kind."""

    name: str
    kind: str = ""
    """Of rows; nothing where the analysis tells no kinds apart."""
    sorted_by: str = ""
    """The column that says of which kind a row is."""
    is_share: bool = False
    """Whether it is true or false: then a cell has a share, not a median."""
    text: str = ""
    """What it is, as the analysis states it."""

    @property
    def label(self) -> str:
        """In words, without its unit."""
        words = " ".join(word for word in self.name.split("_") if word not in _UNITS)
        return f"{words}, {self.kind}" if self.kind else words

    @property
    def what(self) -> str:
        """What a cell's number is of its objects."""
        return "share" if self.is_share else "median"

    def unit(self, typical: float) -> tuple[str, float]:
        """The unit in which numbers as large as ``typical`` are told, and how many of the column's own that is."""
        small, large, factor = _UNITS.get(self.name.rpartition("_")[2], ("", "", 1.0))
        bound = _LONG_NM if small == "nm" else factor * _LARGE_UM ** (2 if small == "nm²" else 3)
        return (large, factor) if small and abs(typical) >= bound else (small, 1.0)

    def values(self, rows: pd.DataFrame) -> Double:
        """Of the objects ``rows``: those that have it; true is 1."""
        if self.name not in rows or not len(rows):
            return np.zeros(0)
        own = rows[rows[self.sorted_by] == self.kind] if self.sorted_by else rows
        found = own[self.name].to_numpy(np.float64)
        return np.asarray(found[np.isfinite(found)])

    def number(self, values: Double) -> float:
        """The number of a cell whose objects have ``values``; NaN where there are none."""
        if not len(values):
            return float("nan")
        return float(values.mean() if self.is_share else np.median(values))


def columns_of(spec: AnalysisSpec, tables: Sequence[pd.DataFrame], *, others: Sequence[str]) -> list[Column]:
    """What cells with ``tables`` are compared by: `Output.measures`, rows of different `AnalysisSpec.kinds` apart.

    Parameters
    ----------
    others
        Names of other organelles that the analysis was given.
    """
    return [column for column in _candidates(spec, tables, others) if any(len(column.values(t)) for t in tables)]


def _candidates(spec: AnalysisSpec, tables: Sequence[pd.DataFrame], others: Sequence[str]) -> Iterator[Column]:
    column = spec.kinds or ""
    kinds = sorted({str(kind) for table in tables for kind in table[column] if kind}) if column else [""]
    for name, output in stated(spec, others).items():
        if output.measures and output.dims is None and output.dtype != "str":
            for kind in kinds:
                yield Column(name=name, kind=kind, sorted_by=column, is_share=output.dtype == "bool", text=output.text)
