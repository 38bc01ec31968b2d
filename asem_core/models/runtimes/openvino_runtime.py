"""OpenVINO: the fastest runtime on a CPU (static shapes; 8-bit integers or bfloat16 where the CPU is made for them)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from asem_core.errors import ModelError
from asem_core.models.runtimes.graph import static_graph
from asem_core.models.runtimes.session import check_shape
from asem_core.models.runtimes.subpixel import without_upsampling
from asem_core.specs import Capabilities, Precision

_F32 = Precision(name="f32", bytes_per_value=4.2, speed=1.0)
_BF16 = Precision(name="bf16", bytes_per_value=2.2, speed=2.0)
"""Measured, decision 25."""
_INT8 = Precision(name="int8", bytes_per_value=1.2, speed=3.6, quantised=True)
"""Measured, decision 34."""
_DOT_PRODUCTS = {"avx512_vnni", "avx_vnni", "amx_int8"}
"""As Linux calls the instructions that multiply and add bytes."""
_CPUINFO = Path("/proc/cpuinfo")
_REWRITE = "asem_core.models.runtimes.subpixel:without_upsampling"


def probe() -> Capabilities | str:
    """What OpenVINO can do on this processor: the fastest first, as far as there are instructions for it; else what to
    install."""
    try:
        import openvino  # noqa: F401
    except ImportError:
        return "OpenVINO is not installed: pip install openvino"
    offered = [*([_INT8] if has_int8() else []), *([_BF16] if has_bf16() else []), _F32]
    return Capabilities(precisions=tuple(offered), rank=20, rewrite=_REWRITE)


def has_bf16() -> bool:
    """Whether the CPU has bfloat16 instructions, as OpenVINO sees it."""
    import openvino as ov

    return "BF16" in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def has_int8() -> bool:
    """Whether the CPU multiplies and adds bytes in one instruction: without, sums of two products may overflow.

    OpenVINO states int8 for every processor. Those with bfloat16 have such instructions, of others only Linux tells.
    """
    return has_bf16() or bool(_DOT_PRODUCTS & _flags())


def _flags() -> set[str]:
    """What Linux says that the processor can do; nothing elsewhere."""
    lines = _CPUINFO.read_text().splitlines() if _CPUINFO.exists() else []
    return next((set(line.split()) for line in lines if line.startswith("flags")), set())


def processor() -> str:
    """Name of the processor, as OpenVINO sees it."""
    import openvino as ov

    return " ".join(str(ov.Core().get_property("CPU", "FULL_DEVICE_NAME")).split())


def open_session(model: Path, *, shape: tuple[int, ...], precision: str, threads: int) -> OpenVinoSession:
    """Open ``model`` for inputs of ``shape``.

    Raises
    ------
    ModelError
        The graph cannot be loaded, or bf16 or int8 is asked for on a CPU without it.

    Notes
    -----
    What of an int8 graph is not quantised runs in float32, so that results do not depend on bfloat16 being there.
    """
    import openvino as ov

    if precision not in ("f32", "bf16", "int8"):
        raise ModelError(f"openvino runs f32, bf16 or int8, got --precision {precision}")
    if precision == "bf16" and not has_bf16():
        raise ModelError("this CPU has no bfloat16 instructions: use --precision f32")
    if precision == "int8" and not has_int8():
        raise ModelError("this CPU has no VNNI or AMX instructions: use --precision f32")
    hint = "bf16" if precision == "bf16" else "f32"
    try:
        core = ov.Core()
        graph = core.read_model(str(model) if precision == "int8" else _source(model, shape))
        # Compiled with a free axis, an int8 graph crashes on processors with AMX (openvino #37577).
        graph.reshape(list(shape))
        settings = {
            "INFERENCE_PRECISION_HINT": hint,
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            "EXECUTION_MODE_HINT": "ACCURACY" if hint == "f32" else "PERFORMANCE",
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
        import openvino as ov

        check_shape(tensor, self._shape)
        made = self._request.model_outputs[0]
        if made.partial_shape.is_dynamic:  # known after a run only
            found: npt.NDArray[Any] = self._request.infer({0: tensor}, share_inputs=True)[0]
            return found
        # Written to where it stays: a copy of what the request holds would be one more of the tile.
        out = np.empty(made.shape, made.element_type.to_dtype())
        self._request.set_output_tensor(0, ov.Tensor(out, shared_memory=True))
        self._request.infer({0: tensor}, share_inputs=True, share_outputs=True)
        return out
