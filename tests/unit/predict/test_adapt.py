"""Adaptation without labels: what it changes, what it leaves alone, and what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import onnx
import pytest
import zarr

from asem_core import segment
from asem_core.errors import ModelError, OutputError, VolumeError
from asem_core.models.moments import adapted_graph, graph_weights, measure_moments
from asem_core.models.own import open_own
from asem_core.predict.adapt import Adaptation, adapted_model, measure_adaptation, measure_on, tissue_blocks
from asem_core.registry import Registry
from asem_core.zoo.guard.description import check_description
from asem_core.zoo.moments import Moments, TrainedMoments, read_moments, unlikeness, write_moments
from asem_core.zoo.write.parity import run_onnxruntime

GAIN, OFFSET = 0.5, 70.0


@pytest.fixture(scope="module")
def block(tissue: Any) -> Any:
    image = np.pad(tissue, [(0, 112 - n) for n in tissue.shape], mode="symmetric")
    return (image * np.float32(2 / 255) - 1)[None, None]


@pytest.fixture(scope="module")
def paler(block: Any) -> Any:
    """The same tissue with less contrast, and brighter."""
    return np.float32(GAIN) * block + np.float32(GAIN + OFFSET * 2 / 255 - 1)


@pytest.fixture
def package(toy: Any, block: Any, tmp_path: Path) -> Any:
    """The toy organelle, whose model knows the moments of the tissue."""
    folder = tmp_path / "package"
    shutil.copytree(toy.onnx.parent, folder)
    layers = measure_moments(toy.onnx, [block])
    spread = {name: attrs.evolve(layer, spread=0.01 + 0 * layer.spread) for name, layer in layers.items()}
    write_moments(TrainedMoments(tissue=("tissue: 1 block",), layers=spread), folder)
    model = attrs.evolve(toy.organelle.models[0], package=str(folder))
    return attrs.evolve(toy.organelle, models=(model,))


def test_a_weight_of_nothing_changes_nothing(toy: Any, block: Any, paler: Any, tmp_path: Path) -> None:
    trained, found = measure_moments(toy.onnx, [block]), measure_moments(toy.onnx, [paler])
    (tmp_path / "same.onnx").write_bytes(adapted_graph(toy.onnx, found, trained=trained, weight=0))
    before, after = graph_weights(toy.onnx), graph_weights(tmp_path / "same.onnx")
    assert before.keys() == after.keys()
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_a_network_that_blows_up_is_told_of_in_one_line(toy: Any, block: Any) -> None:
    with pytest.raises(ModelError, match=r"unet\.l_conv\.0.* not finite: the training has diverged"):
        measure_moments(toy.onnx, [block * np.float32(1e30)])


def test_the_tissue_of_the_training_changes_nothing(toy: Any, block: Any, tmp_path: Path) -> None:
    trained = measure_moments(toy.onnx, [block])
    found = measure_moments(toy.onnx, [block], trained=trained, weight=1.0)
    (tmp_path / "same.onnx").write_bytes(adapted_graph(toy.onnx, found, trained=trained, weight=1.0))
    difference = run_onnxruntime(tmp_path / "same.onnx", block[0, 0]) - run_onnxruntime(toy.onnx, block[0, 0])
    assert np.abs(difference).max() < 0.01


def test_another_contrast_is_undone(toy: Any, block: Any, paler: Any, tmp_path: Path) -> None:
    trained = measure_moments(toy.onnx, [block])
    found = measure_moments(toy.onnx, [paler], trained=trained, weight=1.0)
    (tmp_path / "adapted.onnx").write_bytes(adapted_graph(toy.onnx, found, trained=trained, weight=1.0))
    truth, naive = (run_onnxruntime(toy.onnx, image[0, 0]) for image in (block, paler))
    adapted = run_onnxruntime(tmp_path / "adapted.onnx", paler[0, 0])
    assert np.abs(naive - truth).max() > 0.2
    assert np.abs(adapted - truth).max() < 0.02


def test_moments_are_those_of_the_network(toy: Any, block: Any) -> None:
    torch = pytest.importorskip("torch", reason="compares with torch: pip install 'asem-core[train]'")
    weights = {name: torch.from_numpy(values) for name, values in graph_weights(toy.onnx).items()}
    name = "unet.l_conv.0.conv_pass.0"
    made = torch.nn.functional.conv3d(
        torch.from_numpy(block[..., 2:-2, 2:-2, 2:-2]), weights[f"{name}.weight"], weights[f"{name}.bias"]
    )
    found = measure_moments(toy.onnx, [block])
    assert len(found) == 14
    np.testing.assert_allclose(found[name].mean, made.mean((0, 2, 3, 4)), rtol=1e-3)
    np.testing.assert_allclose(found[name].deviation, made.std((0, 2, 3, 4)), rtol=1e-3)


def test_familiar_tissue_leaves_the_model_alone() -> None:
    def adaptation(far: float) -> Adaptation:
        return Adaptation(weight=0.5, unlikeness=far, blocks=("a",), layers={})

    assert adaptation(1.0).strength == 0
    assert "not adapted" in str(adaptation(1.0))
    assert adaptation(30.0).strength == 0.5
    layer = Moments(mean=[0.0, 1.0], deviation=[1.0, 1.0], spread=[0.5, 0.5])
    assert unlikeness({"unet.l_conv.0": attrs.evolve(layer, mean=[1.0, 2.0])}, {"unet.l_conv.0": layer}) == 2


def test_blocks_are_tissue_and_always_the_same(package: Any, registry: Registry, as_volume: Any, tissue: Any) -> None:
    model = open_own(package.models[0], registry=registry)
    half = np.full((40, 40, 600), 200, np.uint8)
    half[..., :300] = np.tile(tissue[:40, :40], (1, 1, 4))[..., :300]
    volume = as_volume(half)
    found, again = (list(tissue_blocks(volume, model, count=3)) for _ in range(2))
    assert [box for box, _ in found] == [box for box, _ in again]
    assert len(found) == 3
    assert all(box.start[2] < 300 and block.shape == (1, 1, 128, 128, 128) for box, block in found)
    with pytest.raises(VolumeError, match="no block of 128 voxels with tissue"):
        list(tissue_blocks(as_volume(np.full((40, 40, 40), 200, np.uint8)), model))
    mask = np.zeros(half.shape, np.uint8)
    with pytest.raises(VolumeError, match="no block of 128 voxels with tissue"):
        list(tissue_blocks(volume, model, mask=as_volume(mask)))


@pytest.mark.parametrize("inside", [1, 255])
def test_half_of_a_block_is_inside_whatever_a_mask_writes(
    inside: int, package: Any, registry: Registry, as_volume: Any, tissue: Any
) -> None:
    model = open_own(package.models[0], registry=registry)
    volume = as_volume(np.tile(tissue[:40, :40], (1, 1, 8)))
    mask = np.zeros(volume.shape, np.uint8)
    mask[..., :200] = inside
    starts = [box.start[2] for box, _ in tissue_blocks(volume, model, mask=as_volume(mask), count=20)]
    assert 72 < max(starts) <= 200 - 64


@pytest.mark.slow
def test_segment_adapts_resumes_and_tells(
    package: Any, registry: Registry, as_volume: Any, tissue: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    volume = as_volume(np.rint((GAIN * tissue + OFFSET) * 257 / 3).astype(np.uint16))
    out = tmp_path / "out.zarr"
    plans: list[Any] = []

    def run(**more: Any) -> Any:
        return segment(volume, out, organelle=package, registry=registry, planned=plans.append, **more)

    run(adapt=1.0)
    assert caplog.text.count("its grey levels span") == 1
    told = plans[-1].settings["adapted"]
    assert told["weight"] == 1.0
    assert told["strength"] > 0.9
    assert zarr.open_group(out, mode="r").attrs["asem"]["settings"]["adapted"]["sha256"] == told["sha256"]
    before = (tmp_path / "out.zarr.journal.jsonl").read_bytes()
    (package_moments := Path(package.models[0].package) / "moments.json").rename(tmp_path / "aside.json")
    with pytest.raises(ModelError, match=r"has no moments.json, without which it cannot be adapted"):
        run(adapt=1.0)
    (tmp_path / "aside.json").rename(package_moments)
    run(adapt=1.0)
    assert (tmp_path / "out.zarr.journal.jsonl").read_bytes() == before
    for other in ({"adapt": 0.5}, {}):
        with pytest.raises(OutputError, match="made with other settings"):
            run(**other)


def test_models_without_moments_and_weights_that_are_none(
    toy: Any, package: Any, registry: Registry, as_volume: Any, tissue: Any
) -> None:
    with pytest.raises(ModelError, match=r"'toy-10nm' has no moments.json"):
        measure_adaptation(as_volume(tissue), open_own(toy.organelle.models[0], registry=registry))
    with pytest.raises(ModelError, match="a weight from 0 to 1, got 2"):
        measure_adaptation(as_volume(tissue), open_own(package.models[0], registry=registry), weight=2)


@pytest.mark.parametrize(
    ("stored", "said"),
    [
        (lambda a: a.astype("f4"), r"found float32 of .*--grey LOW:HIGH, here --grey 0:255, or --grey auto"),
        (lambda a: np.where(np.arange(a.size).reshape(a.shape) == 1, np.nan, a / 255), r"voxel 0,0,1 \(z,y,x\) is nan"),
        (lambda a: a.astype("u2") * 16, r"no block of 128 .*say which levels .*--grey LOW:HIGH.* or take the model as"),
    ],
)
def test_levels_that_the_model_was_not_trained_on_are_said(
    package: Any, registry: Registry, as_volume: Any, tissue: Any, stored: Any, said: str
) -> None:
    model = open_own(package.models[0], registry=registry)
    with pytest.raises(VolumeError, match=said):
        measure_on(as_volume(stored(tissue)), model, weight=0.5)


@pytest.mark.parametrize(
    "damage",
    [
        "[]",
        '{"tissue": [], "layers": {"a": {"mean": [1], "deviation": [NaN], "spread": [1]}}}',
        '{"tissue": [], "layers": {"a": {"mean": [1], "deviation": [-1], "spread": [1]}}}',
        '{"tissue": [], "layers": {"a": {"mean": [1, 2], "deviation": [1], "spread": [1]}}}',
        '{"tissue": [], "layers": {"a": {"mean": ["x"], "deviation": [1], "spread": [1]}}}',
        '{"tissue": [], "layers": {"a": {"mean": [], "deviation": [], "spread": []}}}',
        "[" * 100_000,
        " " * 5_000_000,
    ],
)
def test_damaged_moments_are_refused(package: Any, damage: str) -> None:
    folder = Path(package.models[0].package)
    (folder / "moments.json").write_text(damage)
    for check in (read_moments, check_description):
        with pytest.raises(ModelError, match=r"moments.json does not hold the moments of a network"):
            check(folder)


def test_moments_of_another_network_are_refused(package: Any, registry: Registry, as_volume: Any, tissue: Any) -> None:
    path = Path(package.models[0].package) / "moments.json"
    values = json.loads(path.read_text())
    del values["layers"]["unet.l_conv.0.conv_pass.0"]
    path.write_text(json.dumps(values))
    with pytest.raises(ModelError, match="of another network"):
        measure_adaptation(as_volume(tissue), open_own(package.models[0], registry=registry))
    assert onnx.load(str(path.parent / "weights.onnx")).opset_import[0].version == 17


def test_8_bit_integers_are_not_adapted(
    package: Any, registry: Registry, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = Path(package.models[0].package)
    model = attrs.evolve(open_own(package.models[0], registry=registry), int8=folder / "weights_int8.onnx")
    trained = read_moments(folder)
    assert trained is not None

    def adapted(unlikeness: float) -> Any:
        found = Adaptation(weight=0.5, unlikeness=unlikeness, blocks=("a",), layers=trained.layers)
        return adapted_model(model, found, tmp_path)

    assert adapted(1.0).int8 == model.int8
    assert not caplog.text
    assert adapted(30.0).int8 is None
    assert "int8 weights of toy-10nm are not adapted: it runs in another precision" in caplog.text
