"""A table of matched and unmatched objects, for a person who wants to look at each."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

import attrs
import numpy as np

from asem_core.evaluation.objects import ObjectEvaluation
from asem_core.volume.output import Input, Replaceable, check_destination, complete_or_absent


@attrs.frozen(kw_only=True)
class ObjectRow:
    """One object of the prediction or of the truth."""

    side: str
    """``truth`` or ``prediction``."""
    id: int
    """In the label image, or the number of the connected component."""
    outcome: str
    """``matched``, ``missed`` (a truth), ``false`` (a prediction), or ``ignored``."""
    z_nm: float
    y_nm: float
    x_nm: float
    """Centroid of its voxels inside the mask, in the acquisition's frame."""
    voxels: int
    """Inside the mask."""
    cut: bool
    """Touches a face of what was compared, or lies partly outside the mask."""
    touches: int
    """How many objects of the other side it shares voxels with."""
    partner: int | None
    """The object that it is matched with; else the one with the highest IoU; None if it touches none."""
    iou: float | None
    """With ``partner``."""


def object_rows(evaluation: ObjectEvaluation) -> Iterator[ObjectRow]:
    """Truths, then predictions, in the order of their ids."""
    table, iou, voxel = evaluation.matching.table, evaluation.matching.table.iou, np.array(evaluation.voxel_size.zyx)
    for name, unmatched, column in (("truth", "missed", 1), ("prediction", "false", 0)):
        side, other = (table.prediction, table.truth)[column], (table.truth, table.prediction)[column]
        pair = _partners(evaluation, column)
        touches = np.bincount(table.pairs[:, column], minlength=len(side))
        matched = np.isin(pair, evaluation.matching.rows)
        centroid = np.array(evaluation.lower_edge_nm) + (side.centroid + 0.5) * voxel
        for i in range(len(side)):
            z, y, x = centroid[i].tolist()
            ignored = evaluation.matching.ignored[column][i]
            yield ObjectRow(
                side=name,
                id=int(side.ids[i]),
                outcome="ignored" if ignored else "matched" if matched[i] else unmatched,
                z_nm=z,
                y_nm=y,
                x_nm=x,
                voxels=int(side.voxels[i]),
                cut=bool(side.cut[i]),
                touches=int(touches[i]),
                partner=int(other.ids[table.pairs[pair[i], 1 - column]]) if touches[i] else None,
                iou=float(iou[pair[i]]) if touches[i] else None,
            )


def check_table(destination: Path, *, inputs: Iterable[Input] = ()) -> Path:
    """Where `write_object_table` would write, for asking before the work.

    Raises
    ------
    OutputError
        As `write_object_table`.
    """
    return check_destination(destination, overwrite=True, kind=_TABLE, inputs=inputs)


def write_object_table(evaluation: ObjectEvaluation, destination: Path, *, inputs: Iterable[Input] = ()) -> None:
    """Write `object_rows` as CSV; an older such table is replaced.

    Parameters
    ----------
    inputs
        What was read, and must lie elsewhere.

    Raises
    ------
    OutputError
        The file holds something else, lies in an input, or cannot be written.
    """
    with (
        complete_or_absent(destination, needed_bytes=0, overwrite=True, kind=_TABLE, inputs=inputs) as partial,
        partial.open("w", newline="") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(_COLUMNS)
        for row in object_rows(evaluation):
            writer.writerow(
                [
                    _DIGITS.get(name, "{}").format(value) if value is not None else ""
                    for name, value in attrs.asdict(row).items()
                ]
            )


def _partners(evaluation: ObjectEvaluation, column: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Per object the row of its match, else of its pair with the highest IoU, else -1."""
    table = evaluation.matching.table
    iou = table.iou
    iou[evaluation.matching.rows] = 2
    order = np.argsort(iou, kind="stable")
    best = np.full(len((table.prediction, table.truth)[column]), -1)
    best[table.pairs[order, column]] = order  # of repeated entries the last assignment stays
    return best


_COLUMNS = [field.name for field in attrs.fields(ObjectRow)]
_OUTCOMES = ("matched", "missed", "false", "ignored")
_DIGITS = {"z_nm": "{:.1f}", "y_nm": "{:.1f}", "x_nm": "{:.1f}", "iou": "{:.4f}"}


def _is_table(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open(errors="replace", newline="") as file:
        rows = csv.reader(file)
        try:
            return next(rows, None) == _COLUMNS and all(len(r) == len(_COLUMNS) and r[2] in _OUTCOMES for r in rows)
        except csv.Error:
            return False


_TABLE = Replaceable(name="a table of objects", recognise=_is_table)
