"""OpenVINO: the fastest runtime on a CPU (static shapes; bfloat16 where the CPU has it)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy.typing as npt

from asem_core.errors import ModelError
from asem_core.models.runtimes.graph import static_graph
from asem_core.models.runtimes.session import check_shape
from asem_core.models.runtimes.subpixel import without_upsampling
from asem_core.specs import Capabilities, Precision

_F32 = Precision(name="f32", bytes_per_value=4.2, speed=1.0)
_BF16 = Precision(name="bf16", bytes_per_value=2.2, speed=2.0)
"""Measured, decision 25."""
_REWRITE = "asem_core.models.runtimes.subpixel:without_upsampling"


def probe() -> Capabilities | str:
    """What OpenVINO can do on this processor: bf16 first, where there are instructions for it; else what to install."""
    try:
        import openvino  # noqa: F401
    except ImportError:
        return "OpenVINO is not installed: pip install 'asem-core[openvino]'"
    return Capabilities(precisions=(_BF16, _F32) if has_bf16() else (_F32,), rank=20, rewrite=_REWRITE)


def has_bf16() -> bool:
    """Whether the CPU has bfloat16 instructions, as OpenVINO sees it."""
    import openvino as ov

    return "BF16" in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def open_session(model: Path, *, shape: tuple[int, ...], precision: str, threads: int) -> OpenVinoSession:
    """Open ``model`` for inputs of ``shape``.

    Raises
    ------
    ModelError
        The graph cannot be loaded, or bf16 is asked for on a CPU without it.
    """
    import openvino as ov

    if precision not in ("f32", "bf16"):
        raise ModelError(f"openvino runs f32 or bf16, got --precision {precision}")
    if precision == "bf16" and not has_bf16():
        raise ModelError("this CPU has no bfloat16 instructions: use --precision f32")
    try:
        core = ov.Core()
        graph = core.read_model(_source(model, shape))
        graph.reshape(list(shape))
        settings = {
            "INFERENCE_PRECISION_HINT": precision,
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            "EXECUTION_MODE_HINT": "ACCURACY" if precision == "f32" else "PERFORMANCE",
        }
        compiled = core.compile_model(graph, "CPU", settings)
    except Exception as error:  # onnx, onnxruntime and openvino raise many kinds
        raise ModelError(f"openvino cannot load {model}: {error}") from error
    return OpenVinoSession(compiled, shape, precision)


def _source(model: Path, shape: tuple[int, ...]) -> str | bytes:
    """``model``, or where it can be made cheaper the graph that is."""
    static = static_graph(model, shape)
    cheaper = without_upsampling(static)
    return str(model) if cheaper is static else bytes(cheaper.SerializeToString())


class OpenVinoSession:
    """A compiled OpenVINO model for one input shape."""

    runtime = "openvino (cpu)"

    def __init__(self, compiled: Any, shape: tuple[int, ...], precision: str) -> None:
        self._request = compiled.create_infer_request()
        self._shape = shape
        self.precision = precision

    def run(self, tensor: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """See `Session.run`."""
        check_shape(tensor, self._shape)
        out: npt.NDArray[Any] = self._request.infer({0: tensor}, share_inputs=True)[0]
        return out
