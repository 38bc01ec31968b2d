"""The agreement between runtimes on the same weights, on a real cube."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import attrs
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
PARITY_SIDE = 160
"""Smallest cube worth comparing: of the 112^3 test tensor only 14^3 voxels are predictions, of this 56^3."""


@attrs.frozen(kw_only=True)
class Parity:
    """How far two runtimes are apart on the same weights."""

    reference: str
    candidate: str
    side: int
    """Voxels per axis of the cube."""
    max_abs_difference: float
    """Of the probability, over all voxels."""


def run_onnxruntime(onnx: Path, scaled: Array) -> Array:
    """What the graph gives for ``scaled`` ``(z, y, x)`` in [-1, 1], by ONNX Runtime on the CPU; same shape."""
    import onnxruntime

    session = onnxruntime.InferenceSession(onnx, providers=["CPUExecutionProvider"])
    (probability,) = session.run(None, {session.get_inputs()[0].name: scaled[None, None]})
    return np.asarray(probability[0, 0], np.float32)


def run_openvino(onnx: Path, scaled: Array) -> Array:
    """The same by OpenVINO in fp32.

    Raises
    ------
    ImportError
        OpenVINO is not installed.
    """
    import openvino

    core = openvino.Core()
    model = core.read_model(onnx)
    model.reshape([1, 1, *scaled.shape])
    compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return np.array(compiled(scaled[None, None])[0][0, 0], np.float32)


def parity(
    scaled: Array,
    reference: Array,
    onnx: Path,
    *,
    name: str = "torch",
    runtimes: Mapping[str, Callable[[Path, Array], Array]] | None = None,
) -> tuple[Parity, ...]:
    """Compare ``reference``, the prediction for ``scaled``, with what ONNX runtimes make of the same weights.

    Parameters
    ----------
    scaled, reference
        Cubes ``(z, y, x)``; raw in [-1, 1], and the probability that ``name`` computed for it.
    onnx
        The exported graph.
    runtimes
        What to compare with, by name; ONNX Runtime, and OpenVINO where it is installed.

    Returns
    -------
    tuple of Parity
        One per runtime that is installed.
    """
    found = []
    for runtime, run in (runtimes or {"onnxruntime": run_onnxruntime, "openvino": run_openvino}).items():
        try:
            candidate = run(onnx, scaled)
        except ImportError:
            continue
        difference = float(np.abs(candidate - reference).max())
        found.append(Parity(reference=name, candidate=runtime, side=scaled.shape[0], max_abs_difference=difference))
    return tuple(found)
