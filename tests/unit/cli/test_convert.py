"""``asem convert`` as a user meets it."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
import zarr
from click.testing import CliRunner

from asem_core.cli.convert import convert
from asem_core.errors import OutputError, VolumeError


@pytest.fixture
def stack(tmp_path):
    values = np.random.default_rng(0).integers(0, 256, (6, 20, 21)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "in.tif", values, photometric="minisblack")
    return values


def run(*arguments):
    return CliRunner().invoke(convert, [str(a) for a in arguments])


def test_there_and_back(tmp_path, stack):
    assert run(tmp_path / "in.tif", tmp_path / "x.zarr", "--voxel-size", "5,4,4").exit_code == 0
    assert run(tmp_path / "x.zarr", tmp_path / "out", "--roi", "1:5,0:20,2:21").exit_code == 0
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == [f"section_{z:04d}.tif" for z in range(1, 5)]
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "out/section_0002.tif"), stack[2, :, 2:])


def test_labels_of_a_container(tmp_path, stack):
    root = zarr.create_group(tmp_path / "cell.zarr", zarr_format=2)
    array = root.create_array("volumes/labels/mito", data=(stack > 99).astype(np.uint8))
    array.attrs["resolution"] = [5, 5, 5]
    result = run(tmp_path / "cell.zarr", tmp_path / "mito.tif", "--organelle", "mito")
    assert result.exit_code == 0
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "mito.tif"), stack > 99)


def test_errors_reach_the_caller(tmp_path, stack):
    missing = run(tmp_path / "in.tif", tmp_path / "x.zarr")
    assert isinstance(missing.exception, VolumeError)
    assert "--voxel-size z,y,x" in str(missing.exception)
    (tmp_path / "x.zarr").mkdir()
    existing = run(tmp_path / "in.tif", tmp_path / "x.zarr", "--voxel-size", "5")
    assert isinstance(existing.exception, OutputError)
    assert "\n" not in str(existing.exception)


def test_help_has_an_example():
    result = run("--help")
    assert result.exit_code == 0
    assert "asem convert sections/ cell.zarr" in result.output
