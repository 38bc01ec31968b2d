"""The part of the page that compares cells."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import numpy as np

from asem_core.analysis.tables import to_rows
from asem_core.errors import AsemError
from asem_core.home import local_path
from asem_core.registry import Registry, resolve
from asem_core.reporting.comparison.alike import differences, facts_of
from asem_core.reporting.comparison.cells import Comparison
from asem_core.reporting.comparison.columns import columns_of
from asem_core.reporting.comparison.effects import LEAST_CELLS
from asem_core.reporting.comparison.figure import MOST_POINTS, draw, is_wide
from asem_core.reporting.comparison.results import (
    Cells,
    Effect,
    Quantity,
    cells_table,
    compare,
    effects_table,
    objects_table,
)
from asem_core.reporting.comparison.words import METHODS, counts_of, few_cells, paragraph
from asem_core.reporting.figures import picture, table
from asem_core.reporting.folder import Analysed
from asem_core.reporting.page import Section
from asem_core.reporting.parts import Figure, Number, Report
from asem_core.reporting.plain import number_text
from asem_core.specs import ANALYSIS_INPUTS, AnalysisSpec

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


@attrs.frozen(kw_only=True, eq=False)
class Compared:
    """A comparison, made."""

    title: str
    spec: AnalysisSpec
    cells: Cells
    quantities: tuple[Quantity, ...]
    differences: tuple[str, ...]
    """In what cells were not measured alike."""
    left_out: Mapping[str, Mapping[str, Sequence[str]]]
    """As in `Comparison`."""
    provenance: tuple[tuple[str, str], ...]


def compare_cells(wanted: Comparison, found: Mapping[Path, Analysed], *, registry: Registry) -> Compared:
    """Compare what ``wanted`` names.

    Parameters
    ----------
    found
        The analyses that it names, by their resolved folder.

    Raises
    ------
    AsemError
        They are of different analyses, or one volume was measured for two cells.
    """
    cells = {
        condition: {name: [found[local_path(folder).resolve()] for folder in folders] for name, folders in some.items()}
        for condition, some in wanted.conditions.items()
    }
    every = [one for some in cells.values() for parts in some.values() for one in parts]
    _check_alike(every)
    spec = registry.analyses[every[0].name]
    given = dict.fromkeys(name for one in every for name in one.about.get("inputs", {}) if name not in ANALYSIS_INPUTS)
    tables = {
        condition: {name: _rows(parts, spec) for name, parts in some.items()} for condition, some in cells.items()
    }
    columns = columns_of(spec, [rows for some in tables.values() for rows in some.values()], others=list(given))
    facts = {_named(one, name, parts): facts_of(one.about)
             for some in cells.values() for name, parts in some.items() for one in parts}  # fmt: skip
    return Compared(
        title=wanted.title or spec.name,
        spec=spec,
        cells=tables,
        quantities=tuple(compare(column, tables) for column in columns),
        differences=tuple(differences(facts)),
        left_out=wanted.left_out,
        provenance=tuple(
            (f"{condition}, {name}", ", ".join(str(one.folder.resolve()) for one in parts))
            for condition, some in cells.items() for name, parts in some.items()
        ),
    )  # fmt: skip


def section_of(compared: Compared, *, id: str) -> Section:
    """``compared`` on the page."""
    cells = compared.cells
    return Section(
        id=id,
        report=Report(
            title=f"Comparison of {compared.title}",
            summary=tuple(_summary(compared)),
            findings="\n".join(f"- {line}" for line in _findings(compared)),
            figures=(_table(compared), *map(_figure, compared.quantities)) if compared.quantities else (),
            methods=METHODS,
        ),
        name=compared.title,
        tables={
            f"{compared.title}-effects": _csv(effects_table(compared.quantities)),
            f"{compared.title}-cells": _csv(cells_table(compared.quantities)),
            f"{compared.title}-objects": _csv(objects_table(cells).reset_index()),
        },
        parameters=[],
        paragraph=paragraph(compared.spec, cells, compared.quantities),
        provenance=compared.provenance,
    )


def _check_alike(every: Sequence[Analysed]) -> None:
    names = list(dict.fromkeys(one.name for one in every))
    if len(names) > 1:
        raise AsemError(f"a comparison is of one analysis, got {' and '.join(names)}: compare them one by one")
    seen: dict[str, Path] = {}
    for one in every:
        volume = one.about.get("source", {}).get("uri")
        if volume in seen:
            raise AsemError(f"{seen[volume]} and {one.folder} measured the same objects: a cell counts once")
        if volume is not None:
            seen[volume] = one.folder


def _rows(parts: Sequence[Analysed], spec: AnalysisSpec) -> pd.DataFrame:
    """Of the objects of a cell that count, from all its ``parts``."""
    import pandas as pd

    counted: Callable[[xr.Dataset], xr.Dataset] = resolve(spec.counted) if spec.counted else lambda dataset: dataset
    tables = [to_rows(counted(one.dataset)) for one in parts]
    full = [table for table in tables if len(table)]
    return pd.concat(full) if full else tables[0]


def _named(one: Analysed, cell: str, parts: Sequence[Analysed]) -> str:
    return cell if len(parts) == 1 else f"{cell} ({one.folder})"


def _summary(compared: Compared) -> Iterator[Number]:
    for condition, some in compared.cells.items():
        cells, objects = counts_of(some, compared.spec)
        yield Number(label=condition, text=cells, note=objects)


def _findings(compared: Compared) -> Iterator[str]:
    yield "A cell counts once in each quantity, by the median of its objects."
    if few := few_cells(compared.cells):
        yield (f"**No inference is made** with {' and '.join(few)}: it needs {LEAST_CELLS} cells of each condition. "
               "What is shown are the numbers.")  # fmt: skip
    for condition, some in compared.left_out.items():
        for cell, parts in some.items():
            yield f"**Left out of {condition}**: {cell}, as {' and '.join(parts)} could not be measured."
    for line in compared.differences:
        yield f"**Not measured alike**, which may look like an effect: {line}."
    if not compared.quantities:
        yield "**No cell has an object**, so there is nothing to compare."


def _table(compared: Compared) -> Figure:
    conditions = list(compared.cells)
    lines = []
    for quantity in compared.quantities:
        numbers = [_spread(quantity, condition) for condition in conditions]
        for effect in quantity.effects:
            lines.append([quantity.axis, *numbers, *_effect(effect, quantity)])
            numbers = [""] * len(numbers)
    return Figure(
        title="Effects",
        caption="Of each condition: the median of its cells, the least and the most, and how many have the quantity. "
        "Shift: Hodges-Lehmann, with its exact interval.",
        html=table(["quantity", *conditions, "difference", "shift", "interval", "Cliff's delta"], lines),
        wide=True,
    )


def _csv(rows: pd.DataFrame) -> bytes:
    text: str = rows.to_csv(index=False, float_format="%.10g")
    return text.encode()


def _spread(quantity: Quantity, condition: str) -> str:
    numbers = quantity.numbers[condition] / quantity.unit[1]
    if not len(numbers):
        return "none"
    low, middle, high = (number_text(float(n)) for n in (numbers.min(), np.median(numbers), numbers.max()))
    return f"{middle} ({low} to {high}; n = {len(numbers)})"


def _effect(effect: Effect, quantity: Quantity) -> list[str]:
    which = f"{effect.condition} - {effect.against}"
    if effect.shift is None or effect.cliffs_delta is None:
        return [which, "no inference", "", ""]
    low, size, high = (
        number_text(v / quantity.unit[1]) for v in (effect.shift.low, effect.shift.size, effect.shift.high)
    )
    return [which, size, f"{low} to {high} ({effect.shift.confidence:.0%})", f"{effect.cliffs_delta:.2f}"]


def _figure(quantity: Quantity) -> Figure:
    column = quantity.column
    below = "" if column.is_share else f", over its objects (at most {MOST_POINTS} are drawn)"
    return Figure(
        title=column.label[:1].upper() + column.label[1:],
        caption=f"{column.text[:1].upper()}{column.text[1:]}. A dot is the {column.what} of a cell{below}; a line the "
        "median of the cells of a condition.",
        html=picture(draw(quantity), f"{column.label} of the cells of {' and '.join(quantity.cells)}"),
        wide=is_wide(quantity),
    )
