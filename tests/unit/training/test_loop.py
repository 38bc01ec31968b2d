"""Training from a file on disk: resume, log, refusals, the command; and scoring with tiles."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
import yaml
import zarr
from click.testing import CliRunner

from asem_core import builtin
from asem_core.cli.train import train as command
from asem_core.errors import RecipeError
from asem_core.geometry import VoxelSize
from asem_core.specs import StageRef
from asem_core.training import checkpoint, loop, validate
from asem_core.training.curves import Validation
from asem_core.training.loop import TrainingResult, train
from asem_core.training.loss import LOSSES
from asem_core.training.recipe import Data, Recipe, structure_recipe
from asem_core.training.run import CHECKPOINT
from asem_core.training.sample import Block
from asem_core.training.start import make_network
from asem_core.training.unet import UNet
from asem_core.training.volumes import LabelledVolume, load_data

ZONE = {"dilate": 2, "erode": 0}
"""In voxels of 5 nm: on the grid of these tests one voxel, outwards."""
VALUES: dict[str, Any] = {
    "organelle": "mito",
    "voxel_size_nm": [10, 10, 10],
    "preset": "fast",
    "training": [{"raw": "cell.zarr", "labels": "cell.zarr"}],
    "seed": 5,
    "base": 2,
    "normalise": True,
    "settle_blocks": 1,
    "loss": "cross_entropy_dice",
    "phases": [
        {"iterations": 3, "side": 16, "padded": True, "rate": [1e-3, 4e-4]},
        {"iterations": 1, "side": 100, "rate": [1e-4, 0]},
    ],
    "sampling": {"min_foreground": 0.0, "keep_without": 1.0, "min_inside": 0.0},
    "optimiser": {"warmup": 2},
    "validate_every": 2,
    "checkpoint_every": 2,
}
REGISTRY: Any = SimpleNamespace(
    readers={spec.name: spec for spec in builtin.asem_register_readers()},
    exclusion_zones={spec.name: spec for spec in builtin.asem_register_exclusion_zones()},
    organelles={"mito": SimpleNamespace(threshold=0.5, exclusion_zone=StageRef(name="shell", params=ZONE))},
)


def recipe(**changes: Any) -> Recipe:
    return structure_recipe({**VALUES, **changes}, where="test")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a volume in the published layout, at 10 nm."""
    folder = tmp_path_factory.mktemp("data")
    image = np.random.default_rng(0).integers(0, 256, (24, 26, 28)).astype(np.uint8)
    root = zarr.create_group(folder / "cell.zarr", zarr_format=2)
    for name, values in {"raw": image, "labels/mito": (image > 128).astype(np.uint8)}.items():
        array = root.create_array(f"volumes/{name}", data=values, chunks=(16, 16, 16))
        array.attrs.update({"resolution": [10, 10, 10], "offset": [0, 0, 0]})
    return folder


@pytest.fixture(autouse=True)
def small_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validate, "_KEPT", 64)


def run(plan: Recipe, output: Path, data: Path, **kwargs: Any) -> TrainingResult:
    return train(plan, output, data_folder=data, registry=REGISTRY, device="cpu", **kwargs)


def log_of(output: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (output / "log.jsonl").read_text().splitlines()]


def killed_at(iteration: int) -> Any:
    def progress(stage: str, done: int, total: int, note: str = "") -> None:
        if (stage, done) == ("train", iteration):
            raise KeyboardInterrupt

    return progress


@pytest.fixture(scope="module")
def undisturbed(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TrainingResult]:
    output = tmp_path_factory.mktemp("run") / "out"
    return output, run(recipe(), output, data)


def weights(path: Path) -> dict[str, torch.Tensor]:
    return dict(torch.load(path, weights_only=True))


def test_a_run_that_diverges_ends_and_says_so(data: Path, tmp_path: Path) -> None:
    huge = [{"iterations": 4, "side": 16, "padded": True, "rate": [1e30, 1e30]}]
    with pytest.raises(RecipeError, match=r"training diverged: the loss of iteration [2-4] is (nan|inf)"):
        run(recipe(phases=huge, optimiser={"warmup": 0}, validate_every=9), tmp_path / "out", data)
    assert not (tmp_path / "out" / "weights.pt").exists()


def test_a_run_leaves_weights_log_recipe_and_events(undisturbed: tuple[Path, TrainingResult]) -> None:
    output, result = undisturbed
    assert (result.iterations, result.scores, result.weights) == (4, {}, output / "weights.pt")
    UNet(2).load_state_dict(weights(result.weights))
    assert structure_recipe(yaml.safe_load((output / "recipe.yaml").read_text()), where="t") == recipe()
    lines = log_of(output)
    assert [(line["kind"], line["iteration"]) for line in lines] == [("train", i) for i in (1, 2, 3, 4)]
    assert [line["rate"] for line in lines] == pytest.approx([0.5e-3, 0.8e-3, 0.6e-3, 0.1e-3])
    assert all(np.isfinite(line["loss"]) for line in lines)
    events = list((output / "tensorboard").glob("events.out.tfevents.*"))
    assert len(events) == 1
    assert b"train/loss" in events[0].read_bytes()


def test_a_phase_may_have_its_own_loss(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def note(name: str) -> Any:
        def loss(logits: torch.Tensor, labels: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            seen.append(name)
            return original[name](logits, labels, mask)

        return loss

    original = dict(LOSSES)
    for name in original:
        monkeypatch.setitem(LOSSES, name, note(name))
    phase = {"iterations": 1, "side": 16, "padded": True}
    run(recipe(phases=[{**phase, "loss": "balanced_cross_entropy"}, phase]), tmp_path / "out", data)
    assert seen == ["balanced_cross_entropy", "cross_entropy_dice"]


def test_training_changes_every_weight(undisturbed: tuple[Path, TrainingResult]) -> None:
    state = torch.load(undisturbed[0] / "checkpoint.pt", weights_only=True)
    assert state["iteration"] == 4
    before = make_network(recipe(), REGISTRY).state_dict()
    for name, value in state["model_state_dict"].items():
        if name.endswith("weight"):
            assert not torch.equal(value, before[name]), name


@pytest.mark.parametrize("iteration", [1, 3])
def test_a_killed_run_goes_on_to_the_same_weights(
    undisturbed: tuple[Path, TrainingResult], data: Path, tmp_path: Path, iteration: int
) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(recipe(), tmp_path, data, progress=killed_at(iteration))
    assert (tmp_path / "checkpoint.pt").exists() == (iteration == 3)
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"kind": "train", "iter')
    torch.manual_seed(iteration)
    seen: list[int] = []
    result = run(recipe(), tmp_path, data, progress=lambda s, done, *_: seen.append(done) if s == "train" else None)
    assert seen == ([2, 3, 4] if iteration == 3 else [0, 1, 2, 3, 4])
    expected = weights(undisturbed[1].weights)
    assert all(torch.equal(value, expected[name]) for name, value in weights(result.weights).items())
    kept = [(line["kind"], line["iteration"], line["loss"]) for line in log_of(tmp_path)]
    assert kept == [(line["kind"], line["iteration"], line["loss"]) for line in log_of(undisturbed[0])]


def test_a_killed_run_that_averages_goes_on_to_the_same_weights(data: Path, tmp_path: Path) -> None:
    plan, whole, killed = recipe(average=0.5, settle_blocks=0), tmp_path / "whole", tmp_path / "killed"
    expected = weights(run(plan, whole, data).weights)
    with pytest.raises(KeyboardInterrupt):
        run(plan, killed, data, progress=killed_at(3))
    for name, value in weights(run(plan, killed, data).weights).items():
        assert torch.equal(value, expected[name]), name
    last = weights(run(recipe(settle_blocks=0), tmp_path / "last", data).weights)
    assert any(not torch.equal(value, last[name]) for name, value in expected.items())


def test_another_recipe_is_refused_and_changes_nothing(undisturbed: tuple[Path, TrainingResult], data: Path) -> None:
    output = undisturbed[0]
    before = {path.name: path.read_bytes() for path in output.iterdir() if path.is_file()}
    with pytest.raises(RecipeError, match=r"made by another recipe \(changed: seed, validate_every\).*--overwrite"):
        run(recipe(seed=6, validate_every=3), output, data)
    assert {path.name: path.read_bytes() for path in output.iterdir() if path.is_file()} == before


def test_labels_that_have_changed_are_refused_and_a_copy_is_not(data: Path, tmp_path: Path) -> None:
    """Nothing else tells that one voxel of them is another, in a file of the same name."""
    plan = recipe(phases=[{"iterations": 1, "side": 16, "padded": True}], settle_blocks=0)
    copied, output = tmp_path / "data", tmp_path / "run"
    shutil.copytree(data, copied)
    first = weights(run(plan, output, data).weights)
    run(plan, output, copied)
    labels = zarr.open_array(copied / "cell.zarr" / "volumes" / "labels" / "mito")
    labels[20, 20, 20] = 1 - labels[20, 20, 20]
    with pytest.raises(RecipeError, match=r"changed since the run in .* began: cell\.zarr \(labels\); .*--overwrite"):
        run(plan, output, copied)
    assert all(torch.equal(value, first[name]) for name, value in weights(output / "weights.pt").items())
    state = torch.load(output / CHECKPOINT, weights_only=True)
    del state["inputs"]  # as in earlier versions, of which nobody knows
    torch.save(state, output / CHECKPOINT)
    run(plan, output, copied)


def test_validation_is_logged_once_even_if_a_finished_run_is_run_again(data: Path, tmp_path: Path) -> None:
    held_out = [{"raw": "cell.zarr", "labels": "cell.zarr", "roi": "0:8,0:16,0:16"}]
    plan = recipe(
        validation=held_out,
        phases=[{"iterations": 2, "side": 16, "padded": True}],
        validate_every=1,
        checkpoint_every=1,
    )
    first = run(plan, tmp_path, data)
    again = run(plan, tmp_path, data)
    assert first.scores == again.scores
    ((name, score),) = again.scores.items()
    assert np.isfinite(score.loss)
    assert again.selection is None
    lines = [(line["kind"], line["iteration"]) for line in log_of(tmp_path)]
    assert sorted(lines) == sorted([("train", 1), ("train", 2), (f"validation/{name}", 1), (f"validation/{name}", 2)])


HELD_OUT = [
    {"raw": "cell.zarr", "labels": "cell.zarr", "roi": "0:8,0:16,0:16"},
    {"raw": "cell.zarr", "labels": "cell.zarr", "roi": "16:24,0:16,0:16"},
]
CHOOSING: dict[str, Any] = {
    "validation": HELD_OUT, "phases": [{"iterations": 7, "side": 16, "padded": True}], "validate_every": 1,
    "checkpoint_every": 3, "select": "fit",
}  # fmt: skip


def test_validation_changes_nothing_that_is_trained(
    undisturbed: tuple[Path, TrainingResult], data: Path, tmp_path: Path
) -> None:
    found = weights(run(recipe(validation=HELD_OUT, validate_every=1), tmp_path, data).weights)
    assert all(torch.equal(value, found[name]) for name, value in weights(undisturbed[1].weights).items())


@pytest.fixture(scope="module")
def chosen(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TrainingResult]:
    output = tmp_path_factory.mktemp("chosen") / "out"
    return output, run(recipe(**CHOOSING), output, data)


def test_the_weights_are_those_of_the_chosen_iteration(chosen: tuple[Path, TrainingResult]) -> None:
    output, result = chosen
    regime = result.selection
    assert regime is not None
    kept = {int(path.stem): weights(path) for path in (output / "checkpoints").iterdir()}
    assert kept.keys() == {regime.first, regime.chosen, regime.last, 7}
    for name, value in weights(result.weights).items():
        assert torch.equal(value, kept[regime.chosen][name])
    told = json.loads((output / "selection.json").read_text())
    assert (told["first"], told["chosen"], told["last"]) == (regime.first, regime.chosen, regime.last)
    assert told["scores"].keys() == result.scores.keys() == told["f1"].keys() == {
        "cell.zarr[0:8,0:16,0:16]", "cell.zarr[16:24,0:16,0:16]",
    }  # fmt: skip
    at_chosen = [line for line in log_of(output) if line["iteration"] == regime.chosen and line["kind"] != "train"]
    assert [line["loss"] for line in at_chosen] == [found.loss for found in result.scores.values()]
    assert f"chosen: iteration {regime.chosen}" in str(result)
    (events,) = (output / "tensorboard").glob("events.out.tfevents.*")
    assert f"chosen: iteration {regime.chosen}".encode() in events.read_bytes()
    assert (output / "curves.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("iteration", [2, 5, 7])
def test_a_killed_run_chooses_the_same(
    chosen: tuple[Path, TrainingResult], data: Path, tmp_path: Path, iteration: int
) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(recipe(**CHOOSING), tmp_path, data, progress=killed_at(iteration))
    again = run(recipe(**CHOOSING), tmp_path, data)
    assert (again.selection, again.scores) == (chosen[1].selection, chosen[1].scores)
    expected = weights(chosen[1].weights)
    assert all(torch.equal(value, expected[name]) for name, value in weights(again.weights).items())
    names = [sorted(path.name for path in (folder / "checkpoints").iterdir()) for folder in (tmp_path, chosen[0])]
    assert names[0] == names[1]


def test_training_that_is_past_its_fit_regime_ends(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "is_past", lambda curves, size: len(curves.validated) > size)
    first = run(recipe(**CHOOSING, early_stop=True), tmp_path, data)
    assert first.iterations == 4
    assert run(recipe(**CHOOSING, early_stop=True), tmp_path, data) == first
    assert [line["iteration"] for line in log_of(tmp_path) if line["kind"] == "train"] == [1, 2, 3, 4]


def test_a_kill_while_saving_keeps_the_checkpoint_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan, network = recipe(), make_network(recipe(), REGISTRY)
    optimiser = torch.optim.Adam(network.parameters())
    checkpoint.save(tmp_path, iteration=1, network=network, optimiser=optimiser, recipe=plan, inputs={})

    def torn(state: object, file: IO[bytes]) -> None:
        file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", torn)
    with pytest.raises(KeyboardInterrupt):
        checkpoint.save(tmp_path, iteration=2, network=network, optimiser=optimiser, recipe=plan, inputs={})
    assert checkpoint.restore(tmp_path, network=network, optimiser=optimiser, recipe=plan, inputs={}) == 1


def test_a_checkpoint_from_before_a_key_existed_goes_on(tmp_path: Path) -> None:
    plan, network = recipe(), make_network(recipe(), REGISTRY)
    optimiser = torch.optim.Adam(network.parameters())
    checkpoint.save(tmp_path, iteration=3, network=network, optimiser=optimiser, recipe=plan, inputs={})
    state = torch.load(tmp_path / CHECKPOINT, weights_only=True)
    for data in state["recipe"]["training"]:
        del data["mask"]
    torch.save(state, tmp_path / CHECKPOINT)
    assert checkpoint.restore(tmp_path, network=network, optimiser=optimiser, recipe=plan, inputs={}) == 3


def judged(logits: npt.NDArray[np.float32], cell: LabelledVolume, monkeypatch: pytest.MonkeyPatch) -> Validation:
    """How a network that predicts ``logits`` is judged on ``cell``."""
    monkeypatch.setattr(validate, "predict_logits", lambda *_, **__: logits)
    plan = recipe(loss="cross_entropy_dice")
    (found,) = validate.Validator(
        [cell], plan, torch.device("cpu"), organelle=REGISTRY.organelles.get(plan.organelle), registry=REGISTRY
    )(UNet(1))
    assert (found.name, found.boxes[0].box) == (cell.name, cell)
    return found.validation


def test_boxes_of_one_name_count_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """A box in which nothing is found, and nothing is there, changes no F1."""
    nothing, corner = np.zeros((2, 3, 6, 6), np.uint8)
    corner[:, :2, :2] = 1
    raw = np.zeros(nothing.shape, np.float32)
    empty, full, other = (
        LabelledVolume(name=name, raw=raw, labels=labels, share=1.0)
        for name, labels in (("here", nothing), ("here", corner), ("there", corner))
    )
    given = iter([raw - 4, 8 * corner.astype(np.float32) - 4, raw + 4])
    monkeypatch.setattr(validate, "predict_logits", lambda *_, **__: next(given))
    judge = validate.Validator(
        [empty, full, other], recipe(loss="cross_entropy_dice"), torch.device("cpu"), organelle=None, registry=REGISTRY
    )
    here, there = judge(UNet(1))
    assert len(judge) == 2
    assert [each.box for each in here.boxes] == [empty, full]
    assert here.scores.without_zone.f1 == 1.0
    assert there.scores.without_zone.f1 < 0.7
    assert here.loss < 0.2 < there.loss


def test_the_end_of_a_stroke_is_no_outline(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stroke that the zone's inner width would do away with is scored; beside background the zone is what it was."""
    zone = StageRef(name="shell", params={"dilate": 2, "erode": 2})
    mito = SimpleNamespace(threshold=0.5, exclusion_zone=zone)
    monkeypatch.setattr(REGISTRY, "organelles", {"mito": mito})
    truth, inside = np.zeros((5, 9, 9), np.uint8), np.zeros((5, 9, 9), np.uint8)
    within = slice(1, 8)  # a face of the box is an outline
    truth[2, 2, within] = truth[2, 6, within] = 1
    inside[2, 2, within] = inside[2, 4, within] = 1  # two strokes that nothing touches
    inside[2, 6:8, within] = 1  # the organelle, and background that touches it
    logits = np.where(truth > 0, 4, -4).astype(np.float32)
    logits[2, 4, 1:4] = 4
    logits[2, 6:8] = 4  # in the zone, whatever it is
    cell = LabelledVolume(name="memory", raw=np.zeros(truth.shape, np.float32), labels=truth, share=1.0, inside=inside)
    found = judged(logits, cell, monkeypatch)
    assert (found.precision, found.recall) == (7 / 10, 1.0)
    assert found.f1_without_zone == pytest.approx(2 * 14 / (2 * 14 + 3 + 7))


def test_the_zone_counts_for_the_loss_only_and_the_outside_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    truth, inside = np.zeros((3, 6, 6), np.uint8), np.ones((3, 6, 6), np.uint8)
    truth[:, :2], inside[:, 5] = 1, 0
    logits = np.where(truth > 0, 4, -4).astype(np.float32)
    logits[:, 2:] = 4  # one row in the zone, two beyond it, one outside
    cell = LabelledVolume(name="memory", raw=np.zeros(truth.shape, np.float32), labels=truth, share=1.0, inside=inside)
    found = judged(logits, cell, monkeypatch)
    assert (found.precision, found.recall) == (0.5, 1.0)
    assert found.f1_with_zone == pytest.approx(2 / 3)
    assert found.f1_without_zone == pytest.approx(4 / 7)
    right, wrong = 1 / (1 + np.exp(-4)), 1 / (1 + np.exp(4))
    cross_entropy = -(2 * np.log(right) + 3 * np.log(wrong)) / 5
    dice = 1 - (2 * 36 * right + 1) / (90 * right + 36 + 1)
    assert found.loss == pytest.approx(cross_entropy + dice, rel=1e-5)


def test_an_organelle_that_no_plugin_knows_has_no_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(REGISTRY, "organelles", {})
    truth = np.zeros((3, 6, 6), np.uint8)
    truth[:, :2] = 1
    cell = LabelledVolume(name="memory", raw=np.zeros(truth.shape, np.float32), labels=truth, share=1.0)
    found = judged(np.ones(truth.shape, np.float32), cell, monkeypatch)
    assert found.f1_with_zone == found.f1_without_zone == pytest.approx(0.5)


@torch.no_grad()
def test_tiles_of_the_validation_agree_with_a_pass_of_their_own() -> None:
    """At the corner, where the image is mirrored, and across the border of two tiles."""
    network = make_network(recipe(base=1), REGISTRY).eval()
    raw = np.random.default_rng(1).random((66, 12, 9)).astype(np.float32)
    tiled = validate.predict(network, raw, torch.device("cpu"))
    assert tiled.shape == raw.shape
    assert tiled.std() > 0.001
    padded = np.pad(raw, ((50, 50), (50, 50), (50, 50)), mode="symmetric")
    for start, first, voxels in ((0, 0, slice(3, 6)), (64, 61, slice(0, 5))):
        read = torch.from_numpy(2 * padded[start : start + 100, :100, :100] - 1)
        direct = torch.softmax(network(read[None, None]), 1)[0, 1, voxels, 3:, 3:].numpy()
        np.testing.assert_allclose(tiled[first : first + len(direct), :3, :3], direct, atol=1e-5)


@torch.no_grad()
def test_padded_tiles_see_little_of_their_surroundings() -> None:
    """A volume of one tile is one padded block with 8 voxels round it; afterwards convolutions are valid again."""
    network = make_network(recipe(base=1), REGISTRY).eval()
    raw = np.random.default_rng(1).random((40, 32, 24)).astype(np.float32)
    found = validate.predict_logits(network, raw, torch.device("cpu"), context=8, padded=True)
    assert not network.unet.padded
    network.pad(True)
    both = network(torch.from_numpy(2 * raw - 1)[None, None])[0, :, 8:-8, 8:-8, 8:-8]
    np.testing.assert_allclose(found, (both[1] - both[0]).numpy(), atol=1e-5)


@pytest.mark.parametrize(("padded", "expected"), [([True, True], True), ([True, False], False)])
def test_checkpoints_are_compared_as_they_are_trained(
    padded: list[bool], expected: bool, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Padded only where every phase is: else the last blocks are those of inference."""
    seen = []

    class Seen(validate.Validator):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            seen.append(kwargs["padded"])
            super().__init__(*args, **kwargs)

    monkeypatch.setattr(loop, "Validator", Seen)
    phases = [{"iterations": 1, "side": 16 if p else 100, "padded": p, "rate": [1e-3, 0]} for p in padded]
    run(recipe(phases=phases), tmp_path / "out", data)
    assert seen == [expected]


def test_data_come_to_the_grid_of_the_recipe(data: Path) -> None:
    entry = Data(raw="cell.zarr", labels="cell.zarr", roi="2:10,0:26,4:28")
    loaded = load_data(entry, folder=data, organelle="mito", grid=VoxelSize((20, 20, 20)), registry=REGISTRY)
    image = zarr.open_array(data / "cell.zarr/volumes/raw", mode="r")[2:10, 0:26, 4:28]
    assert isinstance(image, np.ndarray)
    blocks = image.reshape(4, 2, 13, 2, 12, 2)
    np.testing.assert_allclose(loaded.raw, blocks.mean((1, 3, 5)) / 255, rtol=1e-5)
    np.testing.assert_array_equal(loaded.labels, (blocks > 128).mean((1, 3, 5)) >= 0.5)
    assert loaded.share == pytest.approx(4 * 13 * 12 * 8e-6)


def test_a_roi_outside_is_refused(data: Path) -> None:
    with pytest.raises(RecipeError, match=r"the ROI 0:25,0:26,0:28 reaches outside cell.zarr, which is \(24, 26, 28\)"):
        load_data(
            Data(raw="cell.zarr", labels="cell.zarr", roi="0:25,0:26,0:28"),
            folder=data,
            organelle="mito",
            grid=VoxelSize((10, 10, 10)),
            registry=REGISTRY,
        )


def invoke(*arguments: object) -> Any:
    return CliRunner().invoke(command, [str(a) for a in arguments])


def test_the_command(undisturbed: tuple[Path, TrainingResult], data: Path, tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump({**VALUES, "phases": VALUES["phases"][:1]}))
    result = invoke(path, "--data", data, "-o", tmp_path / "out", "--device", "cpu")
    assert result.exit_code == 0, result.exception
    assert f"weights: {tmp_path / 'out/weights.pt'}" in result.output
    path.write_text(yaml.safe_dump({**VALUES, "seed": 9, "phases": [{"iterations": 1, "side": 16, "padded": True}]}))
    refused = invoke(path, "--data", data, "-o", tmp_path / "out", "--device", "cpu")
    assert isinstance(refused.exception, RecipeError)
    assert invoke(path, "--data", data, "-o", tmp_path / "out", "--device", "cpu", "--overwrite").exit_code == 0
    assert [line["iteration"] for line in log_of(tmp_path / "out")] == [1]


def test_the_command_needs_a_recipe(tmp_path: Path) -> None:
    missing = invoke(tmp_path / "nothing.yaml", "-o", tmp_path / "out")
    assert isinstance(missing.exception, RecipeError)
    assert not (tmp_path / "out").exists()
    assert "asem train mito_10nm.yaml" in invoke("--help").output


@pytest.mark.parametrize("clip", [None, 1e-3])
def test_a_gradient_is_as_long_as_the_recipe_allows(clip: float | None) -> None:
    plan = recipe(optimiser={"clip": clip})
    network = make_network(plan, REGISTRY)
    noise = torch.rand((1, 16, 16, 16), generator=torch.Generator().manual_seed(0))
    block = Block(raw=(2 * noise - 1)[:, None], labels=(noise > 0.5).long(), mask=torch.ones_like(noise))
    loop.step(network, loop.make_optimiser(network, plan.optimiser), block, plan, plan.phases[0])
    length = float(torch.stack([p.grad.norm() for p in network.parameters() if p.grad is not None]).norm())
    assert length == pytest.approx(1e-3, rel=1e-3) if clip else length > 0.01


def test_the_normalisation_may_learn_alone() -> None:
    plan = recipe(normalise=True, optimiser={"convolutions": False})
    network = make_network(plan, REGISTRY)
    noise = torch.rand((1, 16, 16, 16), generator=torch.Generator().manual_seed(0))
    block = Block(raw=(2 * noise - 1)[:, None], labels=(noise > 0.5).long(), mask=torch.ones_like(noise))
    before = {name: value.clone() for name, value in network.named_parameters()}
    loop.step(network, loop.make_optimiser(network, plan.optimiser), block, plan, plan.phases[0])
    changed = {name for name, value in network.named_parameters() if not torch.equal(value, before[name])}
    layers = {name for name, module in network.named_modules() if isinstance(module, torch.nn.BatchNorm3d)}
    assert changed == {f"{layer}.{kind}" for layer in layers for kind in ("weight", "bias")}
