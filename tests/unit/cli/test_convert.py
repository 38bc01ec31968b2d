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


def test_crop_in_nm_paste_and_resample(tmp_path, stack):
    run(tmp_path / "in.tif", tmp_path / "x.zarr", "--voxel-size", "5,4,4")
    assert run(tmp_path / "x.zarr", tmp_path / "crop.zarr", "--roi", "5:25,0:80,8:84nm").exit_code == 0
    pasted = run(tmp_path / "crop.zarr", tmp_path / "out.tif", "--paste-into", tmp_path / "x.zarr")
    assert pasted.exit_code == 0
    assert "note: placed at voxel 1,0,2 (z,y,x)" in pasted.output
    expected = np.zeros_like(stack)
    expected[1:5, :, 2:] = stack[1:5, :, 2:]
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "out.tif"), expected)
    small = run(tmp_path / "x.zarr", tmp_path / "small.zarr", "--resample", "10,8,8", "--roi", "2:6,0:20,0:20")
    assert small.exit_code == 0
    mean = stack[2:, :, :20].reshape(2, 2, 10, 2, 10, 2).mean((1, 3, 5))
    np.testing.assert_array_equal(np.asarray(zarr.open_array(tmp_path / "small.zarr/0", mode="r")), np.rint(mean))


def test_pasting_asks_what_the_crop_states(tmp_path, stack):
    run(tmp_path / "in.tif", tmp_path / "crop.zarr", "--voxel-size", "10")
    size = ("--voxel-size", "5")
    result = run(tmp_path / "crop.zarr", tmp_path / "out.zarr", "--paste-into", tmp_path / "in.tif", *size)
    assert "crop.zarr has voxels of 10 x 10 x 10 nm but" in str(result.exception)


@pytest.mark.parametrize("more", [("--roi", "0:1,0:2,0:2"), ("--resample", "8")])
def test_paste_goes_alone(tmp_path, stack, more):
    result = run(tmp_path / "in.tif", tmp_path / "y.zarr", "--paste-into", tmp_path / "in.tif", *more)
    assert result.exit_code == 2
    assert "--paste-into goes alone" in result.output


def test_the_reference_is_not_overwritten(tmp_path, stack):
    words = (tmp_path / "in.tif", tmp_path / "ref.zarr", "--voxel-size", "5")
    run(*words)
    result = run(*words, "--paste-into", tmp_path / "ref.zarr", "--overwrite")
    assert "would lie in, or replace, what is read" in str(result.exception)
