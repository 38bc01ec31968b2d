"""A cut block by block: the same evidence as at once, and the cut of what is round a block."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from asem_annotate import by_blocks, cut, scene
from asem_annotate.by_blocks import cut_block, halo_of
from asem_annotate.commands import annotate
from asem_annotate.energy import boundary_costs, find_evidence, find_strokes
from asem_annotate.labelling import solve, without_rim
from asem_annotate.prepared import prepare
from asem_annotate.settings import PRESETS, Settings
from asem_annotate.survey import Survey, joined, load_survey, nearest, save_survey, survey
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from asem_core import AsemError, Box, VoxelSize, convert, open_volume
from asem_core.errors import BudgetError, VolumeError
from asem_core.volume import Volume

from .cells import VOXELS, dice, make_cell, mark

PARAMS = Settings(edge=3, iterations=1, smooth=0.7, grey_smooth=1)
_GREY, _TRUTH = make_cell()
GREY = np.tile(_GREY, (4, 2, 2))[:80, :72]
TRUTH = np.tile(_TRUTH, (4, 2, 2))[:80, :72]
SEEDS = mark(TRUTH, (12, 36, 60))
WHOLE = Box.of_shape(GREY.shape)
SIZES = {"cubes": VOXELS, "thick sections": VoxelSize((24.0, 8.0, 8.0))}


def surveyed(core: Box, *, size: VoxelSize, whole: Box = WHOLE, halo: tuple[int, int, int] | None = None) -> Survey:
    """That of one block."""
    box = core.grow(halo or halo_of(PARAMS, size)).intersect(whole)
    return survey(GREY[box.slices], SEEDS[box.slices], box=box, core=core, whole=whole, values=4, voxel_size=size,
                  settings=PARAMS)  # fmt: skip


def boxes_of(whole: Box) -> st.SearchStrategy[Box]:
    spans = [
        st.tuples(st.integers(a, b - 8), st.integers(8, b - a)).map(lambda p, b=b: (p[0], min(p[0] + p[1], b)))
        for a, b in zip(whole.start, whole.stop, strict=True)
    ]
    return st.tuples(*spans).map(lambda pairs: Box([a for a, _ in pairs], [b for _, b in pairs]))


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Halos as narrow as the supervoxels allow."""
    monkeypatch.setattr(by_blocks, "HALO", 0)


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_surveys_of_blocks_are_that_of_the_whole(size: VoxelSize) -> None:
    part = Box((2, 3, 1), (79, 70, 88))  # the lattice begins outside of it
    whole = surveyed(part, size=size, whole=part)
    found = joined([surveyed(core, size=size, whole=part) for core in part.tiles((31, 40, 29))])
    assert found.supervoxels == whole.supervoxels
    assert found.touching.pairs == whole.touching.pairs
    for name in ("mean_squared", "mean", "deviation"):
        assert getattr(found.touching, name) == pytest.approx(getattr(whole.touching, name), rel=1e-9), name
    assert (found.darkest, found.brightest) == (whole.darkest, whole.brightest)
    assert np.array_equal(found.levels, whole.levels)
    for name in ("cells", "features", "weights"):
        assert np.array_equal(getattr(found, name), getattr(whole, name)), name


def test_a_survey_without_a_halo_would_be_another() -> None:
    """So that the test above could fail."""
    cores = list(WHOLE.tiles((40, 36, 44)))
    found = joined([surveyed(core, size=VOXELS, halo=(0, 0, 0)) for core in cores])
    assert found.touching.pairs != surveyed(WHOLE, size=VOXELS).touching.pairs


def test_a_survey_is_kept(tmp_path: Path) -> None:
    found = surveyed(WHOLE, size=VOXELS)
    save_survey(tmp_path / "s" / "a.npz", found)
    kept = load_survey(tmp_path / "s" / "a.npz")
    for name, value in attrs.asdict(found, recurse=False).items():
        assert np.array_equal(getattr(kept, name), value), name


def test_a_damaged_survey_is_made_again(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = {"organelle": ["mito", "er"], "settings": PARAMS, "roi": Box.parse("0:80,0:40,0:44")}
    whole = cut(world / "raw.zarr", world / "seeds.zarr", output=world / "whole.zarr", **arguments)

    def damaged(path: Path, found: Survey) -> None:
        save_survey(path, found)
        path.write_bytes(path.read_bytes()[:-100])

    monkeypatch.setattr(by_blocks, "save_survey", damaged)
    again = cut(world / "raw.zarr", world / "seeds.zarr", output=world / "again.zarr", **arguments)
    assert again.voxels == whole.voxels


PREPARED = prepare(GREY, voxel_size=VOXELS, settings=PARAMS)
LIKENESS = find_evidence(PREPARED, find_strokes(PREPARED, SEEDS)).likeness
FOUND = joined([survey(GREY, SEEDS, box=WHOLE, core=WHOLE, whole=WHOLE, values=4, voxel_size=VOXELS, settings=PARAMS)])


@given(core=boxes_of(WHOLE))
@settings(deadline=None, max_examples=10)
def test_what_seeds_say_in_a_block_is_what_they_say_in_the_whole(core: Box) -> None:
    """Of every supervoxel that has a voxel in the core, and of every boundary between two of them."""
    box = core.grow(halo_of(PARAMS, VOXELS)).intersect(WHOLE)
    levels = (FOUND.darkest, FOUND.brightest)
    block = prepare(GREY[box.slices], box=box, voxel_size=VOXELS, settings=PARAMS, levels=levels)
    said = FOUND.evidence(block, box, likeness=LIKENESS, voxel_size=VOXELS, settings=PARAMS)
    expected = find_evidence(PREPARED, find_strokes(PREPARED, SEEDS))
    inner = block.ids[core.shift([-a for a in box.start]).slices].ravel()
    nodes, first = np.unique(inner, return_index=True)
    same = PREPARED.ids[core.slices].ravel()[first]
    assert np.array_equal(np.unique(np.c_[inner, PREPARED.ids[core.slices].ravel()], axis=0), np.c_[nodes, same])
    for value in (1, 2, 3):
        assert np.array_equal(said.levels[value], expected.levels[value])
        assert np.allclose(said.distance[value][nodes], expected.distance[value][same])
    assert np.allclose(block.histogram[nodes], PREPARED.histogram[same])
    assert np.array_equal(block.features[nodes], PREPARED.features[same])
    there = dict(zip(nodes.tolist(), same.tolist(), strict=True))
    inside = np.isin(block.pairs, nodes).all(axis=1)
    assert inside.any()
    for contrast in ("on", "dark"):
        params = attrs.evolve(PARAMS, contrast=contrast)
        costs = boundary_costs(block, params, touching=FOUND.touching)
        known = {tuple(pair): cost for pair, cost in zip(PREPARED.pairs.tolist(), boundary_costs(PREPARED, params),
                                                         strict=True)}  # fmt: skip
        for (u, v), cost in zip(block.pairs[inside].tolist(), costs[inside], strict=True):
            assert cost == pytest.approx(known[there[u], there[v]], rel=1e-6)


def test_one_block_is_the_cut_at_once() -> None:
    found = cut_block(GREY, SEEDS, box=WHOLE, found=FOUND, likeness=LIKENESS, voxel_size=VOXELS, settings=PARAMS)
    assert np.array_equal(found, solve(PREPARED, SEEDS, settings=PARAMS))


def test_nearest_is_what_all_targets_say() -> None:
    rng = np.random.default_rng(3)
    places, targets = rng.uniform(20, 30, (50, 3)), rng.uniform(0, 200, (400, 3))
    exact = np.linalg.norm(places[:, None] - targets[None], axis=2).min(axis=1)
    assert np.allclose(nearest(places, targets), exact)


def test_halos(monkeypatch: pytest.MonkeyPatch) -> None:
    assert halo_of(PRESETS["mito"], VOXELS) == (97, 97, 97)  # 9 cells of 5, 3 of smoothing, 45 and up to 4
    monkeypatch.setattr(by_blocks, "HALO", 120)
    assert halo_of(PRESETS["mito"], VOXELS) == (120, 120, 120)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Image and seeds, of which blocks of 64 voxels are cut."""
    monkeypatch.setattr(by_blocks, "CORE", 64)
    monkeypatch.setattr(scene, "LARGEST", 100_000)
    for name, values in {"raw": GREY, "seeds": SEEDS, "one": np.where(SEEDS == 3, 1, SEEDS)}.items():
        volume = Volume(array=values, voxel_size=VOXELS, lower_edge_nm=(0, 100, 50), uri="memory", format="memory",
                        chunks=(16, 64, 64))  # fmt: skip
        convert(volume, tmp_path / f"{name}.zarr", labels=name != "raw")
    return tmp_path


def labels(path: Path, name: str) -> np.ndarray:
    volume = open_volume(path / "labels" / name)
    return volume.read(volume.box)


def test_a_region_is_cut_block_by_block(world: Path) -> None:
    made = cut(world / "raw.zarr", world / "seeds.zarr", output=world / "cut.zarr", organelle=("mito", "golgi"),
               settings=PARAMS)  # fmt: skip
    assert made.blocks == 8
    assert made.supervoxels == PREPARED.nodes
    assert "8 blocks" in str(made)
    found = {name: labels(made.path, name) for name in ("mito", "golgi")}
    assert made.voxels == {name: int(image.sum()) for name, image in found.items()}
    assert np.array_equal(open_volume(made.path).read(WHOLE), GREY)
    for core in WHOLE.tiles(64):
        box = core.grow(halo_of(PARAMS, VOXELS)).intersect(WHOLE)
        alone = cut_block(GREY[box.slices], SEEDS[box.slices], box=box, found=FOUND, likeness=LIKENESS,
                          voxel_size=VOXELS, settings=PARAMS)  # fmt: skip
        kept = alone[core.shift([-a for a in box.start]).slices]
        for value, name in ((2, "mito"), (3, "golgi")):
            assert np.array_equal(found[name][core.slices] > 0, kept == value)
    assert dice(found["mito"] > 0, TRUTH == 2) > 0.85
    stated = json.loads((made.path / ".zattrs").read_text())["asem"]["settings"]
    assert stated["by_blocks"]["core"] == [64, 64, 64]
    assert not (world / "seeds.zarr.prepared").exists()


def test_sections_a_part_and_a_prediction(world: Path) -> None:
    """A TIFF is read block by block too; what is marked in the part decides, and the prediction counts."""
    convert(world / "raw.zarr", world / "raw.tif")
    prior = np.where(TRUTH == 3, 250, 5).astype(np.uint8)
    convert(Volume(array=prior, voxel_size=VOXELS, uri="memory", format="memory", chunks=(16, 64, 64)),
            world / "prior.zarr")  # fmt: skip
    blind = attrs.evolve(PARAMS, appearance_weight=0, distance_weight=0)
    made = cut(world / "raw.tif", world / "one.zarr", output=world / "cut.zarr", organelle="mito", settings=blind,
               voxel_size=VOXELS, prediction=world / "prior.zarr", roi=Box((4, 0, 0), (80, 70, 80)))  # fmt: skip
    assert made.blocks == 8
    truth = TRUTH[4:80, :70, :80]
    unmarked = SEEDS[4:80, :70, :80] == 0
    assert dice((labels(made.path, "mito") > 0) & unmarked, (truth == 3) & unmarked) > 0.75


def test_the_rim_of_blocks_is_that_of_the_whole(world: Path) -> None:
    made = cut(world / "raw.zarr", world / "one.zarr", output=world / "cut.zarr", organelle="mito",
               settings=attrs.evolve(PARAMS, rim=2))  # fmt: skip
    assert made.blocks == 8
    found = labels(made.path, "training")
    whole = without_rim(labels(made.path, "mito") + 1, np.where(SEEDS == 3, 1, SEEDS), rim=2, voxel_size=VOXELS)
    assert set(np.unique(found)) == {0, 1, 2}
    assert (found != whole).mean() < 1e-3


class Killed(BaseException):
    pass


@pytest.mark.parametrize("sweep", ["surveying", "cutting"])
def test_killed_and_run_again(world: Path, monkeypatch: pytest.MonkeyPatch, sweep: str) -> None:
    arguments: dict[str, Any] = {"organelle": "mito", "settings": PARAMS}
    whole = cut(world / "raw.zarr", world / "one.zarr", output=world / "whole.zarr", **arguments)
    seen: list[int] = []
    name = {"surveying": "survey", "cutting": "cut_block"}[sweep]
    genuine = getattr(by_blocks, name)

    def dies(*given: Any, **more: Any) -> Any:
        seen.append(1)
        if len(seen) == 4:
            raise Killed
        return genuine(*given, **more)

    with monkeypatch.context() as patched:
        patched.setattr(by_blocks, name, dies)
        with pytest.raises(Killed):
            cut(world / "raw.zarr", world / "one.zarr", output=world / "cut.zarr", **arguments)
    with pytest.raises(AsemError, match="unfinished"):
        open_volume(world / "cut.zarr")
    monkeypatch.setattr(by_blocks, name, lambda *given, **more: seen.append(2) or genuine(*given, **more))
    made = cut(world / "raw.zarr", world / "one.zarr", output=world / "cut.zarr", **arguments)
    assert seen.count(2) == 8 - 3
    assert attrs.evolve(made, path=whole.path) == whole
    assert np.array_equal(labels(made.path, "mito"), labels(whole.path, "mito"))


def test_what_cannot_be_is_one_line_and_nothing_is_written(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(kind: type[AsemError], said: str, *, seeds: str = "one.zarr", **changed: Any) -> None:
        with pytest.raises(kind, match=said) as caught:
            cut(world / "raw.zarr", world / seeds, output=world / "cut.zarr", organelle="mito",
                settings=attrs.evolve(PARAMS, **changed))  # fmt: skip
        assert "\n" not in str(caught.value)
        assert not (world / "cut.zarr").exists()

    refused(AsemError, "cleaned up by grey .* 512", components=2)
    refused(VolumeError, "found 3: name what it is too", seeds="seeds.zarr")
    refused(BudgetError, r"depend on 309 voxels round a block, .*\(--iterations\)", edge=10, iterations=10, smooth=0)
    with monkeypatch.context() as patched:
        patched.setattr(scene, "available_memory", lambda: 1_000_000)
        refused(BudgetError, r"needs about 0\.\d+ GB of memory, 0\.001 GB are free: free some, or cut a part")
    nothing = Volume(array=np.where(SEEDS == 1, 1, 0).astype(np.uint8), voxel_size=VOXELS, lower_edge_nm=(0, 100, 50),
                     uri="memory", format="memory", chunks=(16, 64, 64))  # fmt: skip
    convert(nothing, world / "blind.zarr", labels=True)
    refused(VolumeError, r"no voxel is marked as mito \(2\)", seeds="blind.zarr")


def test_the_verb_says_how_many_blocks(world: Path) -> None:
    words = ["cut", str(world / "raw.zarr"), str(world / "one.zarr"), "--organelle", "mito", "--edge", "3",
             "--iterations", "1", "-o", str(world / "cut.zarr"), "--json"]  # fmt: skip
    made = CliRunner().invoke(annotate, words)
    assert made.exit_code == 0, made.exception
    assert json.loads(made.stdout)["blocks"] == 8
