"""ONNX files from elsewhere: what they claim and what they point to, checked before a runtime opens them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from asem_core.errors import ModelError
from asem_core.zoo.guard.names import local_file

MOST_FILE_BYTES = 2**31
"""Limit of the format itself (protobuf)."""
MOST_VALUES = 2**32
"""Of one tensor: 17 GB as float32. No network on blocks of a volume has larger ones."""
_DOMAINS = ("", "ai.onnx", "ai.onnx.ml", "com.microsoft")
"""Operators that ONNX Runtime brings along."""


def check_onnx(path: Path) -> None:
    """Refuse an ONNX file that claims absurd sizes, points out of its folder, or cannot be understood.

    Parameters
    ----------
    path
        The file. Values that it keeps in other files must lie in its folder.

    Raises
    ------
    ModelError
        The file is no ONNX graph; an operator set is unknown; a tensor has a negative size, claims more values than the
        file holds, or more than 2^32; external data is missing, too short, or outside the folder.

    Notes
    -----
    No operator is run and no external file is read. What remains of the memory that a graph needs is estimated before
    a run and held against ``--max-memory``.
    """
    model = load_onnx(path)
    _check_opsets(model, path)
    for tensor in _tensors(model):
        _check_tensor(tensor, path)
    _check_graph(path)
    _check_shapes(model, path)


def load_onnx(path: Path) -> Any:
    """The ONNX model in ``path``, without the values that it keeps in other files.

    Raises
    ------
    ModelError
        It is none, larger than the format allows, or cannot be read.
    """
    import onnx

    try:
        size = path.stat().st_size
        model = None if size > MOST_FILE_BYTES else onnx.load(str(path), load_external_data=False)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror or error}") from None
    except Exception as error:  # protobuf raises many kinds
        raise ModelError(f"{path} is no ONNX file ({_one_line(error)}): get the package again") from None
    if model is None:
        raise ModelError(f"{path} takes {size / 1e9:.1f} GB; an ONNX file has at most 2.1 GB")
    if not model.graph.node or not model.graph.input or not model.graph.output:
        raise ModelError(f"{path} is no ONNX file (it has no graph with inputs and outputs): get the package again")
    return model


def _check_opsets(model: Any, path: Path) -> None:
    import onnx

    newest = onnx.defs.onnx_opset_version()
    for opset in model.opset_import:
        if opset.domain not in _DOMAINS:
            raise ModelError(
                f"{path} uses operators of {opset.domain!r}, expected standard ones; export it without them"
            )
        if opset.domain in ("", "ai.onnx") and not 1 <= opset.version <= newest:
            raise ModelError(
                f"{path} uses the operator set {opset.version}, known are 1 to {newest}: export it with an older one, "
                "or pip install --upgrade onnx onnxruntime"
            )


def _tensors(model: Any) -> Iterator[Any]:
    """Every tensor that is stored in the model: of its graph, of graphs in attributes, of functions."""
    nodes = [node for function in model.functions for node in function.node]
    graphs = [model.graph]
    while graphs or nodes:
        if graphs:
            graph = graphs.pop()
            yield from graph.initializer
            for sparse in graph.sparse_initializer:
                yield from (sparse.values, sparse.indices)
            nodes.extend(graph.node)
        for attribute in (a for node in nodes for a in node.attribute):
            yield from (attribute.t, *attribute.tensors)
            for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                yield from (sparse.values, sparse.indices)
            graphs.extend(g for g in (attribute.g, *attribute.graphs) if g.node)
        nodes = []


def _check_tensor(tensor: Any, path: Path) -> None:
    import onnx

    if not tensor.data_type:  # an attribute without a tensor
        return
    name, dims = tensor.name or "a constant", tuple(tensor.dims)
    claimed = math.prod(dims)
    if any(d < 0 for d in dims) or claimed > MOST_VALUES:
        raise ModelError(f"{path}: {name} has the absurd shape {dims}: get the package from a source that you trust")
    bits = _bits(tensor.data_type)
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        held = _external_bytes(tensor, path) * 8 // bits
    elif tensor.HasField("raw_data"):
        held = len(tensor.raw_data) * 8 // bits
    else:
        fields = (tensor.float_data, tensor.int32_data, tensor.int64_data, tensor.double_data, tensor.uint64_data)
        held = max(len(tensor.string_data), *(len(field) for field in fields)) * (8 // bits if bits < 8 else 1)
    if claimed > held:
        raise ModelError(
            f"{path}: {name} claims the shape {dims}, {claimed} values, but holds {held}: get the package again"
        )


def _bits(data_type: int) -> int:
    """Stored bits of one value."""
    import onnx

    kind = onnx.TensorProto.DataType.Name(data_type)
    small = {"UINT4": 4, "INT4": 4, "FLOAT4E2M1": 4, "UINT2": 2, "INT2": 2, "STRING": 8}
    return small.get(kind) or 8 * int(onnx.helper.tensor_dtype_to_np_dtype(data_type).itemsize)


def _external_bytes(tensor: Any, path: Path) -> int:
    """Bytes of ``tensor`` in another file, which must lie beside the graph."""
    entries = {entry.key: entry.value for entry in tensor.external_data}
    file = local_file(path.parent, entries.get("location", ""), f"{path.name}, external data of {tensor.name}")
    try:
        offset = int(entries.get("offset", 0))
        length = int(entries.get("length", file.stat().st_size - offset))
    except ValueError:
        raise ModelError(f"{path}: {tensor.name} states no number for offset or length of its external data") from None
    if offset < 0 or length < 0 or offset + length > file.stat().st_size:
        raise ModelError(f"{path}: {tensor.name} lies past the end of {file.name}: get the package again")
    return length


def _check_graph(path: Path) -> None:
    import onnx

    try:
        onnx.checker.check_model(str(path))
    except Exception as error:  # the checker, protobuf and the file system raise many kinds
        raise ModelError(f"{path} is no valid ONNX graph ({_one_line(error)}): export it again") from None


def _check_shapes(model: Any, path: Path) -> None:
    import onnx

    try:
        graph = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    except Exception as error:  # the same
        raise ModelError(f"{path}: its shapes make no sense ({_one_line(error)}): export it again") from None
    for value in (*graph.input, *graph.output, *graph.value_info):
        dims = [d.dim_value for d in value.type.tensor_type.shape.dim if d.HasField("dim_value")]
        if any(d < 0 for d in dims) or math.prod(dims) > MOST_VALUES:
            raise ModelError(
                f"{path}: the tensor {value.name} has the absurd shape {tuple(dims)}: "
                "get the package from a source that you trust"
            )


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
