"""The table of a project: a row per volume and organelle, a column per number that a step found."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from asem_core.project.results import Result

NAME = "summary.csv"
_KEYS = ("volume", "organelle")


def write_summary(results: Sequence[Result], folder: Path) -> Path:
    """Write ``summary.csv``; what is true of a volume as a whole stands in each of its rows."""
    rows = summarise(results)
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with (folder / NAME).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
    return folder / NAME


def summarise(results: Sequence[Result]) -> list[dict[str, object]]:
    """The rows of the table, in the order of the steps."""
    pairs = dict.fromkeys((r.step.volume, r.step.organelle) for r in results if r.step.organelle)
    rows = []
    for volume, organelle in pairs:
        mine = [r for r in results if r.step.volume == volume and r.step.organelle in ("", organelle)]
        row: dict[str, object] = dict(zip(_KEYS, (volume, organelle), strict=True))
        for result in mine:
            row |= result.facts
        rows.append(row | {"failed": "; ".join(r.step.name for r in mine if r.error is not None)})
    return rows
