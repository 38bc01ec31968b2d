"""Presets, named cells and their parts, at ``simulated://`` too; what is asked for wrongly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import zarr
from asem_dataset_simulated import Request, make_view, render_cell, simulate_to
from asem_dataset_simulated.cell.named import CELLS, NamedCell
from asem_dataset_simulated.cell.pores import Diameters
from asem_dataset_simulated.cell.scene import CellSpec
from asem_dataset_simulated.commands import simulate
from asem_dataset_simulated.datasets import named_datasets
from asem_dataset_simulated.plugin import asem_register_datasets
from asem_dataset_simulated.simulate import find_window
from click.testing import CliRunner

from asem_core import VoxelSize, open_labels, open_volume
from asem_core.cli.info import info
from asem_core.datasets.fetch import fetch
from asem_core.datasets.source import open_dataset
from asem_core.errors import AsemError, GeometryError, VolumeError
from asem_core.geometry import Box

REPOSITORY = Path(__file__).parents[4]


def test_named_cells_play_the_roles_of_the_papers() -> None:
    roles = {name: (cell.spec.fixation, cell.role, cell.mirrors) for name, cell in CELLS.items() if cell.mirrors}
    assert roles == {
        "cf-1": ("CF", "training", "cell 1"), "cf-2": ("CF", "training", "cell 2"),
        "cf-3": ("CF", "naive", "cell 3"), "cf-6": ("CF", "naive", "cell 6"),
        "hpfs-19": ("HPFS", "training", "cell 19"), "hpfs-20": ("HPFS", "training", "cell 20"),
        "hpfs-21": ("HPFS", "naive", "cell 21"), "hpfs-22": ("HPFS", "naive", "cell 22"),
    }  # fmt: skip
    assert len({cell.spec.seed for cell in CELLS.values()}) == len(CELLS)


def test_crowded_cells_are_apart_from_those_of_the_papers() -> None:
    crowded = {name: (cell.spec.fixation, cell.role) for name, cell in CELLS.items() if cell.spec.crowded}
    assert crowded == {
        f"{fixation.lower()}-crowded-{number}": (fixation, "training" if number <= 4 else "naive")
        for fixation in ("CF", "HPFS")
        for number in range(1, 7)
    }
    assert not any(CELLS[name].mirrors for name in crowded)
    assert all(cell.mirrors for name, cell in CELLS.items() if name not in crowded)


def test_no_recipe_reads_a_naive_cell() -> None:
    folders = ("plugins/organelles", "asem_core/training", "zoo/experiments")
    files = [file for folder in folders for file in REPOSITORY.glob(f"{folder}/**/*.yaml")]
    recipes = [file for file in files if not file.name.endswith((".card.yaml", "rdf.yaml"))]
    assert recipes
    naive = [name for name, cell in CELLS.items() if cell.role == "naive"]
    for recipe in recipes:
        assert not [name for name in naive if name in recipe.read_text()], recipe


@pytest.mark.parametrize("name", CELLS)
def test_parts_lie_in_their_cell_and_do_not_overlap(name: str) -> None:
    cell, boxes = CELLS[name], []
    for part in cell.parts:
        window = find_window(Request(preset=name, part=part, voxel_size=VoxelSize((5, 5, 5))))
        low = np.array(window.origin_nm)
        boxes.append(Box(low.astype(int).tolist(), (low + np.array(window.shape) * 5).astype(int).tolist()))
    whole = Box.of_shape([int(v) for v in cell.spec.extent_nm])
    assert all(whole.contains(box) for box in boxes)
    if cell.role == "training":
        used = [box for part, box in zip(cell.parts, boxes, strict=True) if part in ("training", "validation")]
        assert not used[0].intersect(used[1]).size


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"preset": "cf-9"},
            r"cf-9: there is no such preset; there are: tissue, cf, hpfs, .*-crowded, hpfs-crowded, cf-1",
        ),
        ({"preset": "cf-3", "part": "training"}, r"cf-3 has no part 'training'; it has: evaluation.*, whole"),
        ({"preset": "cf-3", "seed": 4}, r"--seed: cf-3 is one cell; another is drawn with --preset cf or hpfs"),
        ({"preset": "cf-3", "pore_diameter_nm": 80.0}, "--pore-diameter: cf-3 is one cell"),
        ({"preset": "tissue", "part": "training"}, "--part is for cells"),
        ({"preset": "tissue", "diameter_um": 8.0}, "--diameter is for cells"),
        ({"preset": "cf", "diameter_um": 1.0}, "diameter: expected 2.5 to 30 um, got 1"),
        ({"preset": "cf", "pore_diameter_nm": 300.0}, "pore diameters: expected"),
        ({"preset": "hpfs", "shape": (4, 4, 4)}, "shape: expected every side at least 160 nm"),
        ({"preset": "hpfs", "voxel_size": VoxelSize((20, 10, 10))}, "voxel_size_nm: expected three numbers from 3 to"),
        ({"preset": "cf-3", "part": "evaluation", "shape": (99, 99, 99)}, "--part says which part is drawn"),
    ],
)
def test_what_cannot_be_simulated_is_one_line_and_leaves_nothing(
    tmp_path: Path, options: dict[str, object], message: str
) -> None:
    with pytest.raises(AsemError, match=message) as caught:
        simulate_to(tmp_path / "cell.zarr", Request(**options))
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("values", [{"seed": -1}, {"seed": 1, "fixation": "RTF"}])
def test_impossible_cells(values: dict[str, object]) -> None:
    with pytest.raises((ValueError, GeometryError)):
        CellSpec(**values)


def test_simulate_writes_a_cell_where_it_is_asked_to(tmp_path: Path) -> None:
    path = tmp_path / "cell.zarr"
    arguments = "--preset hpfs --diameter 2.5 --seed 3 --shape 16,20,24 --voxel-size 16 --origin 1500,1500,1500"
    result = CliRunner().invoke(simulate, [str(path), *arguments.split()], catch_exceptions=False)
    assert result.exit_code == 0
    assert "mito" in result.stdout
    raw = open_volume(path)
    assert raw.lower_edge_nm == (1500.0, 1500.0, 1500.0)
    spec = CellSpec(seed=3, fixation="HPFS", diameter_um=2.5, pore_diameters=Diameters())
    request = Request(preset="hpfs", diameter_um=2.5, seed=3, shape=raw.shape, voxel_size=raw.voxel_size,
                      origin_nm=raw.lower_edge_nm)  # fmt: skip
    view = make_view(request)
    assert view.window.spec == spec
    expected = render_cell(view, raw.box)
    np.testing.assert_array_equal(raw.read(raw.box), expected["image"])
    np.testing.assert_array_equal(open_labels(path, "er").read(raw.box), expected["er"])


def test_help_names_every_cell() -> None:
    text = CliRunner().invoke(simulate, ["--help"]).output
    assert all(name in text for name in CELLS)


def test_a_part_is_read_at_its_address_as_simulate_writes_it(tiny: NamedCell) -> None:
    view = make_view(Request(preset="tiny", part="piece"))
    expected = render_cell(view, Box.of_shape(view.shape))
    raw = open_volume("simulated://tiny/piece")
    assert raw.shape == (40, 40, 40)
    assert (raw.voxel_size, raw.lower_edge_nm) == (VoxelSize((10, 10, 10)), view.origin_nm)
    np.testing.assert_array_equal(raw.read(raw.box), expected["image"])
    er = open_labels("simulated://tiny/piece", "er")
    box = Box((3, 5, 7), (20, 40, 39))
    np.testing.assert_array_equal(er.read(box), expected["er"][box.slices])
    np.testing.assert_array_equal(zarr.open("simulated://tiny/piece", mode="r")["labels/cell/0"][:], expected["cell"])
    assert open_volume("simulated://tiny/piece@5").shape == (80, 80, 80)


def test_a_part_is_fetched_as_a_data_set(tiny: NamedCell, tmp_path: Path) -> None:
    spec = next(spec for spec in named_datasets() if spec.name == "sim-tiny-piece")
    opened = open_dataset(spec, ["er"])
    fetch(opened, tmp_path / "piece.zarr", roi=Box((0, 0, 0), (20, 40, 40)))
    copy = open_labels(tmp_path / "piece.zarr", "er")
    np.testing.assert_array_equal(copy.read(copy.box), opened.labels["er"].volume.read(copy.box))


def test_info_of_an_address_draws_nothing(tiny: NamedCell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asem_dataset_simulated.cell.draw.make_cell", lambda _: pytest.fail("a cell was drawn"))
    result = CliRunner().invoke(info, ["simulated://tiny/piece@8"], catch_exceptions=False)
    assert "50 x 50 x 50 voxels" in result.output
    assert "er, golgi" in result.output


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("simulated://cf-9/evaluation", "no simulated cell 'cf-9'; there are: cf-1"),
        ("simulated://cf-3/training", "cf-3 has no part 'training'; it has: evaluation"),
        ("simulated://cf-3", "name one, simulated://cf-3/PART; there are: evaluation"),
        ("simulated://cf-3/evaluation@50", "expected three numbers from 3 to 16"),
        ("simulated://cf-3/evaluation@x", "a voxel size is z,y,x in nm"),
        ("simulated://cf-3/evaluation/labels/brain", "there is no Zarr or N5 metadata"),
    ],
)
def test_wrong_addresses_are_one_line(address: str, message: str) -> None:
    with pytest.raises(VolumeError, match=message) as caught:
        open_volume(address)
    assert "\n" not in str(caught.value)


def test_data_sets_cover_every_part() -> None:
    specs = {spec.name: spec for spec in asem_register_datasets()}
    assert set(specs) == {f"sim-{cell.name}-{part}" for cell in CELLS.values() for part in cell.parts}
    naive = specs["sim-hpfs-21-evaluation"]
    assert (naive.fixation, naive.split, naive.uri) == ("HPFS", "naive", "simulated://hpfs-21/evaluation")
    assert specs["sim-cf-1-validation"].split == "validation"
    assert all(place["dilate_voxels"] == 0 for spec in specs.values() for place in spec.labels.values())
