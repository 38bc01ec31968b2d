"""Convolutions of upsampled tensors as transposed ones: the same values, and what is left alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper
from scipy.ndimage import correlate1d

from asem_core.models.runtimes.graph import graph_cost, static_graph, tensor_sizes, with_shapes
from asem_core.models.runtimes.subpixel import transposed_kernel, without_upsampling

SKIP, COARSE, OUT = 2, 3, 4
"""Channels."""


def test_the_kernel_along_one_axis() -> None:
    kernel = np.zeros((1, 1, 3, 3, 3), np.float32)
    kernel[0, 0, :, 1, 1] = [1, 10, 100]
    np.testing.assert_array_equal(transposed_kernel(kernel)[0, 0, :, 1, 2], [100, 110, 11, 1])


def test_the_kernel_against_upsampling_by_hand() -> None:
    """The whole sum over the taps that meet one coarse value, for a separable kernel."""
    taps, coarse = np.float32([1, 2, 4]), np.float32([3, 5, 7, 11])
    fine = correlate1d(coarse.repeat(2), taps, mode="constant")[1:-1]
    kernel = np.zeros((1, 1, 3, 3, 3), np.float32)
    kernel[0, 0, :, 1, 1] = taps
    line = transposed_kernel(kernel)[0, 0, :, 1, 1]
    spread = np.zeros(2 * len(coarse) + 2, np.float32)
    for n, value in enumerate(coarse):
        spread[2 * n : 2 * n + 4] += value * line
    np.testing.assert_array_equal(spread[2:-2], fine)


def upsampling_graph(
    *, start: tuple[int, int, int] = (0, 0, 0), sides: tuple[int, int, int] = (8, 12, 10), skip_first: bool = True,
    pad: int = 0, mode: str = "nearest", scale: float = 2.0, reused: bool = False,
) -> Any:  # fmt: skip
    """``Conv(Concat(skip, Slice(Resize(coarse))))`` with random weights; ``sides`` are those of the fine part."""
    random = np.random.default_rng(0)
    coarse = [-(-(s + n) // 2) + 1 for s, n in zip(start, sides, strict=True)]
    stops = [s + n for s, n in zip(start, sides, strict=True)]
    arrays = {
        "scales": np.float32([1, 1, scale, scale, scale]),
        "starts": np.int64(start), "stops": np.int64(stops), "axes": np.int64([2, 3, 4]),
        "weights": random.random((OUT, SKIP + COARSE, 3, 3, 3), np.float32) - 0.5,
        "bias": random.random(OUT, np.float32),
    }  # fmt: skip
    nodes = [
        helper.make_node("Relu", ["input"], ["deep"]),
        helper.make_node(
            "Resize", ["deep", "", "scales"], ["up"], mode=mode, nearest_mode="floor",
            coordinate_transformation_mode="asymmetric",
        ),
        helper.make_node("Slice", ["up", "starts", "stops", "axes"], ["part"]),
        helper.make_node("Concat", ["skip", "part"] if skip_first else ["part", "skip"], ["both"], axis=1),
        helper.make_node("Conv", ["both", "weights", "bias"], ["output"], pads=[pad] * 6, kernel_shape=[3, 3, 3]),
    ]  # fmt: skip
    out = [n - 2 + 2 * pad for n in sides]
    outputs = [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, OUT, *out])]
    if reused:
        outputs.append(helper.make_tensor_value_info("part", TensorProto.FLOAT, [1, COARSE, *sides]))
    graph = helper.make_graph(
        nodes, "upsampling",
        [
            helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, COARSE, *coarse]),
            helper.make_tensor_value_info("skip", TensorProto.FLOAT, [1, SKIP, *sides]),
        ],
        outputs, [numpy_helper.from_array(values, name) for name, values in arrays.items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return onnx.shape_inference.infer_shapes(model, data_prop=True)


def run(model: Any) -> Any:
    onnx.checker.check_model(model)
    options = ort.SessionOptions()
    options.log_severity_level = 3
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    random = np.random.default_rng(1)
    inputs = {i.name: random.random(i.shape, np.float32) - np.float32(0.3) for i in session.get_inputs()}
    return session.run(None, inputs)


def kinds(model: Any) -> list[str]:
    return [node.op_type for node in model.graph.node]


@pytest.mark.parametrize("start", [(0, 0, 0), (4, 4, 4), (1, 2, 3), (5, 0, 7)])
@pytest.mark.parametrize("sides", [(8, 12, 10), (7, 5, 9), (3, 4, 3)])
def test_same_values_wherever_the_part_begins_and_ends(
    start: tuple[int, int, int], sides: tuple[int, int, int]
) -> None:
    model = upsampling_graph(start=start, sides=sides)
    folded = without_upsampling(model)
    assert kinds(folded) == ["Relu", "Conv", "Slice", "ConvTranspose", "Add"]
    np.testing.assert_allclose(run(folded)[0], run(model)[0], atol=1e-5)


def test_a_part_that_something_else_reads_stays() -> None:
    model = upsampling_graph(reused=True)
    folded = without_upsampling(model)
    assert {"Resize", "ConvTranspose"} <= set(kinds(folded))
    for found, expected in zip(run(folded), run(model), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("other", [{"pad": 1}, {"mode": "linear"}, {"scale": 3.0}, {"skip_first": False}])
def test_other_graphs_are_left_alone(other: dict[str, Any]) -> None:
    model = upsampling_graph(**other)
    assert without_upsampling(model) is model


@pytest.mark.parametrize("name", ["part", "skip"])
def test_a_graph_with_unknown_sizes_is_left_alone(name: str) -> None:
    model = upsampling_graph()
    for value in [*model.graph.value_info, *model.graph.input]:
        if value.name == name:
            value.type.tensor_type.shape.dim[3].ClearField("dim_value")
    assert without_upsampling(model) is model
    for values in (model.graph.value_info, model.graph.input):
        for value in [v for v in values if v.name == name]:
            values.remove(value)
    assert without_upsampling(model) is model


def test_shapes_do_not_depend_on_kernels(toy: Any) -> None:
    model = static_graph(toy.onnx, (1, 1, 120, 112, 128))
    found, plain = with_shapes(model), onnx.shape_inference.infer_shapes(model, data_prop=True)
    assert tensor_sizes(found.graph) == tensor_sizes(plain.graph)
    assert list(found.graph.initializer) == list(model.graph.initializer)


def test_our_network_loses_its_upsampling_and_some_of_its_arithmetic(toy: Any) -> None:
    model = static_graph(toy.onnx, (1, 1, 120, 112, 128))
    folded = without_upsampling(model)
    assert kinds(model).count("Resize") == kinds(folded).count("ConvTranspose") == 3
    assert not {"Resize", "Concat"} & set(kinds(folded))
    np.testing.assert_allclose(run(folded)[0], run(model)[0], atol=1e-5)


def test_what_is_saved(toy: Any, tmp_path: Any) -> None:
    """By the layer table: 8 products instead of 27 for the upsampled channels of three convolutions."""
    shape = (1, 1, 208, 208, 208)
    path = tmp_path / "folded.onnx"
    onnx.save(without_upsampling(static_graph(toy.onnx, shape)), path)
    layers = [(34, 36, 16, 8), (62, 64, 8, 4), (114, 116, 4, 2)]  # result, upsampled part, channels in and out
    saved = sum(2.0 * i * o * (27 * side**3 - 64 * (part // 2) ** 3) for side, part, i, o in layers)
    folded = graph_cost(path, shape)
    assert graph_cost(toy.onnx, shape).flop - folded.flop == saved
    assert graph_cost(toy.onnx, shape, rewrite=f"{without_upsampling.__module__}:without_upsampling") == folded
