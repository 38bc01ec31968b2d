"""The review table: written with every run, edited by a person, and read back.

``verdict`` is accept, reject or empty; ``class``, ``neck_nm`` and ``height_nm``, where they are given, replace what was
measured. What is measured stands beside them and is not read.
"""

from __future__ import annotations

import csv
import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from asem_analysis_pits.classes import CLASSES
from asem_core.errors import AsemError

FILE = "review.csv"
VERDICTS = ("", "accept", "reject")
_PLACE = ("z_nm", "y_nm", "x_nm")
_ANSWERS = ("verdict", "class", "neck_nm", "height_nm", "comment")
_MEASURED = ("measured_class", "measured_neck_nm", "measured_height_nm", "enhancement", "distance_nm", "flags")
_SAME_PLACE_NM = 1.0


@attrs.frozen(kw_only=True)
class Answer:
    """What a person says of one object."""

    pit: int
    place_nm: tuple[float, float, float]
    verdict: str = ""
    kind: str = ""
    """Its class; empty: as measured."""
    neck_nm: float | None = None
    height_nm: float | None = None
    comment: str = ""

    @property
    def empty(self) -> bool:
        """Whether nothing is said."""
        return not (self.verdict or self.kind or self.comment) and self.neck_nm is None and self.height_nm is None


def write_review(path: Path, rows: Iterable[Mapping[str, Any]], answers: Mapping[int, Answer]) -> None:
    """Write the table: one row per object with its place and measured values, and what is answered already.

    Parameters
    ----------
    rows
        ``pit``, ``z_nm``, ``y_nm``, ``x_nm`` and the measured columns.
    answers
        By ``pit``.
    """
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["pit", *_PLACE, *_ANSWERS, *_MEASURED])
        for row in rows:
            answer = answers.get(row["pit"])
            said = ["", "", "", "", ""]
            if answer:
                said = [answer.verdict, answer.kind, _text(answer.neck_nm), _text(answer.height_nm), answer.comment]
            measured = [_text(row[name]) for name in _MEASURED]
            writer.writerow([row["pit"], *(_text(row[name]) for name in _PLACE), *said, *measured])


def read_review(path: Path) -> list[Answer]:
    """The answers in an edited table; rows in which nothing is said are left out.

    Raises
    ------
    AsemError
        The file cannot be read, lacks a column, or says something that is not allowed; with the line.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            # A spreadsheet of another country writes semicolons.
            first = file.readline()
            file.seek(0)
            rows = list(csv.DictReader(file, delimiter=";" if first.count(";") > first.count(",") else ","))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise AsemError(f"--review {path}: cannot be read: {error}") from error
    missing = [name for name in ("pit", *_PLACE, *_ANSWERS[:4]) if not rows or name not in rows[0]]
    if rows and missing:
        raise AsemError(
            f"--review {path}: expected the columns of {FILE}, missing: {', '.join(missing)}; edit the file that "
            "asem analyze pits wrote"
        )
    answers = [_answer(row, f"--review {path}, line {line}") for line, row in enumerate(rows, start=2)]
    return [answer for answer in answers if not answer.empty]


def match(answers: Sequence[Answer], places_nm: Mapping[int, Sequence[float]], path: Path) -> dict[int, Answer]:
    """The answers by object, each checked to be about the object of its number.

    Raises
    ------
    AsemError
        An object is not there or lies elsewhere: the table belongs to another segmentation; or it is answered twice.
    """
    found: dict[int, Answer] = {}
    for answer in answers:
        place = places_nm.get(answer.pit)
        if place is None or math.dist(place, answer.place_nm) > _SAME_PLACE_NM:
            here = "there is none" if place is None else f"it lies at {', '.join(f'{v:.1f}' for v in place)}"
            raise AsemError(
                f"--review {path}: pit {answer.pit} at {', '.join(f'{v:.1f}' for v in answer.place_nm)} nm (z, y, x): "
                f"{here} in these objects; the table is of another segmentation: review this run's {FILE}"
            )
        if answer.pit in found:
            raise AsemError(f"--review {path}: pit {answer.pit} stands there twice; keep one row")
        found[answer.pit] = answer
    return found


def fingerprint(path: Path) -> str:
    """sha256 of the table, for provenance."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _answer(row: Mapping[str, str | None], where: str) -> Answer:
    said = {name: (row.get(name) or "").strip() for name in ("pit", *_PLACE, *_ANSWERS)}
    verdict, kind = said["verdict"].lower(), said["class"].lower()
    if verdict not in VERDICTS:
        raise AsemError(f"{where}: verdict: expected accept, reject or nothing, got {said['verdict']!r}")
    if kind not in ("", *CLASSES):
        raise AsemError(f"{where}: class: expected one of {', '.join(CLASSES)} or nothing, got {said['class']!r}")
    z, y, x = (_number(said, name, where) for name in _PLACE)
    pit = _number(said, "pit", where)
    if pit is None or z is None or y is None or x is None:
        raise AsemError(f"{where}: pit, z_nm, y_nm and x_nm say which object is meant and must not be empty")
    return Answer(
        pit=int(pit),
        place_nm=(z, y, x),
        verdict=verdict,
        kind=kind,
        neck_nm=_number(said, "neck_nm", where),
        height_nm=_number(said, "height_nm", where),
        comment=said["comment"],
    )


def _number(said: Mapping[str, str], name: str, where: str) -> float | None:
    if not said[name]:
        return None
    try:
        value = float(said[name].replace(",", "."))
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or (name not in _PLACE and value < 0):
        raise AsemError(f"{where}: {name}: expected a number that is not negative, got {said[name]!r}")
    return value


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None or math.isnan(value) else f"{float(value):.7g}"
