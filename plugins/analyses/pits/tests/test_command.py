"""`asem analyze pits` on a piece of a simulated cell, as a user calls it."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from asem_dataset_simulated.cell.draw import View
from asem_dataset_simulated.cell.pits import Pit, Stage
from asem_dataset_simulated.cell.scene import CellSpec, make_cell
from asem_dataset_simulated.cell.write import write_view
from click.testing import CliRunner, Result

from asem_core.cli.main import command_line
from asem_core.errors import AsemError, GeometryError, VolumeError

VOXEL_NM = 5.0
SIDE = 84


@pytest.fixture(scope="module")
def piece(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Pit]:
    """420 nm around a late pit of a small cell, and the pit."""
    cell = make_cell(CellSpec(seed=4, diameter_um=2.5))
    pit = next(pit for pit in cell.pits if pit.stage is Stage.LATE)
    lower = np.rint(pit.centre_nm - 40 * pit.normal - SIDE * VOXEL_NM / 2)
    view = View(cell=cell, shape=(SIDE,) * 3, voxel_size_nm=(VOXEL_NM,) * 3, origin_nm=tuple(lower.tolist()))
    path = tmp_path_factory.mktemp("piece") / "cell.zarr"
    write_view(path, view)
    return path, pit


def run(*words: Any) -> Result:
    return asem("analyze", "pits", *words)


def asem(*words: Any) -> Result:
    command, registry = command_line()
    return CliRunner().invoke(command, [str(word) for word in words], obj=registry)


def test_table_review_and_json(piece: tuple[Path, Pit], tmp_path: Path) -> None:
    path, pit = piece
    inputs = (path / "labels/ccp", path, "--cell-mask", path / "labels/cell")
    done = run(*inputs, "-o", tmp_path / "out", "--json")
    assert done.exit_code == 0, done.output
    about = json.loads(done.stdout)
    (row,) = [row for row in about["table"] if row["height_nm"] is not None]  # the window's border cuts others
    true = pit.measures()
    assert (row["class"], row["stage"]) == ("endocytic pit", "late")
    for name, tolerance in {"neck": 4, "height": 4, "width": 4, "major": 10, "minor": 10}.items():
        assert row[f"{name}_nm"] == pytest.approx(true[name], abs=tolerance), name
    np.testing.assert_allclose([row[f"membrane_{axis}_nm"] for axis in "zyx"], pit.centre_nm, atol=3)
    names = {child.name for child in (tmp_path / "out").iterdir()}
    assert {"pits.csv", "pits.zarr", "review.csv", "analysis.json"} <= names
    profile = zarr.open_group(tmp_path / "out/pits.zarr", mode="r")["width_profile_nm"]
    assert np.nanmax(profile[:]) > row["width_nm"] - 5

    made = asem("report", tmp_path / "out", "-o", tmp_path / "pits.html")
    assert made.exit_code == 0, made.output
    page = (tmp_path / "pits.html").read_text(encoding="utf-8")
    assert f"height {row['height_nm']:.1f} nm" in page
    assert "<code>open_neck_nm</code><td>40" in page

    with (tmp_path / "out/review.csv").open(newline="") as file:
        answers = list(csv.DictReader(file))
    for answer in answers:
        answer["verdict"] = "reject"
    with (tmp_path / "answers.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(answers[0]))
        writer.writeheader()
        writer.writerows(answers)
    done = run(*inputs, "-o", tmp_path / "again", "--review", tmp_path / "answers.csv", "--json")
    about = json.loads(done.stdout)
    assert {row["verdict"] for row in about["table"]} == {"reject"}
    assert about["params"]["review"] == str(tmp_path / "answers.csv")


def test_what_is_missing_or_wrong_is_said_and_leaves_nothing(piece: tuple[Path, Pit], tmp_path: Path) -> None:
    path, _ = piece
    out = tmp_path / "out"
    done = run(path / "labels/ccp", path, "-o", out)
    assert done.exit_code == 2
    assert "--cell-mask" in done.output
    for words, message in [
        ((path / "labels/ccp", path, "--cell-mask", path / "none"), "none"),
        ((path / "labels/ccp", path, "--cell-mask", path / "labels/cell", "--review", tmp_path / "r.csv"), "--review"),
        ((path / "labels/ccp", path, "--cell-mask", path / "labels/cell", "--near-nm", "-1"), "near_nm"),
    ]:
        done = run(*words, "-o", out)
        assert isinstance(done.exception, AsemError)
        assert message in str(done.exception)
    assert not list(tmp_path.iterdir())


def _write(path: Path, array: Any, voxel_nm: float = VOXEL_NM) -> Path:
    stored = zarr.create_array(path, shape=array.shape, chunks=array.shape, dtype=array.dtype, zarr_format=2)
    stored[:] = array
    stored.attrs["resolution"] = [voxel_nm] * 3
    return path


def test_inputs_that_do_not_fit_together(tmp_path: Path) -> None:
    empty = np.zeros((8, 8, 8), np.uint16)
    objects, mask = _write(tmp_path / "objects.zarr", empty), _write(tmp_path / "mask.zarr", empty)
    micrometres = _write(tmp_path / "um.zarr", empty, 0.005)
    nan = _write(tmp_path / "nan.zarr", np.full((8, 8, 8), np.nan, np.float32))
    for words, kind, message in [
        ((objects, _write(tmp_path / "coarse.zarr", empty, 8.0), mask), GeometryError, "8 x 8 x 8 nm but"),
        ((objects, _write(tmp_path / "small.zarr", empty[:4]), mask), GeometryError, "does not cover"),
        ((objects, nan, mask), VolumeError, "is nan"),
        ((objects, mask, nan), VolumeError, "is nan"),
        ((micrometres, micrometres, micrometres), GeometryError, "pits measures at 1 to 20 nm"),
    ]:
        done = run(words[0], words[1], "--cell-mask", words[2], "-o", tmp_path / "out")
        assert isinstance(done.exception, kind), (words, done.output)
        assert message in str(done.exception)
        assert not (tmp_path / "out").exists()
    done = run(objects, objects, "--cell-mask", mask, "-o", tmp_path / "out")
    assert done.exit_code == 0
    assert "no pit was found" in done.stdout
