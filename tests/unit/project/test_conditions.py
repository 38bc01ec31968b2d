"""Which cells of a project are compared."""

from __future__ import annotations

from pathlib import Path

from asem_core.project.conditions import comparisons_of
from asem_core.project.read import Cell, Measure, Project, Target
from asem_core.project.steps import Step

PROJECT = Project(
    volumes={
        "a1": Cell(raw="a1.zarr", condition="fed", cell="a"),
        "a2": Cell(raw="a2.zarr", condition="fed", cell="a"),
        "b": Cell(raw="b.zarr", condition="fed"),
        "c": Cell(raw="c.zarr", condition="starved"),
        "other": Cell(raw="other.zarr"),
    },
    organelles={"mito": Target()},
    analyses=(Measure(analysis="objects", of="mito"),),
)


def measured(*volumes: str) -> list[Step]:
    return [
        Step(volume=name, name="analyze mito-objects", output=Path(name, "mito-objects"), make=dict) for name in volumes
    ]


def test_a_cell_of_which_a_part_was_not_measured_is_left_out() -> None:
    (found,) = comparisons_of(PROJECT, measured("a1", "b", "c", "other"))
    assert found.conditions == {"fed": {"b": [Path("b/mito-objects")]}, "starved": {"c": [Path("c/mito-objects")]}}
    assert found.left_out == {"fed": {"a": ["a2"]}, "starved": {}}


def test_a_condition_of_which_no_cell_was_measured_is_told_of() -> None:
    (found,) = comparisons_of(PROJECT, measured("a1", "a2", "b"))
    assert list(found.conditions["fed"]) == ["a", "b"]
    assert (found.conditions["starved"], found.left_out["starved"]) == ({}, {"c": ["c"]})
    assert list(comparisons_of(PROJECT, measured("a1"))) == []
