"""``asem labels cosem`` as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from asem_dataset_asem.commands import cosem
from click.testing import CliRunner, Result
from PIL import Image

from asem_core.errors import AsemError
from asem_core.volume import open_labels


def run(*arguments: Any) -> Result:
    return CliRunner().invoke(cosem, [str(a) for a in arguments])


@pytest.fixture
def inputs(n5: Any) -> list[Any]:
    """A crop of 2 nm with a ball of ER at rows 20..28 of raw, and raw of 4 nm."""
    grid = np.indices((24, 32, 40))
    ball = sum((grid[axis] - centre) ** 2 for axis, centre in enumerate((12, 16, 20))) < 64
    raw = n5("raw", np.random.default_rng(0).integers(90, 160, (30, 40, 50)).astype(np.uint8))
    crop = n5("crop", np.where(ball, 16, 36).astype(np.uint8), voxel=(2, 2, 2), offset=(16, 48, 40))
    return [crop, "--raw", raw, "--organelle", "er", "-o", crop.parent / "er.zarr"]


def test_import_with_picture(inputs: list[Any], tmp_path: Path) -> None:
    result = run(*inputs, "--figure", tmp_path / "check.png", "--json")
    assert result.exit_code == 0, result.exception
    found = json.loads(result.stdout)
    assert found["roi"] == "4:16,12:28,10:30"
    assert found["classes"] == [16, 17]
    assert found["annotated_voxels"] == 12 * 16 * 20
    assert open_labels(tmp_path / "er.zarr", "annotated").shape == (12, 16, 20)
    pixels = np.asarray(Image.open(tmp_path / "check.png").convert("RGB")).reshape(-1, 3)
    for colour in ((86, 180, 233), (230, 159, 0)):
        assert (pixels == colour).all(1).sum() > 500
    assert json.loads(run(*inputs, "--json").stdout) == found
    refused = run(*inputs, "--classes", "17").exception
    assert isinstance(refused, AsemError)
    assert "settings (classes.er was [16, 17], now [17]); use --overwrite" in str(refused)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--classes", "0"], "classes are ids above 0"),
        (["--figure", "x.jpg"], "name it NAME.png"),
        (["--shift", "500,0,0"], "lies outside"),
        (["-o", "er.tif"], "name it NAME.zarr"),
    ],
)
def test_wrong_input_is_one_line_and_writes_nothing(inputs: list[Any], arguments: list[str], message: str) -> None:
    error = run(*inputs, *arguments).exception
    assert isinstance(error, AsemError)
    assert message in str(error)
    assert not (inputs[0].parent / "er.zarr").exists()


@pytest.mark.parametrize("place", [0, 2, 6])
def test_a_figure_lies_apart_from_crop_raw_and_output(inputs: list[Any], place: int) -> None:
    error = run(*inputs, "--figure", inputs[place] / "x.png").exception
    assert isinstance(error, AsemError)
    assert "would lie in, or replace" in str(error)
    assert not (inputs[0].parent / "er.zarr").exists()


@pytest.mark.parametrize("arguments", [["--flip", "q"], ["--shift", "1,2"]])
def test_options_that_cannot_be_read(inputs: list[Any], arguments: list[str]) -> None:
    result = run(*inputs, *arguments)
    assert result.exit_code == 2
    assert "such as" in result.output
