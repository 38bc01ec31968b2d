"""ONNX Runtime: on a CUDA GPU where there really is one, else on the CPU."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import importlib_metadata
import numpy.typing as npt

from asem_core.errors import ModelError
from asem_core.memory import gpu_free_memory
from asem_core.models.runtimes.session import check_shape
from asem_core.specs import Capabilities, Precision

log = logging.getLogger(__name__)


_PRECISIONS = (Precision(name="f32", bytes_per_value=5.2, speed=0.6),)
"""Measured on a CPU, decision 25; taken for a GPU too."""


def probe() -> Capabilities | str:
    """What ONNX Runtime can do here; a text where it cannot be loaded."""
    try:
        import onnxruntime  # noqa: F401
    except ImportError as error:
        return f"{error}; reinstall asem-core"
    if has_cuda():
        return Capabilities(precisions=_PRECISIONS, rank=30, device_memory=gpu_free_memory())
    return Capabilities(precisions=_PRECISIONS, rank=10)


def has_cuda() -> bool:
    """Whether a session would really run on a GPU: the CUDA provider loads and finds a device."""
    import onnxruntime as ort

    if "CUDAExecutionProvider" not in ort.get_available_providers():
        return False
    return Path("/proc/driver/nvidia/version").exists() or Path("/dev/nvidia0").exists() or Path("/dev/dxg").exists()


def installed_twice() -> bool:
    """Whether ``onnxruntime`` and ``onnxruntime-gpu`` are both installed: they overwrite each other's files."""
    names = {d.name.lower() for d in importlib_metadata.distributions() if d.name}
    return {"onnxruntime", "onnxruntime-gpu"} <= names


def open_session(model: Path, *, shape: tuple[int, ...], precision: str, threads: int) -> OnnxSession:
    """Open ``model`` for inputs of ``shape``.

    Raises
    ------
    ModelError
        The graph cannot be loaded, or ``precision`` is not ``f32`` (a CPU gains nothing from others here).
    """
    import onnxruntime as ort

    if installed_twice():
        log.warning("onnxruntime and onnxruntime-gpu are both installed and break each other: uninstall one of them")
    if precision != "f32":
        raise ModelError(f"onnxruntime runs models in f32 only, got --precision {precision}; use openvino for bf16")
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    # The arena keeps freed tensors: with it the same network needs twice the memory, and is no faster.
    options.enable_cpu_mem_arena = False
    # Threads that wait must not take the cores from those that read and write.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    providers: list[Any] = ["CPUExecutionProvider"]
    cuda = has_cuda()
    if cuda:
        providers.insert(0, ("CUDAExecutionProvider", {"cudnn_conv_algo_search": "HEURISTIC", "use_tf32": "0"}))
    try:
        session = ort.InferenceSession(str(model), options, providers=providers)
    except Exception as error:  # onnxruntime has no common base class for its errors
        raise ModelError(f"onnxruntime cannot load {model}: {error}") from error
    if cuda and "CUDAExecutionProvider" not in session.get_providers():
        log.warning("there is a CUDA GPU, but onnxruntime cannot use it: pip install 'asem-core[cuda]'")
    return OnnxSession(session, shape)


class OnnxSession:
    """An onnxruntime session for one input shape."""

    precision = "f32"

    def __init__(self, session: Any, shape: tuple[int, ...]) -> None:
        self._session = session
        self._input = session.get_inputs()[0].name
        self._shape = shape
        provider = session.get_providers()[0].removesuffix("ExecutionProvider").lower()
        self.runtime = f"onnxruntime ({provider})"

    def run(self, tensor: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """See `Session.run`."""
        check_shape(tensor, self._shape)
        out: npt.NDArray[Any] = self._session.run(None, {self._input: tensor})[0]
        return out
