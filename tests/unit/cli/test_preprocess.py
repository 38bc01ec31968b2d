"""``asem preprocess`` as a user meets it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from click.testing import CliRunner
from PIL import Image

from asem_core.cli.preprocess import preprocess
from asem_core.errors import AsemError
from asem_core.volume import open_volume


@pytest.fixture
def cell(tmp_path: Path) -> Path:
    values = np.random.default_rng(0).integers(0, 256, (20, 40, 41)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "in.tif", values, photometric="minisblack")
    return tmp_path / "in.tif"


def run(*arguments: object) -> Any:
    return CliRunner().invoke(preprocess, [str(a) for a in arguments])


def test_stages_in_a_row_with_a_picture(tmp_path: Path, cell: Path) -> None:
    stages = ("--stage", "percentile_rescale:low=1,high=99", "--stage", "clahe:kernel=16")
    result = run(cell, "-o", tmp_path / "o.zarr", *stages, "--voxel-size", 5, "--preview", tmp_path / "p.png")
    assert result.exit_code == 0, result.exception
    assert result.stdout.split() == [str(tmp_path / "o.zarr"), str(tmp_path / "p.png")]
    assert open_volume(tmp_path / "o.zarr").shape == (20, 40, 41)
    with Image.open(tmp_path / "p.png") as picture:
        assert picture.size[0] > 1000


@pytest.mark.parametrize(
    ("stage", "says"),
    [
        ("blur", "installed: clahe, equalize_histogram, percentile_rescale, scale_linear"),
        ("clahe:clip_limit=1", "no parameter clip_limit; parameters of clahe: kernel=128, clip=0.02"),
        ("clahe:clip=2", "'clip' must be <= 1: 2.0"),
    ],
)
def test_wrong_stages(tmp_path: Path, cell: Path, stage: str, says: str) -> None:
    result = run(cell, "-o", tmp_path / "o.zarr", "--stage", stage, "--voxel-size", 5)
    assert isinstance(result.exception, AsemError)
    assert says in str(result.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["in.tif"]


def test_a_stage_must_be_named(tmp_path: Path, cell: Path) -> None:
    assert "Missing option '--stage'" in run(cell, "-o", tmp_path / "o.zarr").output
    assert "asem preprocess cell.zarr -o equal.zarr --stage clahe" in run("--help").output
