"""What a paper says of a comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from asem_core.reporting.comparison.effects import LEAST_CELLS
from asem_core.reporting.comparison.results import Cells, Quantity
from asem_core.reporting.methods import METHOD
from asem_core.specs import AnalysisSpec

if TYPE_CHECKING:
    import pandas as pd

METHODS = Path(__file__).with_name("methods.md").read_text(encoding="utf-8")
"""Markdown, for the page."""


def paragraph(spec: AnalysisSpec, cells: Cells, quantities: Sequence[Quantity]) -> str:
    """How ``cells`` were compared in ``quantities`` that ``spec`` measured, for the methods of a paper."""
    counts = "; ".join(f"{name}: {', '.join(counts_of(some, spec))}" for name, some in cells.items())
    sentences = [
        f"Conditions ({counts}) were compared with cells as units, by the median over the objects of each cell or, of "
        "what is true or false, by the share of its objects."
    ]
    if few := few_cells(cells):
        sentences.append(f"As there are fewer than {LEAST_CELLS} cells of {' and '.join(few)}, no inference was made.")
    if len(cells) - len(few) > 1:
        sentences.append(
            "Effects are Hodges-Lehmann shifts with exact confidence intervals (Hodges and Lehmann 1963; Bauer 1972) "
            f"and Cliff's delta (Cliff 1993), not corrected for the number of quantities ({len(quantities)})."
        )
    return " ".join([*sentences, f"This was computed by ASEM (asem-core {version('asem-core')}; {METHOD})."])


def few_cells(cells: Mapping[str, Mapping[str, object]]) -> list[str]:
    """Conditions with too few cells for an inference."""
    return [name for name, some in cells.items() if len(some) < LEAST_CELLS]


def counts_of(some: Mapping[str, pd.DataFrame], spec: AnalysisSpec) -> tuple[str, str]:
    """How many cells and how many of their objects, in words.

    >>> import pandas as pd
    >>> from asem_core.builtin import asem_register_analyses
    >>> counts_of({"a": pd.DataFrame({"voxels": [3, 4]})}, asem_register_analyses()[0])
    ('1 cell', '2 objects')
    """
    return _counted(len(some), "cell"), _counted(sum(map(len, some.values())), spec.row)


def _counted(number: int, word: str) -> str:
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"
