"""``asem proofread`` as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from asem_annotate.proofread.commands import proofread
from click.testing import CliRunner, Result

from asem_core.errors import AsemError

from .drawn import CRUMB, CUT, FUSED, LEFT, POINTS, RIGHT, draw, write_drawn


def run(*words: Any) -> Result:
    return CliRunner().invoke(proofread, [str(word) for word in words])


def said(*words: Any) -> Any:
    done = run(*words, "--json")
    assert done.exit_code == 0, (done.output, done.exception)
    return json.loads(done.stdout)


def message(*words: Any) -> str:
    """The one line that a user sees."""
    error = run(*words).exception
    assert isinstance(error, AsemError), repr(error)
    assert "\n" not in str(error)
    return str(error)


def test_an_afternoon(tmp_path: Path) -> None:
    cell = write_drawn(tmp_path / "mito.zarr", draw())
    points = [",".join(map(str, point)) for point in POINTS]
    assert [row["id"] for row in said("queue", cell, "--top", 2)] == [CRUMB, CUT]
    listed = run("queue", cell, "--by", "contact", "--top", 1).stdout.splitlines()
    assert listed[1].split()[0] == str(LEFT)
    assert f"with {RIGHT}" in listed[1]
    assert listed[2] == "and 4 more"
    assert said("split", cell, FUSED, *points, "--user", "Ann") == {"number": 1, "operation": "split", "ids": [1, 6]}
    assert run("merge", cell, LEFT, RIGHT).stdout.startswith("2: merge 2 3 (")
    said("recategorise", cell, 6, "--as", "lysosome")
    said("accept", cell, CUT)
    said("delete", cell, CRUMB, LEFT)
    assert run("undo", cell).stdout.startswith("6: undo 5 (")
    said("delete", cell, CRUMB)
    lines = run("log", cell).stdout.splitlines()
    assert lines[0].startswith("1: split 1: part of it is 6 (Ann, ")
    assert lines[4].endswith(", undone")
    assert [line["operation"] for line in said("log", cell)] == [
        "split", "merge", "recategorise", "accept", "delete", "undo", "delete"
    ]  # fmt: skip
    assert {row["id"] for row in said("queue", cell)} == {FUSED, LEFT, 6}
    assert "lysosome" in run("queue", cell).stdout
    out = tmp_path / "out.zarr"
    made = said("write", cell, "-o", out)
    assert made["objects"] == {"mito_proofread": 3, "lysosome_proofread": 1}
    ids = np.asarray(zarr.open_array(out / "labels/mito_proofread/0", mode="r")[:])
    assert set(np.unique(ids)) == {0, FUSED, LEFT, CUT}
    assert "3 objects in labels/mito_proofread" in run("write", cell, "-o", out).stdout
    again = write_drawn(tmp_path / "again.zarr", np.where(draw() == CUT, 0, draw()))
    replayed = run("replay", again, "--from", tmp_path / "mito.zarr.mito_instances.proofread.jsonl")
    assert replayed.stdout.splitlines() == [
        "4: accept 5: where 5 was there is no object",
        "4 operations carried over, 1 not",
    ]
    repeated = said("replay", again, "--from", tmp_path / "mito.zarr.mito_instances.proofread.jsonl")
    assert (repeated["done"], repeated["before"]) == ([], 4)


def test_wrong_words_are_one_line(tmp_path: Path) -> None:
    cell = write_drawn(tmp_path / "mito.zarr", draw())
    assert "there is no object 77" in message("delete", cell, 77)
    assert "there is nothing to undo" in message("undo", cell)
    assert "no labels 'er_instances'" in message("queue", cell, "--organelle", "er")
    assert "there is no such file" in message("queue", tmp_path / "none.zarr")
    (cell / "labels/mito_instances").rename(cell / "labels/drawn")
    assert "has no labels/*_instances: make them (`asem instances`)" in message("queue", cell)
    assert len(said("queue", cell / "labels/drawn", "--log", tmp_path / "log.jsonl")) == 5
    (cell / "labels/drawn").rename(cell / "labels/mito_instances")
    wrong = run("split", cell, FUSED, "1,2", "3,4,5")
    assert (wrong.exit_code, "a voxel is z,y,x in whole numbers" in wrong.stderr) == (2, True)
    assert run("merge", cell).exit_code == 2
    assert not (tmp_path / "mito.zarr.mito_instances.proofread.jsonl").exists()


@pytest.mark.parametrize("name", ["er_instances", "golgi_instances"])
def test_several_labels(tmp_path: Path, name: str) -> None:
    cell = write_drawn(tmp_path / "mito.zarr", draw())
    (cell / "labels/mito_instances").rename(cell / "labels" / name)
    write_drawn(tmp_path / "other.zarr", draw())
    (tmp_path / "other.zarr/labels/mito_instances").rename(cell / "labels/mito_instances")
    assert f"has objects of {name.partition('_')[0]}, mito" in message("queue", cell)
    assert len(said("queue", cell, "--organelle", "mito")) == 5
