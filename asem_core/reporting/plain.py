"""The report of an analysis that has none of its own: the distribution of every column."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from asem_core.analysis.tables import to_rows
from asem_core.reporting.figures import table
from asem_core.reporting.parts import Figure, Number, Report
from asem_core.specs import AnalysisSpec

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

_MOST_WORDS = 12
"""A column of words with more different ones is not counted."""


def report_plainly(dataset: xr.Dataset, *, spec: AnalysisSpec) -> Report:
    """How many rows, the statistics, and of every column its median and its 10-90 % range."""
    rows = to_rows(dataset)
    figures = [_numbers(rows), _words(rows), _statistics(dataset.attrs.get("statistics", {}))]
    return Report(
        title=f"{spec.summary[:1].upper()}{spec.summary[1:]}",
        summary=(Number(label=f"rows, one per {rows.index.name}", text=f"{len(rows):,}"),),
        figures=tuple(figure for figure in figures if figure is not None),
    )


def number_text(value: float) -> str:
    """A number with four digits that count.

    Examples
    --------
    >>> number_text(92.4312), number_text(1234567.0), number_text(0.000012), number_text(float("nan"))
    ('92.43', '1,235,000', '1.2e-05', '')
    """
    if not np.isfinite(value):
        return ""
    rounded = float(f"{value:.4g}")
    return f"{rounded:,.0f}" if abs(rounded) >= 1000 else f"{rounded:g}"


def _numbers(rows: pd.DataFrame) -> Figure | None:
    lines = []
    for name in rows.columns:
        if rows[name].dtype.kind not in "iuf":
            continue
        known = rows[name].to_numpy(np.float64)
        known = known[np.isfinite(known)]
        spread = np.percentile(known, (0, 10, 50, 90, 100)) if len(known) else np.full(5, np.nan)
        lines.append([str(name), f"{len(known):,}", *(number_text(value) for value in spread)])
    if not lines:
        return None
    return Figure(
        title="Numbers",
        caption="Of every column: how many rows have it, and its distribution.",
        html=table(["column", "n", "least", "10 %", "median", "90 %", "most"], lines),
        wide=True,
    )


def _words(rows: pd.DataFrame) -> Figure | None:
    lines = []
    for name in rows.columns:
        if rows[name].dtype.kind in "iuf" or rows[name].nunique() > _MOST_WORDS:
            continue
        counts = rows[name].value_counts()
        lines.append([str(name), ", ".join(f"{word}: {n:,}" for word, n in counts.items() if word != "")])
    return Figure(title="Words", caption="", html=table(["column", "how often"], lines), wide=True) if lines else None


def _statistics(found: Mapping[str, Any]) -> Figure | None:
    lines = [[str(name), number_text(value) if isinstance(value, float) else str(value)]
             for name, value in found.items() if value is not None]  # fmt: skip
    if not lines:
        return None
    return Figure(title="Of all together", caption="", html=table(["", ""], lines), wide=True)
