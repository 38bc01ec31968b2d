"""ONNX Runtime on a device with memory of its own: is there one, with what settings, and does it calculate right."""

from __future__ import annotations

import ctypes
import io
import logging
import shutil
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from functools import cache
from pathlib import Path

import attrs
import numpy as np

from asem_core.errors import ModelError
from asem_core.memory import LIMIT, gpu_free_memory
from asem_core.models.runtimes.agreement import check_agreement
from asem_core.models.runtimes.bound import BoundSession
from asem_core.models.runtimes.graph import static_graph
from asem_core.models.runtimes.half import half_graph
from asem_core.models.runtimes.onnx_session import open_on_processor, session_options
from asem_core.specs import Precision

log = logging.getLogger(__name__)

BUFFERS = 2
"""Tiles that are in a session's hands: one is computed while another is copied."""
PRECISIONS = tuple(Precision(name=name, bytes_per_value=5.2, speed=0.6) for name in ("f16", "f32"))
"""Bytes are those of the tile on the processor (decision 25), with which a session begins whatever its precision. What
a GPU takes, and its speed, have not been measured: ``tests/benchmarks/gpu.py`` does."""
_DRIVERS = ("/proc/driver/nvidia/version", "/dev/nvidia0", "/dev/dxg")
_SOUND_CUDNN = (9, 15, 1)
"""Earlier ones have calculated 3D convolutions wrongly: in bfloat16 on large inputs (9.10.2, pytorch issue 163539), in
TF32 (9.10.2 to 9.15.0, pytorch issue 167024)."""


@attrs.frozen(kw_only=True)
class Provider:
    """One of ONNX Runtime's execution providers."""

    name: str
    device: str
    """Where its buffers lie, as ONNX Runtime calls it."""
    options: Mapping[str, str] = attrs.field(factory=dict)
    after: tuple[Provider, ...] = ()
    """What runs the nodes that it cannot; then the processor."""

    @property
    def chain(self) -> list[tuple[str, dict[str, str]]]:
        """As ONNX Runtime is told."""
        return list({each.name: dict(each.options) for each in (self, *self.after, PROCESSOR)}.items())

    @property
    def runtime(self) -> str:
        """What a session says of itself."""
        return f"onnxruntime ({self.name.removesuffix('ExecutionProvider').lower()})"


PROCESSOR = Provider(name="CPUExecutionProvider", device="cpu")


def cuda(*, search: str = "HEURISTIC") -> Provider:
    """The first GPU, with nine tenths of the memory that is free there now.

    Parameters
    ----------
    search
        How cuDNN chooses its convolutions: ``HEURISTIC``, or ``EXHAUSTIVE``, which tries them when a session first
        runs. Either may take what memory there is to work with, up to the limit.
    """
    free = gpu_free_memory()
    limit = {} if free is None else {"gpu_mem_limit": str(int(LIMIT * free))}
    # TF32 is not f32; an arena that grows by doubling would hold up to twice what tiles of one size need.
    settings = {"use_tf32": "0", "cudnn_conv_algo_search": search, "arena_extend_strategy": "kSameAsRequested"}
    return Provider(name="CUDAExecutionProvider", device="cuda", options={**settings, **limit})


@cache
def has_cuda() -> bool:
    """Whether a session really runs on a GPU: a small convolution is tried. Says so where there is one that cannot."""
    import onnxruntime as ort

    provider = "CUDAExecutionProvider"
    driver = any(Path(path).exists() for path in _DRIVERS) or shutil.which("nvidia-smi") is not None
    if provider not in ort.get_available_providers() or not driver:
        return False
    with redirect_stdout(io.StringIO()):  # it prints what it does not find
        ort.preload_dlls()
    ort.set_default_logger_severity(4)
    try:
        session = ort.InferenceSession(_small_convolution(), providers=[provider])
        session.run(None, {"x": np.ones((1, 1, 4, 4, 4), np.float32)})
        found = provider in session.get_providers()
    except Exception:  # onnxruntime has no common base class for its errors
        found = False
    finally:
        ort.set_default_logger_severity(2)
    if not found:
        log.warning("there is a CUDA GPU, but onnxruntime cannot use it: pip install 'asem-core[cuda]'")
    return found


def _small_convolution() -> bytes:
    from onnx import TensorProto, helper

    kernel = helper.make_tensor("w", TensorProto.FLOAT, [1, 1, 3, 3, 3], [1.0] * 27)
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1, n, n, n]) for name, n in (("x", 4), ("y", 2))]
    graph = helper.make_graph([helper.make_node("Conv", ["x", "w"], ["y"])], "small", ends[:1], ends[1:], [kernel])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    return bytes(model.SerializeToString())


def open_on(provider: Provider, model: Path, *, shape: tuple[int, ...], precision: str, threads: int) -> BoundSession:
    """Open ``model`` for inputs of ``shape`` on ``provider``, in f16 or f32, and compare one tile with the processor.

    Raises
    ------
    ModelError
        The graph cannot be loaded there, a tile cannot be run, or what is calculated differs too much, see
        `asem_core.models.runtimes.agreement.check_agreement`.
    """
    import onnxruntime as ort

    known = [each.name for each in PRECISIONS]
    if precision not in known:
        raise ModelError(f"{provider.name} runs models in {' or '.join(known)}, got --precision {precision}")
    try:
        graph = half_graph(model, shape) if precision == "f16" else static_graph(model, shape).SerializeToString()
        session = ort.InferenceSession(graph, session_options(threads), providers=provider.chain)
    except ModelError:
        raise
    except Exception as error:  # onnx and onnxruntime have no common base class for their errors
        raise ModelError(f"onnxruntime cannot load {model}: {error}") from error
    if provider.name not in session.get_providers():
        raise ModelError(f"onnxruntime cannot use {provider.name}: its libraries do not load")
    if provider.device == "cuda":
        _warn_of_cudnn(cudnn_version())
    reference = open_on_processor(model, shape=shape, threads=threads)
    try:
        bound = BoundSession(
            session, shape, device=provider.device, runtime=provider.runtime, precision=precision, buffers=BUFFERS
        )
        off = check_agreement(bound.run, reference.run, shape, precision=precision, where=provider.runtime)
    except ModelError:
        raise
    except Exception as error:  # onnxruntime has no common base class for its errors
        raise ModelError(
            f"{provider.runtime} cannot run an input of {shape}: {error}; allow less --max-memory, or a smaller --tile"
        ) from error
    log.info("%s in %s: the log odds of one tile are %.2g off", provider.runtime, precision, off)
    return bound


def _warn_of_cudnn(version: tuple[int, ...] | None) -> None:
    if version is not None and version < _SOUND_CUDNN:
        found, sound = (".".join(map(str, each)) for each in (version, _SOUND_CUDNN))
        log.warning(
            "cuDNN %s has calculated 3D convolutions wrongly: use %s or later (pip install -U nvidia-cudnn-cu12)",
            found,
            sound,
        )


def cudnn_version() -> tuple[int, ...] | None:
    """Of the library that is loaded; None where there is none."""
    name = "cudnn64_9.dll" if sys.platform == "win32" else "libcudnn.so.9"
    try:
        number = int(ctypes.CDLL(name).cudnnGetVersion())
    except (OSError, AttributeError):
        return None
    return number // 10000, number // 100 % 100, number % 100
