"""The path of a GPU, on the processor: buffers, half precision, and the tile that is compared."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import onnx
import pytest

from asem_core.errors import ModelError
from asem_core.models.runtimes import agreement, device, onnx_runtime
from asem_core.models.runtimes.agreement import blobs, check_agreement, plane_difference
from asem_core.models.runtimes.device import PROCESSOR, cuda, has_cuda, open_on
from asem_core.models.runtimes.half import half_graph
from asem_core.models.runtimes.onnx_session import open_on_processor

SHAPE = (1, 1, 112, 120, 112)


def on_device(toy: Any, precision: str = "f32") -> Any:
    return open_on(PROCESSOR, toy.onnx, shape=SHAPE, precision=precision, threads=1)


def test_buffers_give_what_run_gives_bit_by_bit_also_to_threads(toy: Any) -> None:
    session, plain = on_device(toy), open_on_processor(toy.onnx, shape=SHAPE, threads=1)
    tiles = [blobs(SHAPE), -blobs(SHAPE), np.zeros(SHAPE, np.float32)]
    expected = [plain.run(tile) for tile in tiles]
    kept = [session.run(tile) for tile in tiles]  # each a copy: the buffers are used again
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(session.run, tiles * 3))
    for each, wanted in zip([*kept, *found], expected * 4, strict=True):
        np.testing.assert_array_equal(each, wanted)
    assert (session.runtime, session.precision) == ("onnxruntime (cpu)", "f32")
    with pytest.raises(ModelError, match="runs inputs of"):
        session.run(np.zeros((1, 1, 112, 112, 112), np.float32))


def test_half_precision_is_close_and_is_inside_only(toy: Any) -> None:
    graph = onnx.load_from_string(half_graph(toy.onnx, SHAPE)).graph
    ends = {value.type.tensor_type.elem_type for value in (*graph.input, *graph.output)}
    assert ends == {onnx.TensorProto.FLOAT}
    kernels = {tensor.data_type for tensor in graph.initializer if len(tensor.dims) == 5}
    assert kernels == {onnx.TensorProto.FLOAT16}
    found, exact = (on_device(toy, precision).run(blobs(SHAPE)) for precision in ("f16", "f32"))
    assert found.dtype == np.float32
    difference = plane_difference(found, exact)
    assert 0 < difference < agreement.BOUNDS["f16"]


def test_probabilities_stay_in_full(tmp_path: Path) -> None:
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    nodes = [
        helper.make_node("Mul", ["x", "by"], ["scaled"]),
        helper.make_node("Sigmoid", ["scaled"], ["p"]),
        helper.make_node("Pad", ["p", "pads"], ["y"]),
    ]
    pads = helper.make_tensor("pads", onnx.TensorProto.INT64, [2], [1, 1])
    constants = [helper.make_tensor("by", kind, [1], [1.0]), pads]
    ends = [helper.make_tensor_value_info(name, kind, [n]) for name, n in (("x", 2), ("y", 4))]
    graph = helper.make_graph(nodes, "graph", ends[:1], ends[1:], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    onnx.save(model, tmp_path / "model.onnx")
    (tmp_path / "half.onnx").write_bytes(half_graph(tmp_path / "model.onnx", (2,)))
    tensor = np.array([-18, 5], np.float32)  # both are of float16, sigmoid(-18) is not
    sessions = (open_on_processor(tmp_path / f"{name}.onnx", shape=(2,), threads=1) for name in ("half", "model"))
    half, full = (session.run(tensor) for session in sessions)
    np.testing.assert_allclose(half, full, rtol=1e-6)


@pytest.mark.parametrize("spoilt", [slice(50, None), slice(60, 61)])
def test_a_device_that_is_wrong_in_a_part_is_refused(toy: Any, spoilt: slice) -> None:
    reference = open_on_processor(toy.onnx, shape=SHAPE, threads=1).run
    assert check_agreement(reference, reference, SHAPE, precision="f32", where="here") == 0

    def wrong(tensor: Any) -> Any:
        found = reference(tensor)
        found[:, :, spoilt, 55:60] = 0.5
        return found

    for precision, remedy in (("f16", "--precision f32"), ("f32", "--runtime openvino")):
        with pytest.raises(ModelError, match=f"here calculates wrongly in {precision}: .* use {remedy}$"):
            check_agreement(wrong, reference, SHAPE, precision=precision, where="here")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_overflows_is_refused(value: float) -> None:
    def reference(tensor: Any) -> Any:
        return np.abs(tensor)

    def wrong(tensor: Any) -> Any:
        return np.where(tensor > 0.9, np.float32(value), np.abs(tensor))

    with pytest.raises(ModelError, match="calculates wrongly"):
        check_agreement(wrong, reference, (1, 1, 8, 96, 96), precision="f16", where="here")


def test_outputs_that_are_no_probabilities_are_compared_by_their_size() -> None:
    exact = np.full((4, 8, 8), 2000, np.float32)
    assert plane_difference(exact + 1, exact) == pytest.approx(1 / 2000)


def test_precisions_that_a_gpu_does_not_run(toy: Any) -> None:
    with pytest.raises(ModelError, match="runs models in f16 or f32, got --precision bf16"):
        on_device(toy, "bf16")


def test_a_provider_that_does_not_load(toy: Any) -> None:
    if has_cuda():
        pytest.skip("it loads")
    with pytest.raises(ModelError, match=r"cannot use CUDAExecutionProvider|cannot load"):
        open_on(cuda(), toy.onnx, shape=SHAPE, precision="f32", threads=1)


def test_a_tile_that_does_not_fit(toy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Any, tensor: Any) -> Any:
        raise RuntimeError("CUDA out of memory")

    monkeypatch.setattr(device.BoundSession, "run", full)
    with pytest.raises(ModelError, match=r"cannot run an input of .*: CUDA out of memory; .* a smaller --tile$"):
        on_device(toy)


def test_a_gpu_takes_the_memory_that_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "gpu_free_memory", lambda: 10**9)
    assert cuda().options["gpu_mem_limit"] == "900000000"
    monkeypatch.setattr(device, "gpu_free_memory", lambda: None)
    assert "gpu_mem_limit" not in cuda().options
    assert [name for name, _ in cuda().chain] == ["CUDAExecutionProvider", "CPUExecutionProvider"]


@pytest.mark.parametrize(
    ("version", "warns"), [((9, 10, 2), True), ((9, 15, 0), True), ((9, 15, 1), False), (None, False)]
)
def test_versions_of_cudnn_that_were_wrong(
    toy: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, version: Any, warns: bool
) -> None:
    monkeypatch.setattr(device, "cudnn_version", lambda: version)
    monkeypatch.setattr(
        device, "BoundSession", lambda session, shape, **_: open_on_processor(toy.onnx, shape=shape, threads=1)
    )
    with caplog.at_level(logging.WARNING):
        open_on(attrs.evolve(PROCESSOR, device="cuda"), toy.onnx, shape=SHAPE, precision="f32", threads=1)
    assert ("has calculated 3D convolutions wrongly: use 9.15.1" in caplog.text) == warns


@pytest.mark.parametrize(("number", "expected"), [(91501, (9, 15, 1)), (91002, (9, 10, 2))])
def test_the_version_of_cudnn(monkeypatch: pytest.MonkeyPatch, number: int, expected: tuple[int, ...]) -> None:
    class Library:
        def __init__(self, name: str) -> None:
            self.cudnnGetVersion: Callable[[], int] = lambda: number

    monkeypatch.setattr(device.ctypes, "CDLL", Library)
    assert device.cudnn_version() == expected


def test_a_gpu_that_onnxruntime_cannot_use_is_told_of_and_not_chosen(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    if has_cuda():
        pytest.skip("it can")
    if "CUDAExecutionProvider" not in onnx_runtime_providers():
        pytest.skip("onnxruntime was built without CUDA")
    has_cuda.cache_clear()
    monkeypatch.setattr(device, "_DRIVERS", ("/",))
    try:
        with caplog.at_level(logging.WARNING):
            assert not has_cuda()
        can = onnx_runtime.probe()
    finally:
        has_cuda.cache_clear()
    assert "pip install 'asem-core[cuda]'" in caplog.text
    assert not isinstance(can, str)
    assert (can.rank, can.device_memory, can.at_once) == (10, None, 1)
    assert capfd.readouterr() == ("", "")


def onnx_runtime_providers() -> list[str]:
    import onnxruntime

    return list(onnxruntime.get_available_providers())
