"""The same graph in half precision: float16 inside, float32 where tensors go in and come out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from asem_core.errors import ModelError
from asem_core.models.runtimes.graph import static_graph

_MAKES_PROBABILITIES = ("Softmax", "Sigmoid")


def half_graph(model: Path, shape: tuple[int, ...]) -> bytes:
    """``model`` for inputs of ``shape`` with weights and tensors in float16, but for input, output and probabilities.

    Raises
    ------
    ModelError
        The graph cannot be converted.

    Notes
    -----
    ONNX Runtime's own converter. Weights of our packages are multiples of float16 already, so only tensors are rounded.
    """
    converter = _converter()
    try:
        static = static_graph(model, shape)
        found = converter.convert_float_to_float16(
            static, keep_io_types=True, disable_shape_infer=True, node_block_list=_probabilities(static.graph)
        )
    except Exception as error:  # onnx, onnxruntime and the converter raise many kinds
        raise ModelError(f"{model} cannot be converted to half precision: {error}; use --precision f32") from error
    _keep_in_full(found.graph)
    graph: bytes = found.SerializeToString()
    return graph


def _probabilities(graph: Any) -> list[str]:
    """Names of the nodes that make probabilities and of those that come after: float16 has none below 6e-8.

    Nodes without a name get one.
    """
    made: set[str] = set()
    kept = []
    for number, node in enumerate(graph.node):
        node.name = node.name or f"node_{number}"
        if node.op_type in _MAKES_PROBABILITIES or made.intersection(node.input):
            made.update(node.output)
            kept.append(node.name)
    return kept


def _keep_in_full(graph: Any) -> None:
    """Do away with float32 -> float16 -> float32, which the converter puts between nodes that stay in float32."""
    import onnx

    def target(node: Any) -> int | None:
        return node.attribute[0].i if node.op_type == "Cast" else None

    makers = {name: node for node in graph.node for name in node.output}
    for node in graph.node:
        before = makers.get(node.input[0]) if target(node) == onnx.TensorProto.FLOAT else None
        if before is not None and target(before) == onnx.TensorProto.FLOAT16:
            node.op_type, node.input[0] = "Identity", before.input[0]
            del node.attribute[:]


def _converter() -> Any:
    before = list(sys.path)
    from onnxruntime.transformers import float16

    # That package adds its folder, which holds modules with names like `benchmark`.
    sys.path[:] = before
    return float16
