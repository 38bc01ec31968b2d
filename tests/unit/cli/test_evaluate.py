from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pluggy
import pytest
import tifffile
import zarr
from click.testing import CliRunner

from asem_core import builtin, hookspecs
from asem_core.cli.evaluate import evaluate
from asem_core.errors import AsemError, GeometryError, OutputError, PluginError, VolumeError
from asem_core.plugins import PluginRecord, Plugins
from asem_core.registry import Registry
from asem_core.specs import OrganelleSpec, StageRef

SHAPE = (12, 16, 20)
MITO = OrganelleSpec(
    name="mito",
    title="Mitochondria",
    exclusion_zone=StageRef(name="shell", params={"dilate": 2, "erode": 1}),
    zone_presets={"thick": StageRef(name="shell", params={"dilate": 3, "erode": 2})},
)


@pytest.fixture(autouse=True)
def registry(monkeypatch):
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    manager.register(builtin, name="asem-core")
    manager.register(SimpleNamespace(asem_register_organelles=hookspecs.hookimpl(lambda: [MITO])), name="toy")
    records = tuple(PluginRecord(name=name, distribution=name, version="0") for name in ("asem-core", "toy"))
    found = Registry(Plugins(manager=manager, records=records))
    monkeypatch.setattr("asem_core.registry.make_registry", lambda: found)


@pytest.fixture
def truth():
    labels = np.zeros(SHAPE, np.uint8)
    labels[3:10, 4:12, 5:15] = 1
    return labels


@pytest.fixture
def predicted(truth):
    return np.roll(truth, 1, axis=2)


@pytest.fixture
def published(tmp_path, predicted):
    """A prediction in the published layout, which states its voxel size."""
    array = zarr.open_group(tmp_path / "cell.zarr", mode="w", zarr_format=2).create_array(
        "volumes/labels/mito", data=predicted, chunks=(8, 8, 8)
    )
    array.attrs.update(offset=[0, 0, 0], resolution=[5, 5, 5])
    return tmp_path / "cell.zarr"


@pytest.fixture
def sections(tmp_path, truth):
    """Ground truth as TIFF sections, which state no voxel size."""
    folder = tmp_path / "truth"
    folder.mkdir()
    for z, section in enumerate(truth):
        tifffile.imwrite(folder / f"section_{z:04d}.tif", section)
    return folder


def run(*arguments):
    return CliRunner().invoke(evaluate, [str(a) for a in arguments], catch_exceptions=True)


def test_json_and_nothing_else_on_stdout(published, sections):
    result = run(published, sections, "--organelle", "mito", "--voxel-size", "5,5,5", "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert set(document["without_zone"]) == {"tp", "fp", "fn", "precision", "recall", "f1", "iou"}
    assert document["without_zone"] == pytest.approx(
        {"tp": 504, "fp": 56, "fn": 56, "precision": 0.9, "recall": 0.9, "f1": 0.9, "iou": 504 / 616}
    )
    assert document["with_zone"]["f1"] == 1
    assert document["zone"]["on_grid"]["dilate"]["nm"] == [10, 10, 10]
    assert document["figures"] == []


def test_a_table_to_read_and_pictures(published, sections, tmp_path):
    result = run(
        published,
        sections,
        "--organelle",
        "mito",
        "--voxel-size",
        "5",
        "--zone",
        "0,0",
        "--figures",
        tmp_path / "f",
        "--raw",
        sections,
        "--mask",
        sections,
    )
    assert result.exit_code == 0, result.output
    assert "with zone" in result.stdout
    assert "zone shell (dilate (0, 0, 0) voxels = (0, 0, 0) nm; erode (0, 0, 0) voxels = (0, 0, 0) nm)" in result.stdout
    assert "excluded by the zone: 0 of 560 voxels (0.0%)" in result.stdout
    pictures = sorted((tmp_path / "f").glob("*.png"))
    assert len(pictures) == 3
    assert all(f"picture: {path}" in result.stdout for path in pictures)


def test_a_missing_voxel_size_is_an_error_with_the_remedy(published, sections):
    result = run(published, sections, "--organelle", "mito")
    assert isinstance(result.exception, VolumeError)
    assert "--voxel-size" in str(result.exception)


def test_a_given_voxel_size_does_not_hide_a_disagreement(published, sections):
    result = run(published, sections, "--organelle", "mito", "--voxel-size", "10,10,10")
    assert isinstance(result.exception, GeometryError)
    assert "5 x 5 x 5 nm" in str(result.exception)
    assert "10 x 10 x 10 nm" in str(result.exception)


def test_an_unknown_organelle_lists_the_known(published, sections):
    result = run(published, sections, "--organelle", "mitos")
    assert isinstance(result.exception, PluginError)
    assert "installed: mito; did you mean 'mito'?" in str(result.exception)


@pytest.mark.parametrize("zone", ["4", "4,x", "-1,2", "1,2,3"])
def test_bad_zones(published, sections, zone):
    result = run(published, sections, "--organelle", "mito", f"--zone={zone}")
    assert isinstance(result.exception, AsemError)
    assert "such as 4,4, or a preset of mito (paper, thick), or ZONE:PARAMETER=VALUE,... of the zones shell" in str(
        result.exception
    )


def test_a_zone_by_its_name(published, sections):
    arguments = (published, sections, "--organelle", "mito", "--voxel-size", "5", "--json", "--zone")
    paper, thick = (json.loads(run(*arguments, name).stdout)["zone"] for name in ("paper", "thick"))
    assert (paper["params"], thick["params"]) == ({"dilate": 2, "erode": 1}, {"dilate": 3, "erode": 2})


def test_raw_needs_figures(published, sections):
    result = run(published, sections, "--organelle", "mito", "--raw", sections)
    assert isinstance(result.exception, AsemError)
    assert "--figures" in str(result.exception)


def test_help_has_an_example():
    assert "asem evaluate cell.zarr truth_tiffs/ --organelle mito" in run("--help").stdout


def test_objects_in_json_and_in_a_table(published, sections, tmp_path):
    table = tmp_path / "objects.csv"
    result = run(
        published,
        sections,
        "--organelle",
        "mito",
        "--voxel-size",
        "5",
        "--json",
        "--objects",
        "--objects-table",
        table,
        "--iou",
        "0.9",
        "--min-voxels",
        "9",
    )
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)["objects"]
    assert (found["at_iou"]["iou"], found["at_iou"]["tp"], found["any_overlap"]["tp"]) == (0.9, 0, 1)
    assert found["average_precision"]["mean"] == 0.7  # IoU 504 / 616: matched at 0.50 to 0.80
    assert found["min_voxels"] == 9
    assert [line.split(",")[2] for line in table.read_text().splitlines()] == ["outcome", "missed", "false"]


def test_objects_to_read(published, sections, tmp_path):
    result = run(
        published,
        sections,
        "--organelle",
        "mito",
        "--voxel-size",
        "5",
        "--objects",
        "--ignore-border",
        "--objects-table",
        tmp_path / "objects.csv",
    )
    assert result.exit_code == 0, result.output
    assert "IoU >= 0.5" in result.stdout
    assert "IoU 0.50:0.05:0.95: 0.7000 (at IoU 0.50: 1.0000; at IoU 0.75: 1.0000)" in result.stdout
    assert "truth: 1 objects (by components); 0 touch nothing of the other, 0 several objects; 0 ignored" in (
        result.stdout
    )
    assert f"table of objects: {tmp_path / 'objects.csv'}" in result.stdout


@pytest.mark.parametrize("option", [("--iou", "0.3"), ("--min-voxels", "0"), ("--ignore-border",)])
def test_options_of_objects_need_objects(published, sections, option):
    result = run(published, sections, "--organelle", "mito", "--voxel-size", "5", *option)
    assert isinstance(result.exception, AsemError)
    assert "add --objects" in str(result.exception)


def test_a_file_that_is_no_table_is_kept(published, sections, tmp_path):
    file = tmp_path / "notes.csv"
    file.write_text("mine")
    result = run(published, sections, "--organelle", "mito", "--voxel-size", "5", "--objects", "--objects-table", file)
    assert isinstance(result.exception, OutputError)
    assert file.read_text() == "mine"


def test_an_impossible_iou(published, sections):
    assert run(published, sections, "--organelle", "mito", "--objects", "--iou", "1.5").exit_code == 2


def test_a_voxel_size_that_contradicts_a_file_is_said(published, predicted, tmp_path):
    other = tmp_path / "other.zarr"
    zarr.create_array(other, data=predicted, chunks=(8, 8, 8)).attrs.update(offset=[0, 0, 0], resolution=[5, 5, 5])
    result = run(published, other, "--organelle", "mito", "--voxel-size", "4,4,4")
    assert result.exit_code == 0
    for name in (published, other):
        assert f"note: {name} states voxels of 5 x 5 x 5 nm: --voxel-size 4 x 4 x 4 nm is not used" in result.stderr


def test_values_that_are_not_known(published, predicted, tmp_path):
    labels = predicted.astype(np.int16)
    labels[:, :, 12:] = -1
    zarr.create_array(tmp_path / "truth.zarr", data=labels, chunks=(8, 8, 8)).attrs.update(
        offset=[0, 0, 0], resolution=[5, 5, 5]
    )
    refused = run(published, tmp_path / "truth.zarr", "--organelle", "mito")
    assert "--ignore-label -1" in str(refused.exception)
    where = ("--organelle", "mito", "--ignore-label", "-1", "--json", "--objects", "--figures", tmp_path / "pictures")
    document = json.loads(run(published, tmp_path / "truth.zarr", *where).stdout)
    assert document["voxels"]["compared"] == 12 * 16 * 12
    assert document["without_zone"]["f1"] == 1
    assert document["objects"]["at_iou"]["f1"] == 1
    assert document["figures"]


@pytest.mark.parametrize(("grey", "black_white"), [("0:4095", (0, 4095)), ("4095:0", (4095, 0)), ("auto", (0, 3800))])
def test_one_range_of_grey_for_all_pictures(published, tmp_path, monkeypatch, grey, black_white):
    from asem_core.draw import overlay

    drawn = []

    def noted(plane, shape, *, black_white=None):
        drawn.append(black_white)
        return np.zeros((*shape, 3), np.uint8)

    monkeypatch.setattr(overlay, "grey", noted)
    ramp = np.broadcast_to(np.arange(20, dtype=np.uint16) * 200, SHAPE)
    zarr.create_array(tmp_path / "raw.zarr", data=ramp, chunks=(8, 8, 8)).attrs.update(
        offset=[0, 0, 0], resolution=[5, 5, 5]
    )
    result = run(published, published, "--organelle", "mito", "--figures", tmp_path / "pictures",
                 "--raw", tmp_path / "raw.zarr", "--grey", grey)  # fmt: skip
    assert result.exit_code == 0, result.exception
    assert len(drawn) >= 3
    assert set(drawn) == {black_white}


def test_grey_is_about_pictures(published, sections):
    result = run(published, sections, "--organelle", "mito", "--grey", "0:4095")
    assert "--figures FOLDER" in str(result.exception)
