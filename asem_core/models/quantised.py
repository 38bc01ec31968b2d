"""A network in 8-bit integers: quantised after training, calibrated on blocks of tissue.

::

    graph -> as the engine folds it -> for tiles of any size -> ranges of activations, on blocks -> int8 weights
                                                                                      QuantizeLinear, DequantizeLinear

What comes out is a standard ONNX graph that holds its scales, so that what made it (NNCF) is not needed to run it.
"""

from __future__ import annotations

import io
import logging
import os
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from asem_core.errors import ModelError
from asem_core.models.runtimes.graph import static_graph, tensor_sizes
from asem_core.models.runtimes.subpixel import without_upsampling

_TO_THE_END = np.iinfo(np.int64).max
_STANDARD = ("", "ai.onnx")


def quantised_graph(onnx: Path, blocks: Sequence[npt.NDArray[np.float32]]) -> bytes:
    """``onnx`` with convolutions in 8-bit integers, for tiles of every size that ``onnx`` takes.

    Parameters
    ----------
    onnx
        The graph of a package of ours.
    blocks
        Inputs of the graph, float32 ``(1, 1, z, y, x)``, all of one size: tissue like that of the training. Ranges of
        activations and biases are fitted to them; the same blocks give the same bytes.

    Raises
    ------
    ModelError
        NNCF is not installed, or there is no block.

    Notes
    -----
    NNCF's post-training quantisation, preset MIXED: weights symmetric per channel, activations asymmetric per tensor,
    over the range that they have in any block, biases corrected for the mean error.
    """
    if not blocks:
        raise ModelError("there is no block to calibrate 8-bit integers on")
    nncf = load_nncf()
    folded = for_any_size(without_upsampling(static_graph(onnx, blocks[0].shape)))
    (given,) = folded.graph.input
    tissue = nncf.Dataset([{given.name: block} for block in blocks])
    with redirect_stdout(io.StringIO()):  # its progress bars
        found = nncf.quantize(
            folded,
            tissue,
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=len(blocks),
            advanced_parameters=nncf.AdvancedQuantizationParameters(activations_range_estimator_params=_whole_range()),
        )
    graph: bytes = found.SerializeToString(deterministic=True)
    return graph


def for_any_size(model: Any) -> Any:
    """``model`` (of `static_graph`) for inputs of other sizes too: its slices end where they ended, seen from the end.

    Sizes that differ by a multiple of the network's pooling are cut alike at both ends, so nothing else depends on
    them. Values that no node reads are left out.
    """
    import onnx

    free = onnx.ModelProto()
    free.CopyFrom(model)
    graph, sizes = free.graph, tensor_sizes(model.graph)
    values = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Slice":
            axes, ends = values[node.input[3]], values[node.input[2]]
            last = [_from_the_end(int(end), sizes[node.input[0]][axis]) for end, axis in zip(ends, axes, strict=True)]
            node.input[2] = f"{node.output[0]}_last"
            graph.initializer.append(onnx.numpy_helper.from_array(np.array(last, np.int64), node.input[2]))
    read = {name for node in graph.node for name in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in read]
    domains = {node.domain for node in graph.node}
    opsets = [each for each in free.opset_import if each.domain in _STANDARD or each.domain in domains]
    del graph.initializer[:], graph.value_info[:], free.opset_import[:]
    graph.initializer.extend(kept)
    free.opset_import.extend(opsets)
    for value in (*graph.input, *graph.output):
        for axis, dim in zip("zyx", value.type.tensor_type.shape.dim[2:], strict=True):
            dim.dim_param = axis
    return free


def _from_the_end(end: int, size: int) -> int:
    """``end`` of a slice of an axis of ``size``, as a number below 0, or past any end."""
    return end - size if 0 <= end < size else (_TO_THE_END if end >= 0 else end)


def _whole_range() -> Any:
    """Least and largest of all blocks. NNCF's default, the mean over blocks, cuts off what is in few of them."""
    from nncf.quantization.range_estimator import RangeEstimatorParametersSet

    return RangeEstimatorParametersSet.MINMAX


def load_nncf() -> Any:
    """NNCF, which quantises.

    Raises
    ------
    ModelError
        It is not installed.
    """
    # It reports its use to its makers unless told not to before it is imported.
    os.environ.setdefault("NNCF_CI", "1")
    try:
        import nncf
    except ImportError as error:
        raise ModelError(f"8-bit integers need NNCF ({error}): pip install 'asem-core[quantise]'") from None
    nncf.set_log_level(logging.ERROR)
    return nncf
