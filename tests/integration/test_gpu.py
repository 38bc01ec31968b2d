"""What only a machine with a CUDA GPU can show: `pytest -m gpu`."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
import zarr

from asem_core import open_volume, segment
from asem_core.models.runtimes import tensorrt_runtime
from asem_core.models.runtimes.agreement import BOUNDS, blobs, plane_difference
from asem_core.models.runtimes.device import cuda, has_cuda, open_on
from asem_core.models.runtimes.onnx_session import open_on_processor
from asem_core.registry import Registry
from asem_core.training.export import export_onnx, round_to_fp16
from asem_core.training.loop import train
from asem_core.training.recipe import Recipe, structure_recipe
from asem_core.training.sample import Sampler
from asem_core.training.unet import UNet
from asem_core.training.validate import predict
from asem_core.training.volumes import LabelledVolume
from asem_core.volume import Volume

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU"),
]
CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.fixture
def volume() -> LabelledVolume:
    raw = np.random.default_rng(4).random((120, 120, 120), np.float32)
    return LabelledVolume(name="noise", raw=raw, labels=(raw > 0.6).astype(np.uint8), share=1.0)


def recipe(**changes: Any) -> Recipe:
    values = {
        "organelle": "mito", "voxel_size_nm": [10, 10, 10], "base": 16, "normalise": True, "batch": 2,
        "settle_blocks": 2,
        "training": [{"raw": "raw.zarr", "labels": "labels.zarr", "voxel_size_nm": [10, 10, 10]}],
        "phases": [{"iterations": 3, "side": 32, "padded": True, "rate": [1e-3, 1e-3]},
                   {"iterations": 2, "side": 100, "frozen": True, "rate": [1e-4, 0.0]}],
        "checkpoint_every": 2,
    }  # fmt: skip
    return structure_recipe({**values, **changes}, where="test")


def test_the_same_blocks_are_drawn_as_on_the_cpu(volume: LabelledVolume) -> None:
    plan = recipe(augment={"noise": 0.05})
    for number in range(4):
        here, there = (Sampler([volume], plan, device).batch(number, plan.phase_at(number)) for device in (CPU, CUDA))
        assert there.raw.device.type == "cuda"
        torch.testing.assert_close(there.raw.cpu(), here.raw, atol=2e-3, rtol=0)
        assert (there.labels.cpu() != here.labels).float().mean() < 1e-3


@pytest.mark.parametrize(("mixed", "within"), [(False, 0.01), (True, 0.05)])
def test_training_begins_as_on_the_cpu_and_resumes(
    volume: LabelledVolume, registry: Registry, tmp_path: Path, mixed: bool, within: float
) -> None:
    for name, values in (("raw", (255 * volume.raw).astype(np.uint8)), ("labels", volume.labels)):
        zarr.save_array(str(tmp_path / f"{name}.zarr"), values)
    plan = recipe(mixed_precision=mixed)
    train(recipe(), tmp_path / "cpu", data_folder=tmp_path, registry=registry, device="cpu")

    def stop(kind: str, now: int, last: int, note: str = "") -> None:
        if (kind, now) == ("train", 3):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(plan, tmp_path / "gpu", data_folder=tmp_path, registry=registry, device="cuda", progress=stop)
    train(plan, tmp_path / "gpu", data_folder=tmp_path, registry=registry, device="cuda")

    # Only the first: from there on Adam divides rounding by rounding, and the two go their own ways.
    here, there = _losses(tmp_path / "cpu"), _losses(tmp_path / "gpu")
    assert there[1] == pytest.approx(here[1], rel=within)
    assert sorted(there) == [1, 2, 3, 4, 5]
    assert np.isfinite(list(there.values())).all()


def _losses(run: Path) -> dict[int, float]:
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return {line["iteration"]: line["loss"] for line in lines if line["kind"] == "train"}


@pytest.mark.parametrize(("mixed", "within"), [(False, 2e-3), (True, 5e-2)])
def test_prediction_agrees_with_the_cpu(volume: LabelledVolume, mixed: bool, within: float) -> None:
    torch.manual_seed(0)
    network = UNet(16).eval()
    raw = volume.raw[:32, :32, :32]
    here = predict(network, raw, CPU)
    there = predict(network.to(CUDA), raw, CUDA, mixed_precision=mixed)
    assert np.abs(here - there).max() < within


needs_onnxruntime = pytest.mark.skipif(not has_cuda(), reason="this onnxruntime finds no CUDA device")


@needs_onnxruntime
def test_onnx_runtime_agrees_with_the_cpu(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = UNet(16).eval()
    network.load_state_dict(round_to_fp16(network.state_dict()))
    export_onnx(network, tmp_path / "net.onnx")
    block = np.random.default_rng(1).uniform(-1, 1, (1, 1, 120, 120, 120)).astype(np.float32)
    results = [
        onnxruntime.InferenceSession(tmp_path / "net.onnx", providers=[provider]).run(None, {"raw": block})[0]
        for provider in ("CPUExecutionProvider", "CUDAExecutionProvider")
    ]
    assert np.abs(results[0] - results[1]).max() < 2e-3


@needs_onnxruntime
@pytest.mark.parametrize("search", ["HEURISTIC", "EXHAUSTIVE"])
@pytest.mark.parametrize("precision", ["f16", "f32"])
def test_a_session_gives_two_threads_what_the_processor_gives(toy: Any, precision: str, search: str) -> None:
    shape = (1, 1, 160, 168, 176)
    session = open_on(cuda(search=search), toy.onnx, shape=shape, precision=precision, threads=2)
    assert session.runtime == "onnxruntime (cuda)"
    tiles = [blobs(shape), -blobs(shape), np.zeros(shape, np.float32)] * 2
    plain = open_on_processor(toy.onnx, shape=shape, threads=2)
    with ThreadPoolExecutor(2) as pool:
        for found, tile in zip(pool.map(session.run, tiles), tiles, strict=True):
            assert plane_difference(found, plain.run(tile)) < BOUNDS[precision]


@needs_onnxruntime
def test_tensorrt_gives_what_the_processor_gives(toy: Any) -> None:
    if isinstance(can := tensorrt_runtime.probe(), str):
        pytest.skip(can)
    # It compares by itself.
    session = tensorrt_runtime.open_session(toy.onnx, shape=(1, 1, 112, 112, 112), precision="f16", threads=2)
    assert session.runtime == "onnxruntime (tensorrt)"


@needs_onnxruntime
def test_a_segmentation_is_that_of_the_processor(
    toy: Any, registry: Registry, as_volume: Callable[..., Volume], tissue: Any, tmp_path: Path
) -> None:
    def found(name: str, **chosen: Any) -> Any:
        segment(as_volume(tissue), tmp_path / f"{name}.zarr", organelle=toy.organelle, registry=registry, **chosen)
        written = open_volume(tmp_path / f"{name}.zarr", registry=registry)
        return np.asarray(written.read(written.box)).astype(int)

    gpu, processor = found("gpu"), found("processor", runtime="openvino", precision="f32")
    assert np.abs(gpu - processor).max() <= 2
