"""A graph opened by ONNX Runtime on the processor, in float32."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy.typing as npt

from asem_core.errors import ModelError
from asem_core.models.runtimes.session import check_shape


def session_options(threads: int) -> Any:
    """Settings of any session of ours: quiet, with so many threads."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    # Threads that wait must not take the cores from those that read and write.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def open_on_processor(model: Path, *, shape: tuple[int, ...], threads: int) -> OnnxSession:
    """Open ``model`` for inputs of ``shape``.

    Raises
    ------
    ModelError
        The graph cannot be loaded.
    """
    import onnxruntime as ort

    options = session_options(threads)
    # The arena keeps freed tensors: with it the same network needs twice the memory, and is no faster.
    options.enable_cpu_mem_arena = False
    try:
        session = ort.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has no common base class for its errors
        raise ModelError(f"onnxruntime cannot load {model}: {error}") from error
    return OnnxSession(session, shape)


class OnnxSession:
    """An onnxruntime session for one input shape."""

    runtime, precision = "onnxruntime (cpu)", "f32"

    def __init__(self, session: Any, shape: tuple[int, ...]) -> None:
        self._session = session
        self._input = session.get_inputs()[0].name
        self._shape = shape

    def run(self, tensor: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """See `Session.run`."""
        check_shape(tensor, self._shape)
        out: npt.NDArray[Any] = self._session.run(None, {self._input: tensor})[0]
        return out
