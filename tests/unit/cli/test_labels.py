from __future__ import annotations

import json

import numpy as np
import pytest
import tifffile
import zarr
from click.testing import CliRunner

from asem_core.cli.evaluate import evaluate
from asem_core.cli.labels import labels
from asem_core.errors import AsemError, OutputError, PluginError, VolumeError


@pytest.fixture
def sections(tmp_path):
    """One mitochondrion of 6 x 6 x 6 voxels, and a crumb, as TIFF sections of 0 and 255."""
    truth = np.zeros((12, 16, 20), np.uint8)
    truth[3:9, 4:10, 5:11] = 255
    truth[0, 15, 18:] = 255
    folder = tmp_path / "truth"
    folder.mkdir()
    for z, section in enumerate(truth):
        tifffile.imwrite(folder / f"section_{z:04d}.tif", section)
    return folder


def run(*arguments, command=labels):
    return CliRunner().invoke(command, [str(a) for a in arguments])


def prepare(source, out, *more, organelle="mito"):
    return run("prepare", source, "--organelle", organelle, "-o", out, *more)


def test_sections_to_scores(sections, tmp_path):
    out = tmp_path / "out.zarr"
    result = prepare(sections, out, "--voxel-size", "5,5,5")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "remove_small_objects (min_voxels 27 voxels = 3375 nm^3): 1 objects removed, -2 voxels",
        "dilate_labels (width (1, 1, 1) voxels = (5, 5, 5) nm): +216 voxels",
        "zone shell (dilate (4, 4, 4) voxels = (20, 20, 20) nm; erode (4, 4, 4) voxels = (20, 20, 20) nm): "
        f"{(zarr.open_array(out / 'labels/metric_mask/0', mode='r')[:] == 0).sum():,} voxels",
        f"{out}: 432 voxels labelled",
    ]
    assert set(np.unique(zarr.open_array(out / "0", mode="r")[:])) == {0, 255}
    masked, by_itself = (
        json.loads(run(out, out, "--organelle", "mito", "--json", *more, command=evaluate).stdout)
        for more in (["--mask", out / "labels" / "metric_mask", "--zone", "0,0"], [])
    )
    assert masked["without_zone"] == by_itself["with_zone"]
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_json_and_nothing_else_on_stdout(sections, tmp_path):
    more = ("--voxel-size", "5", "--json", "--no-cleanup", "--dilate", "0", "--zone", "incasem")
    document = json.loads(prepare(sections, tmp_path / "o.zarr", *more, organelle="er").stdout)
    assert [stage["name"] for stage in document["stages"]] == ["dilate_labels"]
    assert document["stages"][0]["changed"] == {"voxels_before": 218, "voxels_after": 218}
    assert document["zone"]["params"] == {"dilate": 2, "erode": 2}


def test_empty_labels_are_fine_and_said(sections, tmp_path):
    result = prepare(
        sections, tmp_path / "o.zarr", "--voxel-size", "5", "--cleanup", "remove_small_objects:min_voxels=999"
    )
    assert result.exit_code == 0
    assert "2 objects removed" in result.stdout
    assert "the labels hold no mito" in result.stderr


@pytest.mark.parametrize(("more", "kind", "message"), [
    ([], VolumeError, "--voxel-size"),
    (["--voxel-size", "5", "--cleanup", "fill_holes:9"], AsemError, "NAME:PARAMETER=VALUE"),
    (["--voxel-size", "5", "--cleanup", "fill_holes:n=9"], PluginError, "parameters of fill_holes: max_voxels"),
    (["--voxel-size", "5", "--no-cleanup", "--cleanup", "fill_holes"], AsemError, "exclude each other"),
    (["--voxel-size", "5", "--dataset", "nowhere"], PluginError, "unknown data set 'nowhere'"),
    (["--voxel-size", "5", "--zone", "4"], AsemError, "paper, incasem"),
])  # fmt: skip
def test_bad_input(sections, tmp_path, more, kind, message):
    result = prepare(sections, tmp_path / "o.zarr", *more)
    assert isinstance(result.exception, kind)
    assert message in str(result.exception)
    assert not (tmp_path / "o.zarr").exists()


def test_an_output_that_exists_is_kept(sections, tmp_path):
    (tmp_path / "o.zarr").mkdir()
    result = prepare(sections, tmp_path / "o.zarr", "--voxel-size", "5")
    assert isinstance(result.exception, OutputError)
    assert list((tmp_path / "o.zarr").iterdir()) == []


def test_real_numbers_are_no_labels(tmp_path):
    tifffile.imwrite(tmp_path / "p.tif", np.zeros((4, 5, 6), np.float32), photometric="minisblack")
    result = prepare(tmp_path / "p.tif", tmp_path / "o.zarr", "--voxel-size", "5")
    assert isinstance(result.exception, VolumeError)
    assert "threshold" in str(result.exception)


def test_help_has_examples():
    assert "asem labels prepare cell.zarr --organelle er --zone incasem" in run("prepare", "--help").stdout
