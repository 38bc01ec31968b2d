"""``asem annotate`` as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import tifffile
import zarr
from asem_annotate import correct, cut, scene
from asem_annotate.commands import annotate
from asem_annotate.correcting import Correction
from asem_annotate.store import load_arrays, save_arrays
from click.testing import CliRunner, Result

from asem_core import Box, convert, open_volume
from asem_core.errors import AsemError, ResumeError, VolumeError
from asem_core.registry import make_registry
from asem_core.volume import IMAGE, ArrayPlan, create_ome_zarr

from .cells import dice, make_cell, mark

GREY, TRUTH = make_cell()
SEEDS = mark(TRUTH, (4, 12, 19))
SIZE = ("--voxel-size", "10")


def run(*words: Any) -> Result:
    return CliRunner().invoke(annotate, [str(word) for word in words])


def message(result: Result) -> str:
    """The one line that a user sees."""
    assert isinstance(result.exception, AsemError), repr(result.exception)
    assert "\n" not in str(result.exception)
    return str(result.exception)


def labels(path: Path, name: str) -> np.ndarray:
    return np.asarray(zarr.open_array(path / "labels" / name / "0", mode="r")[:])


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """Image, seeds of two organelles, seeds of one, and a prediction."""
    for name, values in {
        "raw": GREY,
        "seeds": SEEDS,
        "one": np.where(SEEDS == 3, 1, SEEDS),
        "wrong": np.where(TRUTH == 2, 180, np.where(TRUTH == 3, 100, 10)),
    }.items():
        tifffile.imwrite(tmp_path / f"{name}.tif", values.astype(np.uint8), photometric="minisblack")
    return tmp_path


def write_seeds(path: Path, values: np.ndarray) -> Path:
    tifffile.imwrite(path, values.astype(np.uint8), photometric="minisblack")
    return path


@pytest.mark.parametrize("words", [(), ("open",)], ids=["annotate", "annotate open"])
@pytest.mark.parametrize(
    ("absent", "said"),
    [
        ({"napari"}, "pip install 'asem-annotate[napari]' 'PySide6<6.12'"),
        ({"PySide6", "PyQt6", "PyQt5", "PySide2"}, "Qt's bindings, of which none is installed"),
    ],
)
def test_without_napari_it_is_said_what_to_install(
    world: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], absent: set[str], said: str
) -> None:
    monkeypatch.chdir(world)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name in absent else name)
    assert said in message(run(*words, world / "raw.tif", "--organelle", "mito", *SIZE))
    assert not (world / "raw_mito_seeds.zarr").exists()


def test_a_volume_stands_for_the_command_open(world: Path) -> None:
    assert "Usage: annotate open [OPTIONS] VOLUME" in run(world / "raw.tif", "--help").output
    listed = run("--help").output
    assert all(f"  {name} " in listed for name in ("open", "cut", "correct"))


def test_two_organelles_and_what_is_said(world: Path) -> None:
    out = world / "cut.zarr"
    words = ("cut", world / "raw.tif", world / "seeds.tif", "--organelle", "mito", "--organelle", "golgi", *SIZE,
             "--edge", 3, "-o", out)  # fmt: skip
    made = run(*words, "--json")
    assert made.exit_code == 0, made.exception
    found = json.loads(made.stdout)
    assert found["voxels"] == {name: int(labels(out, name).sum()) for name in ("mito", "golgi")}
    assert dice(labels(out, "mito") > 0, TRUTH == 2) > 0.85
    assert dice(labels(out, "golgi") > 0, TRUTH == 3) > 0.85
    assert np.array_equal(open_volume(out).read(open_volume(out).box), GREY)
    stated = json.loads((out / ".zattrs").read_text())["asem"]
    assert stated["made_by"] == "asem annotate cut"
    assert stated["settings"]["edge"] == 3
    assert json.loads(run(*words, "--json").stdout) == found
    assert "edge was 3.0, now 4.0" in message(run(*words, "--edge", 4))


def test_one_organelle_with_a_rim_can_be_trained_on(world: Path) -> None:
    words = ("cut", world / "raw.tif", world / "one.tif", "--organelle", "mito", *SIZE, "--edge", 3, "-o")
    assert run(*words, world / "with.zarr", "--rim", 2).exit_code == 0
    mito, training = labels(world / "with.zarr", "mito"), labels(world / "with.zarr", "training")
    assert set(np.unique(training)) == {0, 1, 2}
    assert np.array_equal(mito == 0, training == 1)
    assert run(*words, world / "without.zarr").exit_code == 0
    assert not (world / "without.zarr" / "labels" / "training").exists()
    assert np.array_equal(labels(world / "without.zarr", "mito"), mito)


def test_prepared_volumes_are_used_again_only_for_what_they_were_made_from(world: Path) -> None:
    def reused(number: int, *more: Any) -> bool:
        made = run("cut", world / "raw.tif", world / "one.tif", "--organelle", "mito", *SIZE, "-o",
                   world / f"{number}.zarr", "--json", *more)  # fmt: skip
        assert made.exit_code == 0, made.exception
        return bool(json.loads(made.stdout)["reused"])

    assert not reused(1)
    assert reused(2, "--smoothness", 3)
    assert not reused(3, "--edge", 4)
    assert reused(4, "--edge", 4)
    assert not reused(5, "--roi", "0:20,0:40,0:44")
    write_seeds(world / "one.tif", np.roll(np.where(SEEDS == 3, 1, SEEDS), 1))
    assert reused(6)
    tifffile.imwrite(world / "raw.tif", 255 - GREY, photometric="minisblack")
    assert not reused(7)
    assert len(list((world / "one.tif.prepared").iterdir())) == 4


def test_damage_anywhere_in_a_prepared_volume_is_found(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    values = {"noise": rng.integers(0, 99, 500), "flat": np.tile(np.arange(50), 20)}
    save_arrays(tmp_path / "some.npz", values, {})
    whole = (tmp_path / "some.npz").read_bytes()
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        (tmp_path / "some.npz").write_bytes(damaged)
        found = load_arrays(tmp_path / "some.npz", {}, names=list(values))
        assert found is None or all(np.array_equal(found[name], value) for name, value in values.items())


def test_nothing_is_prepared_in_a_volume(world: Path) -> None:
    convert(open_volume(world / "raw.tif", voxel_size=(10, 10, 10)), world / "cell.zarr")
    labels_of = zarr.open_group(world / "cell.zarr", mode="r+").require_group("labels")
    convert(open_volume(world / "one.tif", voxel_size=(10, 10, 10)), world / "seeds.zarr", labels=True)
    (world / "seeds.zarr").rename(world / "cell.zarr" / labels_of.path / "seeds")
    before = sorted((world / "cell.zarr").rglob("*"))
    for output, reused in (("a.zarr", False), ("b.zarr", True)):
        seeds = world / "cell.zarr" / "labels" / "seeds"
        made = cut(world / "cell.zarr", seeds, output=world / output, organelle="mito")
        assert made.reused == reused
    assert sorted((world / "cell.zarr").rglob("*")) == before
    assert (world / "cell.zarr.prepared").is_dir()


def test_a_damaged_prepared_volume_is_made_again(world: Path, caplog: pytest.LogCaptureFixture) -> None:
    words = ("cut", world / "raw.tif", world / "one.tif", "--organelle", "mito", *SIZE)
    run(*words, "-o", world / "a.zarr")
    (file,) = (world / "one.tif.prepared").iterdir()
    file.write_bytes(file.read_bytes()[:-200])
    assert run(*words, "-o", world / "b.zarr").exit_code == 0
    assert "is damaged" in caplog.text
    assert np.array_equal(labels(world / "a.zarr", "mito"), labels(world / "b.zarr", "mito"))


def test_seeds_of_a_part_annotate_that_part(world: Path) -> None:
    convert(world / "raw.tif", world / "raw.zarr", voxel_size=(10, 10, 10))
    convert(world / "one.tif", world / "part.zarr", voxel_size=(10, 10, 10), roi=Box.parse("2:22,0:32,4:44"))
    made = cut(world / "raw.zarr", world / "part.zarr", output=world / "cut.zarr", organelle="mito")
    assert str(made.part) == "2:22,0:32,4:44"
    found = open_volume(made.path)
    assert found.lower_edge_nm == (20, 0, 40)
    assert dice(labels(made.path, "mito") > 0, (TRUTH == 2)[2:22, :32, 4:44]) > 0.8


@pytest.mark.parametrize(
    ("seeds", "said"),
    [
        (SEEDS[:, :30], "says not where it lies"),
        (np.zeros_like(SEEDS), "no voxel is marked as background (1) in 0:24,0:40,0:44"),
        (np.where(SEEDS == 2, 0, SEEDS == 1), "no voxel is marked as mito (2)"),
        (SEEDS, "found 3: name what it is too (--organelle once for each value from 2 up)"),
        (SEEDS.astype(np.float32), "holds float32, not seeds"),
    ],
    ids=["another shape", "no seeds", "a missing kind", "a value without a name", "no integers"],
)
def test_wrong_seeds_are_one_line_and_nothing_is_written(world: Path, seeds: np.ndarray, said: str) -> None:
    tifffile.imwrite(world / "bad.tif", np.ascontiguousarray(seeds), photometric="minisblack")
    made = run("cut", world / "raw.tif", world / "bad.tif", "--organelle", "mito", *SIZE, "-o", world / "cut.zarr")
    assert said in message(made)
    assert not (world / "cut.zarr").exists()
    assert not (world / "bad.tif.prepared").exists()


def test_a_part_that_is_too_large(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("cut", world / "raw.tif", world / "one.tif", "--organelle", "mito", *SIZE, "-o", world / "cut.zarr")
    monkeypatch.setattr(scene, "available_memory", lambda: 1_000_000)
    said = message(run(*words))
    assert "needs about 0.002 GB of memory, 0.001 GB are free" in said
    assert "--roi" in said
    monkeypatch.setattr(scene, "available_memory", lambda: 3_000_000)
    assert "take larger supervoxels (--edge)" in message(run(*words, "--edge", 2))
    assert not (world / "cut.zarr").exists()
    assert run(*words).exit_code == 0
    monkeypatch.setattr(scene, "LARGEST", 42_000)
    corrects = ("correct", *words[1:], "--prediction", world / "wrong.tif")
    assert "takes 512^3 voxels at most at once, this is 24 x 40 x 44" in message(run(*corrects))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("-o", "cut.tif"), "name it NAME.zarr"),
        (("-o", "cut.zarr", "--organelle", "mito"), "expected different organelles"),
        (("-o", "cut.zarr", "--edge", "0"), "'edge' must be >= 1"),
        (("-o", "cut.zarr", "--edge", "inf"), "'edge' must be < inf"),
        (("-o", "cut.zarr", "--roi", "0:90,0:9,0:9"), "reaches outside"),
    ],
)
def test_wrong_options_are_one_line(world: Path, words: tuple[str, ...], said: str) -> None:
    made = run("cut", world / "raw.tif", world / "one.tif", "--organelle", "mito", *SIZE, *words)
    assert said in message(made)


def test_killed_while_it_wrote_and_run_again(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from asem_core.blocks import Run

    arguments = {"output": world / "cut.zarr", "organelle": "mito", "voxel_size": (10, 10, 10)}
    whole = cut(world / "raw.tif", world / "one.tif", **{**arguments, "output": world / "whole.zarr"})

    class Killed(BaseException):
        pass

    def dies(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(Run, "each", dies)
        with pytest.raises(Killed):
            cut(world / "raw.tif", world / "one.tif", **arguments)
    with pytest.raises(AsemError, match="unfinished"):
        open_volume(world / "cut.zarr")
    with pytest.raises(ResumeError, match="organelles was"):
        cut(world / "raw.tif", world / "one.tif", **{**arguments, "organelle": "er"})
    made = cut(world / "raw.tif", world / "one.tif", **arguments)
    assert attrs.evolve(made, path=whole.path) == attrs.evolve(whole, reused=True)
    assert np.array_equal(labels(made.path, "mito"), labels(whole.path, "mito"))
    assert open_volume(made.path).shape == GREY.shape


def test_a_correction_is_labels_and_something_to_train_on(world: Path) -> None:
    from asem_core.finetuning.labelled import check_both, find_labelled

    strokes = np.zeros_like(TRUTH)
    for section in (6, 9, 12, 15):
        strokes[section] = np.where(TRUTH[section] == 3, 2, TRUTH[section] == 2)
    write_seeds(world / "strokes.tif", strokes)
    words = ("correct", world / "raw.tif", world / "strokes.tif", "--prediction", world / "wrong.tif", *SIZE,
             "--organelle", "mito", "--edge", 3, "--smoothness", 10, "-o", world / "right.zarr", "--json")  # fmt: skip
    made = run(*words)
    assert made.exit_code == 0, made.exception
    said = json.loads(made.stdout)
    found, training = labels(world / "right.zarr", "mito"), labels(world / "right.zarr", "training")
    assert dice(found > 0, TRUTH == 3) > 0.5
    assert said["added"] == (found[TRUTH != 2] > 0).sum()
    assert said["judged"] == (training > 0).sum()
    raw = open_volume(world / "right.zarr", registry=make_registry())
    taught = find_labelled(raw, open_volume(world / "right.zarr" / "labels" / "training"), unlabelled=0)
    check_both(taught)
    assert sum(part.organelle for part in taught) == (training == 2).sum()
    assert sum(part.background for part in taught) == (training == 1).sum()


def test_16_bits_of_which_few_are_used_are_told(world: Path, caplog: pytest.LogCaptureFixture) -> None:
    narrow = 20_000 + 2 * GREY.astype(np.uint16)
    tifffile.imwrite(world / "narrow.tif", narrow, photometric="minisblack")
    words = ("cut", world / "narrow.tif", world / "one.tif", "--organelle", "mito", *SIZE, "-o")
    assert run(*words, world / "a.zarr").exit_code == 0
    assert "grey levels span" in caplog.text
    assert "give --grey" in caplog.text
    caplog.clear()
    assert run(*words, world / "b.zarr", "--grey", "auto").exit_code == 0
    assert not caplog.text


def test_a_prediction_is_what_says_that_it_is_one(world: Path) -> None:
    """A part in which a network found next to nothing, and labels in several forms."""
    write_seeds(world / "strokes.tif", np.where(SEEDS == 2, 2, 0))
    raw = open_volume(world / "raw.tif", voxel_size=(10, 10, 10))

    def corrected(prediction: Any, name: str) -> Correction:
        return correct(raw, world / "strokes.tif", prediction=prediction, output=world / name, organelle="mito")

    low = np.zeros_like(GREY)
    low[0, 0, :3] = 1
    plan = ArrayPlan(shape=GREY.shape, dtype="uint8", chunk=(16, 16, 16))
    made = create_ome_zarr(
        world / "map.zarr",
        image=plan,
        labels={"mito": plan},
        voxel_size=raw.voxel_size,
        lower_edge_nm=(0, 0, 0),
        provenance={"made_by": "asem segment", "asem_core": "0"},
    )
    made.levels[IMAGE][0][...] = low
    made.levels["mito"][0][...] = 255 * (TRUTH > 0)
    assert corrected(world / "map.zarr", "right.zarr").added > 0
    for labels_of in ("map.zarr/labels/mito", "right.zarr/labels/training"):
        with pytest.raises(VolumeError, match="holds labels: give the probabilities"):
            corrected(world / labels_of, "wrong.zarr")
    for values in (low, TRUTH):
        with pytest.raises(VolumeError, match=rf"nothing above {values.max()} of 255 here, as labels do"):
            corrected(attrs.evolve(raw, array=values, uri="memory", identity={}), "wrong.zarr")
    assert not (world / "wrong.zarr").exists()


@pytest.mark.parametrize("threshold", ["nan", "2"])
def test_a_threshold_is_a_probability(world: Path, threshold: str) -> None:
    with pytest.raises(AsemError, match="from 0 to 1, got"):
        correct(world / "raw.tif", world / "one.tif", prediction=world / "wrong.tif", output=world / "right.zarr",
                organelle="mito", voxel_size=(10, 10, 10), threshold=float(threshold))  # fmt: skip


def test_a_correction_needs_strokes_and_a_prediction_of_this_place(world: Path) -> None:
    tifffile.imwrite(world / "small.tif", GREY[:20], photometric="minisblack")
    write_seeds(world / "none.tif", np.zeros_like(TRUTH))
    common = (world / "raw.tif", "--organelle", "mito", *SIZE, "-o", world / "right.zarr")
    nothing = run("correct", *common, world / "none.tif", "--prediction", world / "wrong.tif")
    assert "nothing is marked" in message(nothing)
    other = run("correct", *common, world / "one.tif", "--prediction", world / "small.tif")
    assert "does not cover" in message(other)
    assert not (world / "right.zarr").exists()
