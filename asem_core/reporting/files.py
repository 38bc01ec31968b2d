"""The folder beside a page: its figures and tables, as files for a paper or another program."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import count
from pathlib import Path

from asem_core.reporting.figures import Drawn
from asem_core.reporting.page import Section
from asem_core.volume.contents import is_as_written, maker_of, record_contents
from asem_core.volume.output import Replaceable

_MADE_BY = "asem report"
FILES = Replaceable(name="files of a report", recognise=lambda path: is_as_written(path, made_by=_MADE_BY))


def files_beside(page: Path) -> Path:
    """The folder of the page ``page``.

    >>> files_beside(Path("cells.html")).name
    'cells-files'
    """
    return page.with_name(f"{page.stem}-files")


def is_files(path: Path) -> bool:
    """Whether ``path`` is what `write_files` made, though it may have been edited since."""
    return maker_of(path) == _MADE_BY


def write_files(folder: Path, sections: Sequence[Section]) -> None:
    """Write into ``folder``, which is made, of each section its tables, ``NAME.csv``, and figures that are pictures,
    ``NAME-TITLE.svg``, or ``.png`` of what is in three dimensions."""
    folder.mkdir()
    for section in sections:
        for name, table in section.tables.items():
            _free(folder, name, ".csv").write_bytes(table)
        for figure in section.report.figures:
            if isinstance(figure.html, Drawn):
                name = f"{section.name}-{figure.title}"
                _free(folder, name, figure.html.suffix).write_bytes(figure.html.content)
    record_contents(folder, made_by=_MADE_BY)


def _free(folder: Path, name: str, suffix: str) -> Path:
    """A file of ``folder`` that is not there: two figures may have one title."""
    stem = re.sub(r"[^\w.-]+", "-", name).strip("-")
    stems = (stem if number == 1 else f"{stem}-{number}" for number in count(1))
    return next(path for each in stems if not (path := folder / f"{each}{suffix}").exists())
