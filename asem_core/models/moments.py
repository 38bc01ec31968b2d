"""The moments of a network's convolutions: measured on blocks, and folded into its weights.

::

    conv -> relu      becomes, for measuring,      conv -> Renormalise -> relu
                                                              |-> mean, mean of squares
    conv -> relu      becomes, adapted,            conv' -> relu

`Renormalise` brings every channel from the moments of the tissue at hand to those of the training, so that each
convolution sees what the adapted network will give it. It is linear, and so part of the convolution before it: an
adapted network costs what the network costs.

Source: Li et al. 2016 (arXiv:1603.04779), adaptive batch normalisation; mixed with the training's moments as by
Schneider et al. 2020 (arXiv:2006.16971). Networks here carry no normalisation, it is folded: the moments of the
training come with the package.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.errors import ModelError
from asem_core.zoo.guard.onnx_file import load_onnx
from asem_core.zoo.moments import Layers, Moments
from asem_core.zoo.write.state_dict import graph_tensors

Array = npt.NDArray[Any]

_EPS = 1e-5
"""Added to variances, as batch normalisation does."""
_PREFIX, _SUFFIX = "network.", ".weight"
_DOMAIN = "asem"
_RENORMALISE = """
<opset_import: ["": 17], domain: "asem">
Renormalise (x, mean, deviation, weight, other, eps) => (y, found_mean, found_square) {
    found_mean = GlobalAveragePool (x)
    square = Mul (x, x)
    found_square = GlobalAveragePool (square)
    squared_mean = Mul (found_mean, found_mean)
    found_variance = Sub (found_square, squared_mean)
    variance = Mul (deviation, deviation)
    new_mean = Mul (weight, found_mean)
    old_mean = Mul (other, mean)
    mixed_mean = Add (new_mean, old_mean)
    new_variance = Mul (weight, found_variance)
    old_variance = Mul (other, variance)
    mixed = Add (new_variance, old_variance)
    safe_mixed = Add (mixed, eps)
    safe = Add (variance, eps)
    ratio = Div (safe, safe_mixed)
    gain = Sqrt (ratio)
    centred = Sub (x, mixed_mean)
    scaled = Mul (centred, gain)
    y = Add (scaled, mean)
}
"""


@attrs.frozen
class _Layer:
    name: str
    conv: Any
    activation: Any
    """The node that takes the convolution's output."""


def measure_moments(onnx: Path, blocks: Iterable[Array], *, trained: Layers | None = None, weight: float = 0) -> Layers:
    """Mean and deviation of what every convolution with an activation gives for ``blocks``.

    Parameters
    ----------
    onnx
        The graph of a package of ours.
    blocks
        Inputs of the graph, float32 ``(1, 1, z, y, x)``, all of one size.
    trained
        Moments of the training; needed with a ``weight``.
    weight
        0: the network as it is. Up to 1: every convolution gives its channels with the training's moments, to this
        part by those of the block.

    Raises
    ------
    ModelError
        The graph is none of ours, ``trained`` are the moments of another one, there is no block, or what a convolution
        gives is no finite number.
    """
    session = _session(_measuring(onnx, trained, weight))
    outputs = [output.name for output in session.get_outputs()]
    (given,) = session.get_inputs()
    rows = [session.run(outputs, {given.name: block}) for block in blocks]
    if not rows:
        raise ModelError("there is no block to measure the network on")
    found = [np.stack([row[n].ravel() for row in rows]).astype(np.float64) for n in range(len(outputs))]
    wild = next((name for name, values in zip(outputs, found, strict=True) if not np.isfinite(values).all()), None)
    if wild is not None:
        raise ModelError(
            f"the convolution {wild.rpartition('.')[0]} gives values that are not finite: the training has diverged; "
            "take an earlier checkpoint or a lower rate"
        )
    return {
        name.removesuffix(".mean"): Moments(
            mean=means.mean(0),
            deviation=np.sqrt(np.maximum(squares.mean(0) - means.mean(0) ** 2, 0)),
            spread=means.std(0),
        )
        for name, means, squares in zip(outputs[::2], found[::2], found[1::2], strict=True)
    }


def adapted_graph(onnx: Path, found: Layers, *, trained: Layers, weight: float) -> bytes:
    """The graph with every convolution but the last brought from the moments ``found`` to those ``trained``.

    Weights keep the type that they are stored in. A ``weight`` of 0 changes none of them.

    Parameters
    ----------
    found
        As `measure_moments` gives them with the same ``weight``.

    Raises
    ------
    ModelError
        The moments are those of another network, or an adapted weight does not fit its type.
    """
    import onnx as onnx_

    model = load_onnx(onnx)
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    casts = {node.output[0]: node.input[0] for node in model.graph.node if node.op_type == "Cast"}
    for layer in _layers(model, onnx, trained):
        old, new = trained[layer.name], found[layer.name]
        mean = (1 - weight) * old.mean + weight * new.mean
        variance = (1 - weight) * old.deviation**2 + weight * new.deviation**2
        gain = np.sqrt((old.deviation**2 + _EPS) / (variance + _EPS))
        shift = old.mean - gain * mean
        kernel, bias = (stored[casts.get(name, name)] for name in layer.conv.input[1:3])
        for tensor, change in ((kernel, 0.0), (bias, shift)):
            values = onnx_.numpy_helper.to_array(tensor)
            wide = values.astype(np.float64) * gain.reshape(-1, *[1] * (values.ndim - 1)) + change
            if np.abs(wide).max() > np.finfo(values.dtype).max:
                raise ModelError(f"{onnx}: adapted, {tensor.name} does not fit {values.dtype}: take a smaller weight")
            tensor.CopyFrom(onnx_.numpy_helper.from_array(wide.astype(values.dtype), tensor.name))
    return bytes(model.SerializeToString(deterministic=True))


def graph_weights(onnx: Path) -> dict[str, npt.NDArray[np.float32]]:
    """Weights and biases in the graph of a package of ours, by their names in its PyTorch network."""
    return {name.removeprefix(_PREFIX): values.astype(np.float32) for name, values in graph_tensors(onnx).items()}


def check_moments(onnx: Path, trained: Layers) -> None:
    """Refuse moments that are not those of the graph.

    Raises
    ------
    ModelError
        A layer is missing or too many, or has another number of channels.
    """
    for _ in _layers(load_onnx(onnx), onnx, trained):
        pass


def _layers(model: Any, path: Path, trained: Layers | None) -> Iterator[_Layer]:
    """Its convolutions with an activation, in order."""
    users = {name: node for node in model.graph.node for name in node.input}
    found = [
        _Layer(node.input[1].removeprefix(_PREFIX).removesuffix(_SUFFIX), node, users[node.output[0]])
        for node in model.graph.node
        if node.op_type == "Conv" and users[node.output[0]].op_type == "Relu"
    ]
    if not found:
        raise ModelError(f"{path} has no convolution with a ReLU: only networks that ASEM wrote can be adapted")
    channels = {tensor.name: tensor.dims[0] for tensor in model.graph.initializer}
    casts = {node.output[0]: node.input[0] for node in model.graph.node if node.op_type == "Cast"}
    sizes = {layer.name: channels[casts.get(layer.conv.input[1], layer.conv.input[1])] for layer in found}
    if trained is not None and sizes != {name: len(moments.mean) for name, moments in trained.items()}:
        raise ModelError(f"{path}: its moments.json is of another network: get the package again")
    yield from found


def _measuring(path: Path, trained: Layers | None, weight: float) -> Any:
    import onnx

    model = load_onnx(path)
    graph, layers = model.graph, {layer.conv.output[0]: layer for layer in _layers(model, path, trained)}

    def constant(name: str, values: npt.ArrayLike) -> str:
        array = np.asarray(values, np.float32).reshape(1, -1, 1, 1, 1)
        graph.initializer.append(onnx.numpy_helper.from_array(array, name))
        return name

    shared = [constant(f"{_DOMAIN}.{n}", v) for n, v in (("weight", weight), ("other", 1 - weight), ("eps", _EPS))]
    nodes, outputs = [], []
    for node in list(graph.node):
        nodes.append(node)
        layer = layers.get(node.output[0])
        if layer is None:
            continue
        name = layer.name
        known = Moments(mean=[0.0], deviation=[1.0], spread=[0.0]) if trained is None else trained[name]
        given = [constant(f"{name}.trained_{n}", v) for n, v in (("mean", known.mean), ("deviation", known.deviation))]
        made = [f"{name}.renormalised", f"{name}.mean", f"{name}.square"]
        nodes.append(
            onnx.helper.make_node(
                "Renormalise", [node.output[0], *given, shared[0], shared[1], shared[2]], made, domain=_DOMAIN
            )
        )
        layer.activation.input[0] = made[0] if weight else node.output[0]
        outputs += [onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, [1, None, 1, 1, 1]) for n in made[1:]]
    for kept, new in ((graph.node, nodes), (graph.output, outputs)):
        del kept[:]
        kept.extend(new)
    model.functions.append(onnx.parser.parse_function(_RENORMALISE))
    model.opset_import.append(onnx.helper.make_opsetid(_DOMAIN, 1))
    return model


def _session(model: Any) -> Any:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.enable_cpu_mem_arena = False
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
