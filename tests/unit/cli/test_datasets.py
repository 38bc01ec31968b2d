"""``asem datasets`` as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import zarr
from click.testing import CliRunner, Result

from asem_core import Registry, hookimpl
from asem_core import registry as registry_module
from asem_core.cli.datasets import datasets
from asem_core.errors import AsemError, PluginError
from asem_core.plugins import make_manager
from asem_core.specs import DatasetBlock, DatasetSpec


@pytest.fixture(autouse=True)
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One data set ``toy`` of 4 x 5 x 6 voxels."""
    root = zarr.create_group(tmp_path / "c.zarr", zarr_format=2)
    root.create_array("volumes/raw", shape=(4, 5, 6), dtype="uint8").attrs["resolution"] = [5, 5, 5]
    block = DatasetBlock(name="er-validation-1", organelle="er", role="validation", start=(1, 1, 1), shape=(2, 2, 2))
    spec = DatasetSpec(
        name="toy",
        uri=str(tmp_path / "c.zarr"),
        image="volumes/raw",
        voxel_size_nm=(5, 5, 5),
        blocks=(block,),
        labels={"er": {"path": "volumes/labels/er", "dilate_voxels": 0}},
        licence="CC0",
        citation="Nobody 2020",
    )
    plugin = SimpleNamespace(asem_register_datasets=hookimpl(lambda: [spec]))
    found = Registry(make_manager([SimpleNamespace(name="toy", dist=None, load=lambda: plugin)]))
    monkeypatch.setattr(registry_module, "make_registry", lambda: found)


def run(*arguments: Any) -> Result:
    return CliRunner().invoke(datasets, [str(a) for a in arguments])


def test_list_and_show(tmp_path: Path) -> None:
    assert run("list").output.splitlines()[1].split()[:6] == ["toy", "-", "5", "x", "5", "x"]
    assert json.loads(run("list", "--json").output)[0]["labels"] == ["er"]
    shown = run("show", "toy").output
    for part in (
        "volumes/labels/er, dilate 0",
        "er-validation-1 (validation of er): 1:3,1:3,1:3",
        "CC0",
        "Nobody 2020",
    ):
        assert part in shown
    assert json.loads(run("show", "toy", "--json").output)["blocks"][0]["start"] == [1, 1, 1]
    assert isinstance(run("show", "tov").exception, PluginError)
    assert "did you mean 'toy'" in str(run("show", "tov").exception)


def test_fetch_asks_for_a_part(tmp_path: Path) -> None:
    refused = run("fetch", "toy", "-o", tmp_path / "o.zarr").exception
    assert isinstance(refused, AsemError)
    assert "toy is 4 x 5 x 6 voxels, 1.2e-07 GB uncompressed: say which part with --roi, or --whole" in str(refused)
    assert run("fetch", "toy", "-o", tmp_path / "o.zarr", "--roi", "er-validation-1").exit_code == 0
    assert run("fetch", "toy", "-o", tmp_path / "nm.zarr", "--roi", "5:10,0:10,0:10nm").exit_code == 0
    result = run("fetch", "toy", "-o", tmp_path / "w.zarr", "--whole")
    assert "0:4,0:5,0:6 of toy" in result.output
    assert "cite: Nobody 2020" in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "x.tif", "--whole"], "name it NAME.zarr"),
        (["-o", "x.zarr", "--whole", "--roi", "0:1,0:1,0:1"], "give one of them"),
        (["-o", "x.zarr", "--roi", "0:1,0:1"], "a ROI is z0:z1,y0:y1,x0:x1 in whole voxels"),
        (["-o", "x.zarr", "--whole", "--uri", "nowhere"], "no such file"),
    ],
)
def test_wrong_input_is_one_line(arguments: list[str], message: str) -> None:
    error = run("fetch", "toy", *arguments).exception
    assert isinstance(error, AsemError)
    assert message in str(error)
    assert "\n" not in str(error)
