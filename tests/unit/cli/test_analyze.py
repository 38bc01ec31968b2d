"""``asem analyze`` as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import attrs
import h5py
import numpy as np
import pytest
import tifffile
from click.testing import CliRunner, Result

from asem_core import Registry
from asem_core.analysis import tables
from asem_core.cli.analyze import analyze
from asem_core.cli.params_options import field_docs, options_of
from asem_core.errors import GeometryError, PluginError, VolumeError


@pytest.fixture
def run(registry: Registry) -> Any:
    """``run("objects", ...)``: a call of ``asem analyze``."""

    def call(*arguments: Any) -> Result:
        return CliRunner().invoke(analyze, [str(a) for a in arguments], obj=registry)

    return call


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    array = np.zeros((12, 14, 30), np.uint16)
    array[4:8, 4:8, 3:7], array[4:8, 4:8, 11:16] = 3, 5
    tifffile.imwrite(tmp_path / "mito.tif", array, photometric="minisblack")
    return tmp_path / "mito.tif"


SIZE = ("--voxel-size", "5,5,5")


def test_table_as_json(tmp_path: Path, labels: Path, run: Any) -> None:
    result = run("objects", labels, "-o", tmp_path / "out", *SIZE, "--other", f"er={labels}", "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert [row["object"] for row in document["table"]] == [3, 5]
    assert [row["volume_nm3"] for row in document["table"]] == [8000, 10000]
    assert [row["nearest_nm"] for row in document["table"]] == [25, 25]
    assert [row["nearest_er"] for row in document["table"]] == [3, 5]
    assert document["params"]["contact_nm"] == 30
    assert document["kind"] == "labels"
    assert document["statistics"] == {
        "objects": 2, "left_out": 0, "touching_border": 0, "volume_nm3": 18000,
        "surface_nm2": pytest.approx(sum(row["surface_nm2"] for row in document["table"])),
    }  # fmt: skip
    about = json.loads((tmp_path / "out" / "analysis.json").read_text())
    assert about.items() <= document.items()
    assert (tmp_path / "out" / "instances.zarr").is_dir()


def test_summary_names_what_was_left_out(tmp_path: Path, labels: Path, run: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(tables, "find_spec", lambda name: None)
    given = ("objects", labels, *SIZE, "--no-skeleton", "--no-instances")
    result = run(*given, "-o", tmp_path / "some", "--min-volume-nm3", 9000)
    assert "1 row, one per object" in result.stdout
    assert "left out: 1" in result.stderr
    assert "pip install 'asem-core[parquet]'" in result.stderr
    assert sorted(path.name for path in (tmp_path / "some").iterdir()) == [
        ".asem-contents.json", "analysis.json", "objects.csv", "objects.zarr",
    ]  # fmt: skip
    none = run(*given, "-o", tmp_path / "none", "--min-volume-nm3", 1e9)
    assert none.exit_code == 0
    assert "no object was found; the tables are empty" in none.stdout


def test_wrong_input_leaves_nothing(tmp_path: Path, labels: Path, run: Any) -> None:
    out = tmp_path / "out"
    assert isinstance(run("objects", labels, "-o", out).exception, VolumeError)
    assert isinstance(run("objects", labels, "-o", out, *SIZE, "--contact-nm", -1).exception, PluginError)
    assert "is given twice" in run("objects", labels, "-o", out, "--other", labels, "--other", labels).output
    assert "cannot name columns" in run("objects", labels, "-o", out, "--other", f"2={labels}").output
    other = tmp_path / "other.h5"
    with h5py.File(other, "w") as file:
        file["er"] = np.full((12, 14, 30), np.nan, np.float32)
        file["short"] = np.zeros((12, 14, 20), np.uint16)
    nan = run("objects", f"{other}/er", "-o", out, *SIZE).exception
    assert isinstance(nan, VolumeError)
    assert "is nan" in str(nan)
    short = run("objects", labels, "--other", f"er={other}/short", "-o", out, *SIZE).exception
    assert isinstance(short, GeometryError)
    assert "does not cover" in str(short)
    assert isinstance(run("object", labels, "-o", out).exception, PluginError)
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file() or path == out) == [
        "mito.tif", "other.h5",
    ]  # fmt: skip


def test_help_comes_from_the_spec_and_the_docstrings_of_the_parameters(run: Any) -> None:
    assert "objects" in run("--help").output
    text = " ".join(run("objects", "--help").output.split())
    assert "asem analyze objects mito.zarr -o mito_objects" in text
    assert "--contact-nm FLOAT A piece of surface is in contact" in text
    assert "[default: 30]" in text
    assert "--skeleton / --no-skeleton" in text


@attrs.frozen
class Base:
    depth: int
    """How
    deep."""


@attrs.frozen
class Params(Base):
    mode: Literal["one", "two"] | None = None
    undocumented: float = 1.5


@attrs.frozen
class Wrong:
    what: tuple[int, int] = (1, 2)


def test_options_of_a_parameter_class() -> None:
    assert field_docs(Params) == {"depth": "How deep."}
    depth, mode, undocumented = options_of(Params)
    assert (depth.required, depth.type.name, depth.help) == (True, "integer", "How deep.")
    assert (mode.required, mode.type.choices) == (False, ("one", "two"))
    assert undocumented.help == "[default: 1.5]"
    with pytest.raises(TypeError, match="parameter what"):
        options_of(Wrong)
