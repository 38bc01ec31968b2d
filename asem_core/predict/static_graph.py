"""An ONNX graph for one input shape, with the shape of every tensor known."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any


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
    return onnx.shape_inference.infer_shapes(static, data_prop=True)


def tensor_sizes(graph: Any) -> dict[str, tuple[int, ...]]:
    """Shape of every tensor of a static graph that has one; 0 where it is not known before a run."""
    values = [*graph.value_info, *graph.input, *graph.output]
    sizes = {v.name: tuple(d.dim_value for d in v.type.tensor_type.shape.dim) for v in values}
    return {**sizes, **{w.name: tuple(w.dims) for w in graph.initializer}}
