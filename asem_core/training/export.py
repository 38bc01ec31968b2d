"""Trained weights to the ONNX graph that a model package carries.

Weights that we train are rounded to fp16 once, before anything is scored; the graph holds exactly those values, and all
arithmetic stays fp32: it casts each fp16 initialiser to float32. Weights that others have published and scored stay as
they are, float32. The package's PyTorch file is made of the graph (`asem_core.zoo.write.state_dict`).
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import torch
from torch import Tensor

from asem_core.errors import ModelError
from asem_core.training.saved import read_saved
from asem_core.training.unet import PackageNet, UNet

OPSET = 17
"""The newest opset whose files keep IR 8, which onnxruntime 1.15 and Fiji's deepImageJ still load."""
INPUT = "raw"
OUTPUT = "probability"
_TRACE_SIDE = 112
_HALF = "_fp16"


def round_to_fp16(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights that a package holds: each value rounded to the nearest fp16, kept as float32.

    Raises
    ------
    ModelError
        A weight is not a number, or too large for fp16 (65504).

    Examples
    --------
    >>> round_to_fp16({"w": torch.tensor([0.1])})["w"].item()
    0.0999755859375
    """
    rounded = {name: values.detach().cpu().to(torch.float16).float() for name, values in state_dict.items()}
    for name, values in rounded.items():
        if not bool(torch.isfinite(values).all()):
            raise ModelError(
                f"the weights {name} hold values that fp16 cannot (NaN, or beyond 65504): "
                "the training has diverged; take an earlier checkpoint or a lower rate"
            )
    return rounded


def load_rounded(weights: Path, *, base: int) -> UNet:
    """The network of ``weights`` (folded, as `asem_core.training.loop.train` writes them), rounded to fp16.

    Parameters
    ----------
    weights
        State dict of a plain `UNet`.
    base
        Features of its top level: the recipe's ``base``.

    Raises
    ------
    ModelError
        The file is missing or unreadable, or holds another network.
    """
    try:
        state = read_saved(weights)
    except FileNotFoundError:
        raise ModelError(f"{weights} is missing: `asem train` writes it when the training has finished") from None
    network = UNet(base).eval()
    try:
        network.load_state_dict(round_to_fp16(state))
    except (RuntimeError, AttributeError, TypeError) as error:
        raise ModelError(
            f"{weights} does not hold a plain U-Net of base {base}: {' '.join(str(error).split())[:200]}; "
            "expected the weights.pt of `asem train` beside its recipe.yaml"
        ) from None
    return network


def export_onnx(network: UNet, path: Path, *, half: bool = True) -> None:
    """Write the package graph of ``network``: opset 17, IR 8, one file.

    Input ``raw`` and output ``probability`` are float32 ``(batch, 1, z, y, x)``, raw in [-1, 1]; batch and spatial axes
    are dynamic. The same weights give the same bytes. With ``half`` the initialisers are fp16 and cast to float32, else
    they are float32.

    Raises
    ------
    ModelError
        The weights were not rounded by `round_to_fp16`.
    """
    axes = {0: "batch", 2: "z", 3: "y", 4: "x"}
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # The exporter that keeps opset 17 is the one that PyTorch calls legacy; and it cannot fold strided slices.
        warnings.filterwarnings("ignore", "You are using the legacy TorchScript", DeprecationWarning)
        warnings.filterwarnings("ignore", "The feature will be removed", DeprecationWarning)
        warnings.filterwarnings("ignore", "Constant folding - Only steps=1", UserWarning)
        torch.onnx.export(
            _package_net(network),
            (torch.zeros(1, 1, *[_TRACE_SIDE] * 3),),
            buffer,  # type: ignore[arg-type]  # this exporter writes to file objects too
            dynamo=False,
            opset_version=OPSET,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_axes={INPUT: axes, OUTPUT: axes},
        )
    model = onnx.load_from_string(buffer.getvalue())
    if half:
        _store_as_fp16(model.graph)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString(deterministic=True))


@torch.no_grad()
def run_torch(network: UNet, scaled: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """What the package graph gives for ``scaled`` ``(z, y, x)`` in [-1, 1], by PyTorch on the CPU; same shape."""
    probability = _package_net(network)(torch.from_numpy(scaled)[None, None])
    values: npt.NDArray[np.float32] = probability[0, 0].numpy()
    return values


def parameter_count(network: UNet) -> int:
    """Trained numbers in ``network``."""
    return sum(values.numel() for values in network.parameters())


def _package_net(network: UNet) -> PackageNet:
    package = PackageNet(network.base).eval()
    package.network.load_state_dict(network.state_dict())
    return package


def _store_as_fp16(graph: onnx.GraphProto) -> None:
    casts = []
    for tensor in graph.initializer:
        if tensor.data_type != onnx.TensorProto.FLOAT or not tensor.name.startswith("network."):
            continue
        values = onnx.numpy_helper.to_array(tensor)
        half = values.astype(np.float16)
        if not np.array_equal(half.astype(np.float32), values):
            raise ModelError(f"the weights {tensor.name} were not rounded to fp16: call round_to_fp16 before scoring")
        name = tensor.name
        tensor.CopyFrom(onnx.numpy_helper.from_array(half, name + _HALF))
        cast = onnx.helper.make_node("Cast", [name + _HALF], [name], name=f"{name}_cast", to=onnx.TensorProto.FLOAT)
        casts.append(cast)
    nodes = list(graph.node)
    del graph.node[:]
    graph.node.extend([*casts, *nodes])
