"""An ONNX graph for one input shape: the shape of every tensor, and what a run costs in arithmetic and memory."""

from __future__ import annotations

import math
import tempfile
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from asem_core.errors import ModelError
from asem_core.models.runtimes.counted import Cost, counted
from asem_core.registry import resolve

_KERNEL_AXES = 3
"""A stored tensor of as many is a kernel; sizes, slices and pads have fewer."""


@lru_cache(maxsize=64)
def graph_cost(model: Path, shape: tuple[int, ...], *, rewrite: str | None = None) -> Cost:
    """Cost of ``model`` on one input of ``shape``, batch and channel axes included; see `counted`.

    Parameters
    ----------
    rewrite
        What the runtime makes of the graph first, see `asem_core.specs.Capabilities`.

    Raises
    ------
    ModelError
        The file is not an ONNX graph with one input of as many axes.
    """
    return counted(model, shape, rewrite, count=partial(_count, model, shape, rewrite))


def _count(model: Path, shape: tuple[int, ...], rewrite: str | None) -> Cost:
    try:
        static = static_graph(model, shape)
    except Exception as error:  # protobuf, onnx and onnxruntime raise many kinds
        raise ModelError(f"{model} is not a usable ONNX model: {error}") from error
    graph = static.graph if rewrite is None else with_shapes(resolve(rewrite)(static)).graph
    sizes = tensor_sizes(graph)
    return Cost(flop=_flop(graph, sizes), live=_most_alive(graph, sizes), output=sizes[graph.output[0].name])


def _flop(graph: Any, sizes: dict[str, tuple[int, ...]]) -> float:
    total = 0.0
    for node in graph.node:
        if node.op_type in ("Conv", "ConvTranspose"):
            # A weight is applied at every voxel of the output, or of the input where that is the coarser one.
            voxels = node.output[0] if node.op_type == "Conv" else node.input[0]
            total += 2.0 * math.prod(sizes.get(voxels, ())) * math.prod(sizes.get(node.input[1], ())[1:])
    return total


def _most_alive(graph: Any, sizes: dict[str, tuple[int, ...]]) -> int:
    """Most values of live tensors when nodes run in file order; in-place activations are not counted twice."""
    last_use = {name: i for i, node in enumerate(graph.node) for name in node.input}
    in_place = {"Relu", "Identity", "Cast"}
    alive: dict[str, int] = {graph.input[0].name: math.prod(sizes[graph.input[0].name])}
    peak = 0
    for i, node in enumerate(graph.node):
        dying = [name for name in node.input if last_use[name] == i and name in alive]
        made = {name: math.prod(sizes.get(name, ())) for name in node.output if len(sizes.get(name, ())) >= 3}
        if node.op_type in in_place and dying:
            for name in dying:
                del alive[name]
            alive.update(made)
        else:
            alive.update(made)
            peak = max(peak, sum(alive.values()))
            for name in dying:
                del alive[name]
        peak = max(peak, sum(alive.values()))
    return peak


def static_graph(model: Path, shape: tuple[int, ...]) -> Any:
    """The ONNX model in ``model`` for inputs of ``shape``; onnxruntime folds what is computed from the shape."""
    import onnx
    import onnxruntime as ort

    graph = onnx.load(str(model))
    for axis, size in zip(graph.graph.input[0].type.tensor_type.shape.dim, shape, strict=True):
        axis.dim_value = size
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    with tempfile.TemporaryDirectory() as folder:
        options.optimized_model_filepath = str(Path(folder) / "static.onnx")
        ort.InferenceSession(graph.SerializeToString(), options, providers=["CPUExecutionProvider"])
        static = onnx.load(options.optimized_model_filepath)
    return with_shapes(static)


def with_shapes(model: Any) -> Any:
    """``model`` (onnx.ModelProto) with the shapes of its tensors, as far as they are known before a run."""
    import onnx

    # Serialised twice on the way: without the kernels, on which shapes do not depend, that takes no time.
    bare = onnx.ModelProto()
    bare.CopyFrom(model)
    for weight in bare.graph.initializer:
        if len(weight.dims) >= _KERNEL_AXES:
            weight.CopyFrom(onnx.TensorProto(name=weight.name, dims=weight.dims, data_type=weight.data_type))
    shaped = onnx.shape_inference.infer_shapes(bare, data_prop=True)
    for weight, whole in zip(shaped.graph.initializer, model.graph.initializer, strict=True):
        weight.CopyFrom(whole)
    return shaped


def tensor_sizes(graph: Any) -> dict[str, tuple[int, ...]]:
    """Shape of every tensor of a static graph that has one; 0 where it is not known before a run."""
    values = [*graph.value_info, *graph.input, *graph.output]
    sizes = {v.name: tuple(d.dim_value for d in v.type.tensor_type.shape.dim) for v in values}
    return {**sizes, **{w.name: tuple(w.dims) for w in graph.initializer}}
