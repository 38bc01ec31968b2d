"""The experiments of ``zoo/experiments``: what they show a network, and what they make of its scores."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import yaml
import zarr

from asem_core import open_labels, open_volume
from asem_core.errors import AsemError
from asem_core.geometry import Box, VoxelSize
from asem_core.registry import make_registry
from asem_core.specs import DatasetBlock, DatasetSpec
from asem_core.training.curves import Curves, Validated, Validation
from asem_core.training.recipe import load_recipe

from ..scripts import load_script

EXPERIMENTS = Path(__file__).parents[2] / "zoo" / "experiments"


def load(name: str) -> ModuleType:
    return load_script(EXPERIMENTS / f"{name}.py")


@pytest.fixture
def labels() -> np.ndarray:
    found = np.zeros((12, 60, 60), np.uint16)
    found[4:8, 20:24, 20:24] = 1
    found[4:8, 28:32, 20:24] = 2
    found[4:8, 50:54, 50:54] = 3
    found[0:4, 5:9, 50:54] = 4  # cut by a face
    return found


def test_a_box_is_centred_and_lies_in_the_volume(labels: np.ndarray) -> None:
    boxes = load("few").boxes_of(labels, side=20)
    assert boxes == {
        1: Box((0, 12, 12), (12, 32, 32)),
        2: Box((0, 20, 12), (12, 40, 32)),
        3: Box((0, 40, 40), (12, 60, 60)),
    }


def test_only_the_annotated_object_is_visible(labels: np.ndarray) -> None:
    few = load("few")
    mask = few.visible(labels, {1: few.boxes_of(labels, side=20)[1]})
    assert mask[labels == 1].all()
    assert not mask[labels == 2].any()
    assert not mask[:, 33:].any()
    assert not mask[5, 27, 22], "nor is what lies beside the other object"
    assert mask[5, 25 - 2, 22]


def test_the_choice_is_seeded_and_its_boxes_are_apart(labels: np.ndarray) -> None:
    few = load("few")
    chosen = few.choose(labels, 2, seed=1, side=20)
    assert chosen == few.choose(labels, 2, seed=1, side=20)
    assert {label for one in chosen for label in one} in ({1, 3}, {2, 3})
    with pytest.raises(SystemExit, match="only 2 objects"):
        few.choose(labels, 3, seed=1, side=20)


@pytest.mark.parametrize("path", sorted(EXPERIMENTS.glob("*.yaml")), ids=lambda path: path.stem)
def test_recipes_are_recipes(path: Path) -> None:
    assert load_recipe(path).organelle == path.name.partition("_")[0]


@pytest.mark.parametrize("path", sorted(EXPERIMENTS.glob("*_few.yaml")), ids=lambda path: path.stem)
def test_recipes_of_few_objects_read_the_masks(path: Path) -> None:
    few = load("few")
    recipe = load_recipe(path)
    made = {
        f"cells/{choice.volume}-few-{choice.organelle}-training.zarr"
        for choice in few.CHOICES
        if choice.organelle == recipe.organelle
    }
    assert {data.mask for data in recipe.training} == made


@pytest.fixture
def experiment(tmp_path: Path) -> Any:
    """On cells that are there already: empty folders."""
    cells = load("cells")
    paper = load("paper")
    for name in ("cf-1-training", "cf-2-training", "hpfs-19-training", "hpfs-20-training"):
        (tmp_path / "cells" / f"{name}.zarr").mkdir(parents=True)
    simulated = cells.Simulated(folder=tmp_path)
    return paper.Experiment(folder=tmp_path, cells=simulated, registry=make_registry(), iterations=(120, 60), seed=1)


def test_every_row_is_a_recipe_of_one_budget(experiment: Any) -> None:
    paper, tables = load("paper"), load("tables")
    for title in ("S5", "S6-S8"):
        for row in tables.TABLES[title].rows:
            if row.checkpoints:
                continue
            plan = experiment.folder / "plan.yaml"
            plan.write_text(yaml.safe_dump(paper.recipe_for(experiment, "er", row)))
            recipe = load_recipe(plan)
            assert recipe.iterations == 120 + 60
            assert len(recipe.training) == len(row.cells), row.name
            assert all(data.share is None for data in recipe.training), "cells are drawn by their volume"
            assert [stage.name for stage in recipe.preprocess or ()] == [stage["name"] for stage in row.stages]


def test_a_row_of_two_tables_is_trained_once_and_others_are_not_confused(experiment: Any) -> None:
    paper, tables = load("paper"), load("tables")
    folders = {
        (title, row.name): paper.place_of(experiment, "er", row)
        for title, table in tables.TABLES.items()
        for row in table.rows
        if not row.checkpoints
    }
    same = {("S5", "none"), ("S6-S8", "CF"), ("S9", "10 nm")}
    assert len({folders[key] for key in same}) == 1
    others = [folder for key, folder in folders.items() if key not in same]
    assert len({*others, folders["S5", "none"]}) == len(others) + 1


def test_the_table_has_the_papers_figures_in_brackets_and_a_gap_where_a_cell_is_not_there() -> None:
    cells, paper, tables = load("cells"), load("paper"), load("tables")
    table = tables.TABLES["S6-S8"]
    found = {"A": {"f1": {str(cell): 0.5 for cell in table.scored if cell != 2}}}
    text = paper.as_markdown("er", table.scored, found, table.paper["er"], cells.Simulated(folder=Path()))
    assert "| er | cf-1 | cf-2 | cf-3 | cf-6 | hpfs-19 |" in text
    assert "| A | 0.50 (0.86) |  (0.29) | 0.50 (0.70) | 0.50 (0.52) | 0.50 | 0.50 | 0.50 | 0.50 |" in text


def test_figures_of_the_paper_fit_the_columns() -> None:
    for table in load("tables").TABLES.values():
        for by_row in table.paper.values():
            assert set(by_row) <= {row.name for row in table.rows}
            assert {len(figures) for figures in by_row.values()} == {len(table.scored)}


class TestPublishedCells:
    """``--cells asem`` against a folder that stands in for the bucket."""

    @pytest.fixture
    def published(self, tmp_path: Path) -> Any:
        raw, er = tmp_path / "bucket/cell_1.zarr/volumes/raw", tmp_path / "bucket/cell_1.zarr/volumes/labels/er"
        for path, value in ((raw, 100), (er, 1)):
            array = zarr.create_array(path, shape=(24, 24, 24), chunks=(24, 24, 24), dtype="uint8", zarr_format=2)
            array[:] = value
            array.attrs.update({"resolution": [5, 5, 5], "offset": [0, 0, 0]})
        spec = DatasetSpec(
            name="cell_1", uri="s3://nowhere", image="volumes/raw", voxel_size_nm=(5, 5, 5), licence="", citation="",
            labels={"er": {"path": "volumes/labels/er"}},
            blocks=(
                DatasetBlock(name="er-training-1", organelle="er", role="training", start=(4, 0, 0), shape=(20, 9, 9)),
                DatasetBlock(name="er-training-2", organelle="er", role="training", shape=(9, 9, 9), ordered=False),
                DatasetBlock(name="er-validation-1", organelle="er", role="validation"),
            ),
        )  # fmt: skip
        cells = load("cells")
        registry = SimpleNamespace(datasets={"cell_1": spec}, readers=make_registry().readers)
        return cells.Published(folder=tmp_path / "runs", registry=registry, source=str(tmp_path / "bucket"))

    def test_a_block_with_a_place_is_fetched_and_the_others_are_named(
        self, published: Any, capsys: pytest.CaptureFixture[str]
    ) -> None:
        cells = load("cells")
        (block,) = published.blocks(1, "training", "er", 5.0)
        assert open_volume(published.folder / block["raw"]).shape == (20, 9, 9)
        assert open_labels(published.folder / block["labels"], "er").read(Box((0, 0, 0), (1, 1, 1))) == 1
        said = capsys.readouterr().out
        assert "fetching cells/cell_1-er-training-1.zarr" in said
        assert "cell_1-er-training-2.zarr is not there, and where er-training-2 lies is not published" in said
        with pytest.raises(AsemError, match="no scored block of er in cell_1"):
            cells.some(published, (1,), "scored", "er", 5.0)

    def test_what_somebody_has_put_there_is_taken_with_its_mask(self, published: Any) -> None:
        put = published.folder / "cells" / "cell_1-er-validation-1.zarr"
        (put / "labels" / "annotated").mkdir(parents=True)
        assert published.blocks(1, "scored", "er", 5.0) == [
            {
                "raw": f"cells/{put.name}",
                "labels": f"cells/{put.name}",
                "mask": f"cells/{put.name}/labels/annotated",
            }
        ]


def test_what_is_scored_chooses_nothing() -> None:
    def found(loss: float, f1: float) -> Validation:
        return Validation(loss=loss, f1_with_zone=f1, f1_without_zone=f1, precision=f1, recall=f1)

    losses = [1.0, 0.2, 0.2, 0.2, 0.9]
    points = [
        Validated(iteration=at, volumes={"by": found(loss, 0.5), "other": found(1 - loss, 0.1 * at)})
        for at, loss in enumerate(losses, start=1)
    ]
    regime, f1 = load("selection").choose(Curves(training=(), validated=tuple(points)), by=1, size=3)
    assert (regime.first, regime.chosen, regime.last) == (2, 3, 4)
    assert f1 == pytest.approx({1: 0.1, 2: 0.2, 3: 0.3, 4: 0.4, 5: 0.5})


def test_a_block_has_the_volume_that_it_is_called_by() -> None:
    much = load("how_much")
    size, within = VoxelSize((70.0, 10.0, 10.0)), Box((0, 0, 512), (20, 1024, 1024))
    blocks = [much.block_of(um3, (10, 500, 700), within, size) for um3 in much.SIZES]
    for um3, block in zip(much.SIZES, blocks, strict=True):
        assert block.intersect(within) == block
        assert block.size * 70 * 10 * 10 / 1e9 == pytest.approx(um3, rel=0.05)
    for smaller, larger in pairwise(blocks):
        assert smaller.intersect(larger) == smaller
    assert much.block_of(1.0, (0, 0, 512), within, size).start == within.start


def test_blocks_lie_where_the_organelle_is_about_as_frequent_as_everywhere() -> None:
    much = load("how_much")
    size, within = VoxelSize((10.0, 10.0, 10.0)), Box((0, 0, 0), (170, 170, 400))
    labels = np.zeros(within.shape, bool)
    labels[::4, :, 200:] = True  # none of it on the left, twice as much as in all on the right
    centre = much.choose_centre(labels, within, size)
    shares = [labels[much.block_of(um3, centre, within, size).slices].mean() for um3 in much.SIZES]
    assert max(shares) < 0.2
    assert min(shares) > 0.08


def test_the_table_of_how_much() -> None:
    much = load("how_much")
    f1 = {"with zone": 0.9, "without zone": 0.8}
    result = {"um3": 0.5, "iterations": 70, "kept": True, "f1": {"fine-tuned": f1}}
    rows = much.table([result], {"with zone": 0.6, "without zone": 0.4}).splitlines()
    assert rows[2] == "| 0 | 0 | 0.600 / 0.400 | | |"
    assert rows[3] == "| 0.5 | 70 | 0.900 / 0.800 |  | new |"


def test_strokes_are_true_and_few() -> None:
    own = load("own_cell")
    labels = np.zeros((20, 200, 200), bool)
    labels[:, 40:60, 30:170] = labels[:, 120:150, 100:130] = True
    drawn = own.strokes(labels, seed=0)
    assert set(np.flatnonzero(drawn.any((1, 2)))) == set(own.SECTIONS)
    assert labels[drawn == 2].all()
    assert not labels[drawn == 1].any()
    assert 0.01 < (drawn == 2).sum() / labels[list(own.SECTIONS)].sum() < 0.3
    assert (drawn == 1).sum() >= own.BACKGROUND * (drawn == 2).sum()
    assert (own.strokes(labels, seed=0) == drawn).all()


def test_realism_puts_a_wave_into_its_band() -> None:
    realism = load("realism")
    x = np.arange(256) * realism.PIXEL_NM
    for period in (25, 40, 80, 160):
        wave = np.broadcast_to(10 * np.sqrt(2) * np.sin(2 * np.pi * x / period), (256, 256))
        found = realism.spectrum([(wave, np.ones(wave.shape, bool))])
        place = next(index for index, (low, high) in enumerate(realism.PERIODS_NM) if low < period < high)
        assert found[place] == pytest.approx(10, rel=0.12)
        assert np.linalg.norm(found) == pytest.approx(10, rel=0.03)


def test_realism_measures_what_counts_only() -> None:
    realism = load("realism")
    rng = np.random.default_rng(1)
    picture, counts = rng.normal(50, 10, (256, 256)), np.ones((256, 256), bool)
    counts[:, 192:] = False
    shown = picture.copy()
    shown[:, 192:] = 1000
    before, after = (realism.measure([(each, counts)]) for each in (picture, shown))
    assert before["grey 50 %"] == after["grey 50 %"] == pytest.approx(50, abs=0.5)
    assert before["20-30 nm"] == after["20-30 nm"]
    assert before["empty 10 nm"] > 3 * before["empty 80 nm"], "white noise is fine"


def test_realism_compares_with_the_range_and_the_mean() -> None:
    realism = load("realism")
    real = {"a": {"grey": 40.0}, "b": {"grey": 50.0}}
    text = realism.table(real, {"new": [{"grey": 45.0}, {"grey": 42.0}], "old": [{"grey": 80.0}]})
    assert text.splitlines()[2] == "| grey | 40.0 | 50.0 | 43.5 (1.00, 1.03) | 80.0 (1.60, 1.79) |"
    assert "(" not in realism.table({}, {"old": [{"grey": 80.0}]})


def test_seeds_of_labels_that_were_drawn(labels: np.ndarray) -> None:
    drawn, truth = load("drawn"), labels > 0
    seeds = drawn.draw_seeds(truth, seed=0)
    assert np.flatnonzero(seeds.any(axis=(1, 2))).tolist() == [4]
    assert truth[seeds == 2].all()
    assert not truth[seeds == 1].any()
    assert 0.03 < (seeds[4] == 1).mean() < 0.07
    assert np.array_equal(seeds, drawn.draw_seeds(truth, seed=0))


@pytest.mark.parametrize(("strokes", "said"), [(0.78, "cost 0.020: within 0.03"), (0.7, "cost 0.100: more than 0.03")])
def test_what_strokes_cost_is_of_all_seeds(strokes: float, said: str) -> None:
    def found(labels: str, seed: int, f1: float) -> dict[str, Any]:
        scores = {"with zone": f1 + 0.1, "without zone": f1}
        return {"labels": labels, "seed": seed, "f1 of the labels": 1.0, "f1": {"fine-tuned": scores,
                "from scratch": scores}}  # fmt: skip

    runs = [found("truth", 0, 0.9), found("strokes", 0, strokes), found("truth", 1, 0.7), found("strokes", 1, strokes)]
    shown = load("drawn").table(runs)
    assert f"strokes {said}" in shown
    assert "training" not in shown
    assert f"{said}; training cost 0.000: within 0.03" in load("drawn").table([*runs, found("training", 0, 0.8)])
    assert "| truth | 1 | 1.000 | 0.800 / 0.700 | 0.800 / 0.700 |" in shown
