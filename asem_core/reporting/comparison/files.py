"""Tables and figures of comparisons, in a folder beside the page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from asem_core.reporting.comparison.figure import draw
from asem_core.reporting.comparison.results import cells_table, effects_table, objects_table
from asem_core.reporting.comparison.section import Compared
from asem_core.volume.contents import is_as_written, record_contents
from asem_core.volume.output import Replaceable

_MADE_BY = "asem report"
FILES = Replaceable(name="files of a comparison", recognise=lambda path: is_as_written(path, made_by=_MADE_BY))
_FLOAT = "%.10g"


def files_beside(page: Path) -> Path:
    """The folder of the page ``page``.

    >>> files_beside(Path("cells.html")).name
    'cells-comparison'
    """
    return page.with_name(f"{page.stem}-comparison")


def write_files(folder: Path, comparisons: Sequence[Compared]) -> None:
    """Write into ``folder``, which is made, of each comparison ``TITLE-effects.csv``, ``-cells.csv`` and
    ``-objects.csv``, and a figure for each quantity, ``TITLE-QUANTITY.svg``."""
    folder.mkdir()
    for compared in comparisons:
        title = _file_name(compared.title)
        effects_table(compared.quantities).to_csv(folder / f"{title}-effects.csv", index=False, float_format=_FLOAT)
        cells_table(compared.quantities).to_csv(folder / f"{title}-cells.csv", index=False, float_format=_FLOAT)
        objects_table(compared.cells).to_csv(folder / f"{title}-objects.csv", float_format=_FLOAT)
        for quantity in compared.quantities:
            column = quantity.column
            name = _file_name(f"{title}-{column.name}{'-' if column.kind else ''}{column.kind}")
            draw(quantity).savefig(folder / f"{name}.svg")
    record_contents(folder, made_by=_MADE_BY)


def _file_name(text: str) -> str:
    return re.sub(r"[^\w.-]+", "-", text)
