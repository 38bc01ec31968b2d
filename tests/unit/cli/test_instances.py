"""``asem instances`` as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from click.testing import CliRunner, Result

from asem_core import open_volume
from asem_core.cli.instances import instances
from asem_core.errors import AsemError, OutputError, VolumeError


def run(*arguments: Any) -> Result:
    return CliRunner().invoke(instances, [str(a) for a in arguments])


def two_bars(folder: Path) -> Path:
    """Two bodies of 13 x 13 x 20 voxels and a bridge of 3 x 3 between them."""
    mask = np.zeros((15, 15, 50), np.uint8)
    mask[1:14, 1:14, 1:21] = mask[1:14, 1:14, 29:49] = mask[6:9, 6:9, 21:29] = 255
    tifffile.imwrite(folder / "mask.tif", mask, photometric="minisblack")
    return folder / "mask.tif"


def test_objects_are_counted(tmp_path: Path) -> None:
    given = (
        two_bars(tmp_path),
        "-o",
        tmp_path / "ids.zarr",
        "--organelle",
        "mito",
        "--voxel-size",
        "5",
        "--kind",
        "labels",
    )
    result = run(*given, "--persistence", "0.3", "--persistence-nm", "5", "--json")
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    assert (said["objects"], said["labels"], said["dropped_voxels"]) == (2, "mito_instances", 0)
    ids = open_volume(tmp_path / "ids.zarr" / "labels" / "mito_instances")
    assert ids.read(ids.box)[7, 7, [5, 40]].tolist() == [1, 2]
    assert isinstance(run(*given, "--persistence", "1").exception, OutputError)
    again = run(*given, "--persistence", "1", "--overwrite")
    assert "1 objects" in again.stdout


def test_nothing_is_said(tmp_path: Path) -> None:
    given = ("-o", tmp_path / "ids.zarr", "--organelle", "mito", "--voxel-size", "5", "--kind", "labels")
    assert "there is no mito" in run(two_bars(tmp_path), *given, "--min-volume-nm3", "1e9").stderr


def test_wrong_input_leaves_nothing(tmp_path: Path) -> None:
    out, mask = tmp_path / "ids.zarr", two_bars(tmp_path)
    size = ("--voxel-size", "5")
    assert isinstance(run(mask, "-o", out, "--organelle", "er", *size).exception, AsemError)
    assert isinstance(run(mask, "-o", out, "--organelle", "mito", *size).exception, VolumeError)
    for option, value in (
        ("--threshold", "2"),
        ("--persistence", "-1"),
        ("--reach-nm", "0"),
        ("--min-volume-nm3", "-1"),
    ):
        given = (mask, "-o", out, "--organelle", "mito", *size, "--kind", "probabilities", option, value)
        assert isinstance(run(*given).exception, AsemError), option
    assert [p.name for p in tmp_path.iterdir()] == ["mask.tif"]
