"""``asem simulate`` and ``asem demo``."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
import pytest
from asem_dataset_simulated import simulate_tissue
from asem_dataset_simulated.commands import demo, simulate
from asem_dataset_simulated.demo import run_demo
from asem_dataset_simulated.tissue.write import write_tissue
from click.testing import CliRunner

from asem_core import Registry, VoxelSize, open_labels, open_volume
from asem_core.errors import GeometryError, OutputError, PluginError
from asem_core.plugins import make_manager

SMALL = (24, 20, 28)


def test_simulate_writes_image_and_truth(tmp_path: Path) -> None:
    path = tmp_path / "cell.zarr"
    arguments = [str(path), "--shape", "24,20,28", "--voxel-size", "8,10,10", "--seed", "3"]
    result = CliRunner().invoke(simulate, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    assert f"{path}: 1 mito" in result.stdout
    expected = simulate_tissue(SMALL, voxel_size_nm=(8, 10, 10), seed=3)
    raw, truth, er = open_volume(path), open_labels(path, "mito"), open_labels(path, "er")
    assert raw.voxel_size == VoxelSize((8, 10, 10))
    np.testing.assert_array_equal(raw.read(raw.box), expected.raw)
    np.testing.assert_array_equal(truth.read(truth.box), expected.mito)
    np.testing.assert_array_equal(er.read(er.box), expected.er)


def test_simulate_replaces_only_when_told(tmp_path: Path) -> None:
    path = tmp_path / "cell.zarr"
    write_tissue(path, shape=SMALL, voxel_size=VoxelSize((10, 10, 10)), seed=1)
    with pytest.raises(OutputError, match="--overwrite"):
        write_tissue(path, shape=SMALL, voxel_size=VoxelSize((10, 10, 10)), seed=2)
    write_tissue(path, shape=SMALL, voxel_size=VoxelSize((10, 10, 10)), seed=2, overwrite=True)
    raw = open_volume(path)
    np.testing.assert_array_equal(raw.read(raw.box), simulate_tissue(SMALL, seed=2).raw)


def test_what_cannot_be_simulated_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(GeometryError, match="shape: expected"):
        write_tissue(tmp_path / "cell.zarr", shape=(4, 4, 4), voxel_size=VoxelSize((10, 10, 10)), seed=1)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("shape", ["big", "24,24", "24,24,x"])
def test_a_shape_that_is_no_shape(shape: str) -> None:
    result = CliRunner().invoke(simulate, ["cell.zarr", "--shape", shape])
    assert result.exit_code == 2
    assert "200,200,200" in result.output


def test_demo_scores_and_draws(tmp_path: Path, toy_registry: Registry) -> None:
    result = run_demo(tmp_path / "demo", registry=toy_registry, shape=(64, 64, 64))
    scores = result.evaluation.scores
    assert 0 < scores.without_zone.f1 < 1
    assert result.evaluation.compared_voxels == 64**3
    assert result.mitochondria >= 1
    assert result.pictures
    assert all(picture.is_file() for picture in result.pictures)
    assert open_labels(result.segmentation.path, "mito").shape == (64, 64, 64)


def test_demo_replaces_only_an_earlier_demo_and_only_when_told(tmp_path: Path, toy_registry: Registry) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("mine")
    first = run_demo(tmp_path, registry=toy_registry, shape=SMALL)
    again = run_demo(tmp_path, registry=toy_registry, shape=SMALL)
    assert again.evaluation.scores == first.evaluation.scores
    with pytest.raises(OutputError, match="--overwrite"):
        run_demo(tmp_path, registry=toy_registry, shape=SMALL, seed=1)
    run_demo(tmp_path, registry=toy_registry, shape=SMALL, seed=1, overwrite=True)
    assert notes.read_text() == "mine"


@pytest.mark.parametrize("name", ["cell.zarr", "mito.zarr", "pictures/mito_evaluation_z0012.png"])
def test_demo_keeps_what_is_not_a_demos(tmp_path: Path, toy_registry: Registry, name: str) -> None:
    folder = tmp_path / "demo"
    mine = folder / name
    mine.parent.mkdir(parents=True, exist_ok=True)
    mine.write_text("mine")
    with pytest.raises(OutputError, match="is not replaced"):
        run_demo(folder, registry=toy_registry, shape=SMALL, overwrite=True)
    assert [path for path in folder.rglob("*") if path.is_file()] == [mine]


def test_a_cell_that_is_no_zarr_or_in_the_way(tmp_path: Path) -> None:
    from asem_dataset_simulated.simulate import Request, simulate_to

    with pytest.raises(OutputError, match=r"name it NAME\.zarr"):
        simulate_to(tmp_path / "cell.tif", Request())
    (tmp_path / "cell.zarr").mkdir()
    (tmp_path / "cell.zarr" / "mine.txt").touch()
    for overwrite in (False, True):
        with pytest.raises(OutputError, match=r"exists already|is not replaced"):
            simulate_to(tmp_path / "cell.zarr", Request(preset="cf"), overwrite=overwrite)


def test_demo_without_the_mitochondria_plugin_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="pip install asem-organelle-mito"):
        run_demo(tmp_path / "demo", registry=Registry(make_manager([])))
    assert not (tmp_path / "demo").exists()


@pytest.mark.parametrize("command", [simulate, demo])
def test_help_has_an_example(command: click.Command) -> None:
    assert f"asem {command.name}" in CliRunner().invoke(command, ["--help"]).output
