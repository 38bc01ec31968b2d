"""Convolutions of upsampled tensors, made cheaper without changing what they calculate.

After nearest upsampling by two, a 3x3x3 convolution meets every value up to eight times. A transposed convolution with
a 4x4x4 kernel and stride 2 gives the same from the coarse values, with 8 products where there were 27::

    coarse -> Resize -> Slice -> Concat(skip, .) -> Conv        as trained and packaged
    coarse -> Slice -> ConvTranspose -> Add(., Conv(skip))      as run

Source: Shi et al. 2016 (arXiv:1609.07009), where the two are shown to be the same layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.geometry import Triple, triple
from asem_core.models.runtimes.graph import tensor_sizes

_TWICE = [1.0, 1.0, 2.0, 2.0, 2.0]
_PLAIN: dict[str, Any] = {
    "dilations": [1, 1, 1],
    "group": 1,
    "kernel_shape": [3, 3, 3],
    "pads": [0] * 6,
    "strides": [1, 1, 1],
}


def transposed_kernel(kernel: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The kernel, transposed and for coarse values, that does what ``kernel`` does after upsampling.

    From ``(out, in, 3, 3, 3)`` to ``(in, out, 4, 4, 4)``, stride 2. Along each axis w0 w1 w2 becomes w2, w1 + w2,
    w0 + w1, w0.
    """
    flipped = kernel.astype(np.float64)[..., ::-1, ::-1, ::-1].swapaxes(0, 1)
    for axis in (2, 3, 4):
        wider = np.zeros([n + (at == axis) for at, n in enumerate(flipped.shape)])
        along = np.moveaxis(wider, axis, 0)
        along[1:] += np.moveaxis(flipped, axis, 0)
        along[:-1] += np.moveaxis(flipped, axis, 0)
        flipped = wider
    return flipped.astype(np.float32)


def without_upsampling(model: Any) -> Any:
    """``model`` (of `static_graph`) with every such convolution replaced; ``model`` itself where there is none.

    Convolutions of other kinds (padded, strided, grouped, after another interpolation) are left alone. Results agree
    with those of ``model`` up to rounding.
    """
    import onnx

    folded = onnx.ModelProto()
    folded.CopyFrom(model)
    found = _Graph.of(folded.graph)
    nodes: list[Any] = []
    for node in folded.graph.node:
        nodes.extend(_replacement(node, found, folded.graph) or [node])
    del folded.graph.node[:]
    folded.graph.node.extend(_used(nodes, [o.name for o in folded.graph.output]))
    return folded if len(nodes) > len(model.graph.node) else model


@attrs.frozen
class _Graph:
    makers: dict[str, Any]
    """Of each tensor, its node."""
    values: dict[str, npt.NDArray[Any]]
    """Of each initialiser."""
    sizes: dict[str, tuple[int, ...]]

    @classmethod
    def of(cls, graph: Any) -> _Graph:
        import onnx

        return cls(
            {name: node for node in graph.node for name in node.output},
            {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer},
            tensor_sizes(graph),
        )


@attrs.frozen
class _Upsampled:
    """Part of a tensor that was upsampled by two."""

    coarse: str
    start: Triple
    """Of the part, in fine voxels."""


def _replacement(conv: Any, graph: _Graph, target: Any) -> list[Any] | None:
    """What does the work of ``conv``; None where it is not of this kind. New weights go to ``target``."""
    import onnx

    concat = graph.makers.get(conv.input[0]) if conv.op_type == "Conv" else None
    if concat is None or concat.op_type != "Concat" or len(concat.input) != 2 or not _is_plain(conv, graph):
        return None
    skip, fine = concat.input
    part = _upsampled(fine, graph)
    if part is None or _attributes(concat) != {"axis": 1} or not _are_known([skip, fine], graph):
        return None
    weights, name, split = graph.values[conv.input[1]], conv.output[0], graph.sizes[skip][1]

    def store(suffix: str, values: npt.NDArray[Any]) -> str:
        stored = f"{name}{suffix}"
        target.initializer.append(onnx.numpy_helper.from_array(np.ascontiguousarray(values), stored))
        return stored

    side = graph.sizes[fine][2:]
    first = [s // 2 for s in part.start]
    last = [-(-(s + n) // 2) for s, n in zip(part.start, side, strict=True)]
    before = [2 + s % 2 for s in part.start]
    after = [2 + 2 * (b - a) - n - s % 2 for a, b, n, s in zip(first, last, side, part.start, strict=True)]
    bounds = [store("_first", np.array(first)), store("_last", np.array(last)), store("_axes", np.array([2, 3, 4]))]
    make = onnx.helper.make_node
    return [
        make("Conv", [skip, store("_fine", weights[:, :split]), *conv.input[2:]], [name + "_skip"], **_PLAIN),
        make("Slice", [part.coarse, *bounds], [name + "_part"]),
        make(
            "ConvTranspose", [name + "_part", store("_coarse", transposed_kernel(weights[:, split:]))], [name + "_up"],
            strides=[2, 2, 2], pads=before + after, kernel_shape=[4, 4, 4], dilations=[1, 1, 1], group=1,
        ),
        make("Add", [name + "_up", name + "_skip"], [name]),
    ]  # fmt: skip


def _attributes(node: Any) -> dict[str, Any]:
    import onnx

    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


def _is_plain(conv: Any, graph: _Graph) -> bool:
    given = _attributes(conv)
    kernel = graph.values.get(conv.input[1])
    if kernel is None or kernel.shape[2:] != (3, 3, 3) or given.pop("auto_pad", b"NOTSET") != b"NOTSET":
        return False
    return bool({**_PLAIN, **given} == _PLAIN)


def _are_known(names: Sequence[str], graph: _Graph) -> bool:
    return all(name in graph.sizes and all(graph.sizes[name]) for name in names)


def _upsampled(name: str, graph: _Graph) -> _Upsampled | None:
    """Where ``name`` comes from if it is a tensor upsampled to twice its size, or a part of one."""
    start = np.zeros(3, int)
    node = graph.makers.get(name)
    while node is not None and node.op_type == "Slice":
        shift = _slice_start(node, graph)
        if shift is None:
            return None
        start += shift
        node = graph.makers.get(node.input[0])
    if node is None or node.op_type != "Resize" or not _doubles(node, graph):
        return None
    return _Upsampled(node.input[0], triple([int(s) for s in start]))


def _slice_start(node: Any, graph: _Graph) -> Sequence[int] | None:
    """First voxel per axis of a ``Slice`` in steps of one along z, y, x; None of any other."""
    given = [graph.values.get(name) for name in node.input[1:]]
    if len(given) < 3 or any(values is None for values in given):
        return None
    starts, _, axes, *steps = (values.tolist() for values in given if values is not None)
    if any(axis not in (2, 3, 4) for axis in axes) or any(step != 1 for each in steps for step in each):
        return None
    found = [0, 0, 0]
    for axis, first in zip(axes, starts, strict=True):
        size = graph.sizes.get(node.input[0], (0,) * 5)[axis]
        found[axis - 2] = max(0, first + size) if first < 0 else min(first, size)
    return found


def _doubles(resize: Any, graph: _Graph) -> bool:
    given = _attributes(resize)
    nearest = given.get("mode") == b"nearest" and given.get("coordinate_transformation_mode") == b"asymmetric"
    scales = graph.values.get(resize.input[2]) if len(resize.input) == 3 else None
    return nearest and given.get("nearest_mode") == b"floor" and scales is not None and scales.tolist() == _TWICE


def _used(nodes: list[Any], outputs: list[str]) -> list[Any]:
    """Those of ``nodes``, in order, that ``outputs`` depend on."""
    needed, kept = set(outputs), []
    for node in reversed(nodes):
        if needed.intersection(node.output):
            needed.update(node.input)
            kept.append(node)
    return kept[::-1]
