"""``asem mask`` as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from click.testing import CliRunner, Result
from PIL import Image

from asem_core import open_volume
from asem_core.cli.mask import mask
from asem_core.errors import AsemError, OutputError


def run(*arguments: Any) -> Result:
    return CliRunner().invoke(mask, [str(a) for a in arguments])


@pytest.fixture
def cell(tmp_path: Path) -> Path:
    raw = np.full((30, 40, 50), 230, np.uint8)
    raw[:, 10:, :] = 120
    tifffile.imwrite(tmp_path / "cell.tif", raw, photometric="minisblack")
    return tmp_path / "cell.tif"


def test_mask_summary_and_picture(tmp_path: Path, cell: Path) -> None:
    out, picture = tmp_path / "mask.zarr", tmp_path / "mask.png"
    given = (cell, "-o", out, "--voxel-size", "5,5,5", "--min-object", 1000, "--max-hole", 1000, "--high", "180")
    result = run(*given, "--preview", picture, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["inside"] == 0.75
    found = open_volume(out)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(np.unique(found.read(found.box)[:, 10:]), 1)
    assert np.asarray(Image.open(picture)).std() > 10
    assert run(*given, "--preview", picture).exit_code == 0, "a picture of ours is drawn anew"
    assert isinstance(run(*given, "--high", "90").exception, OutputError)


def test_empty_and_full_masks_are_said(tmp_path: Path, cell: Path) -> None:
    size = ("--voxel-size", "5,5,5")
    assert (
        "empty: compare --low" in run(cell, "-o", tmp_path / "a.zarr", *size, "--high", "100", "--max-hole", "9").stderr
    )
    assert "than --min-object" in run(cell, "-o", tmp_path / "b.zarr", *size, "--high", "255").stderr
    everything = run(cell, "-o", tmp_path / "c.zarr", *size, "--high", "255", "--min-object", "9")
    assert "everything: compare --low" in everything.stderr


def test_the_level_of_resin_is_found_and_recorded(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    raw = rng.normal(160, 8, (20, 120, 120))
    raw[:, 20:60, 30:60] = rng.normal(90, 8, (20, 40, 30))
    raw[:, :, 80:] = rng.normal(210, 8, (20, 120, 40))
    tifffile.imwrite(tmp_path / "cell.tif", raw.astype(np.uint8), photometric="minisblack")
    given = ("--voxel-size", "5,5,5", "--min-object", 1000, "--max-hole", 1000)
    found = run(tmp_path / "cell.tif", "-o", tmp_path / "a.zarr", *given, "--json")
    level = json.loads(found.stdout)["high"]
    assert 175 < level < 195
    assert json.loads(found.stdout)["inside"] == pytest.approx(2 / 3, abs=0.02)
    made = json.loads((tmp_path / "a.zarr" / ".zattrs").read_text())["asem"]
    assert (made["params"]["high"], made["high_from"]) == (level, "image")
    assert f"inside (darker than {level:g})" in run(tmp_path / "cell.tif", "-o", tmp_path / "a.zarr", *given).stdout
    tifffile.imwrite(tmp_path / "full.tif", raw[..., :80].astype(np.uint8), photometric="minisblack")
    full = run(tmp_path / "full.tif", "-o", tmp_path / "b.zarr", *given, "--json")
    assert (json.loads(full.stdout)["high"], json.loads(full.stdout)["inside"]) == (None, 1)
    assert "do not part cell from empty resin" in full.stderr


def test_a_warning_names_levels_of_the_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    raw = np.random.default_rng(0).normal(2000, 600, (20, 60, 60)).clip(100, 4000).astype(np.uint16)
    tifffile.imwrite(tmp_path / "cell.tif", raw, photometric="minisblack")
    found = run(tmp_path / "cell.tif", "-o", tmp_path / "a.zarr", "--voxel-size", 5, "--grey", "0:65000", "--high", 180)
    assert found.exit_code == 0, found.output
    assert "give --grey 0:4095" in caplog.text


def test_wrong_input_leaves_nothing(tmp_path: Path, cell: Path) -> None:
    out = tmp_path / "mask.zarr"
    size = ("--voxel-size", "5,5,5")
    assert isinstance(run(cell, "-o", out).exception, AsemError)
    assert isinstance(run(cell, "-o", out, *size, "--low", "200", "--high", "180").exception, AsemError)
    Image.new("L", (2, 2)).save(tmp_path / "photo.png")
    for preview in (tmp_path / "photo.png", cell, out / "p.png", tmp_path / "p.jpg", cell / "p.png"):
        refused = run(cell, "-o", out, *size, "--preview", preview)
        assert isinstance(refused.exception, OutputError), preview
    assert run(cell, "-o", out, *size, "--opening", "-1").exit_code == 2
    assert not out.exists()
