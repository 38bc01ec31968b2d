"""TensorRT through ONNX Runtime, for who asks for it: engines are built for minutes, once for every graph and tile."""

from __future__ import annotations

import ctypes
import importlib
import sys
from pathlib import Path

from asem_core.home import cache_folder
from asem_core.memory import gpu_free_memory
from asem_core.models.runtimes import device
from asem_core.models.runtimes.bound import BoundSession
from asem_core.models.runtimes.device import has_cuda
from asem_core.specs import Capabilities


def probe() -> Capabilities | str:
    """What TensorRT can do here: never the choice of ``--runtime auto``, because it has the rank below CUDA."""
    if not has_cuda():
        return "TensorRT needs an NVIDIA GPU that ONNX Runtime can use"
    if not _is_installed():
        return "TensorRT is not installed: pip install tensorrt, of the version that onnxruntime-gpu names"
    return Capabilities(precisions=device.PRECISIONS, rank=29, device_memory=gpu_free_memory(), at_once=device.BUFFERS)


def _is_installed() -> bool:
    """Whether its library loads: from its wheel, or as the system finds it."""
    try:
        importlib.import_module("tensorrt")  # loads what its wheel holds, where ONNX Runtime finds it
    except (ImportError, OSError):
        pass
    else:
        return True
    try:
        ctypes.CDLL("nvinfer_10.dll" if sys.platform == "win32" else "libnvinfer.so.10")
    except OSError:
        return False
    return True


def provider(precision: str) -> device.Provider:
    """With its engines kept in this user's cache, and what memory is allowed to CUDA."""
    cache = cache_folder() / "tensorrt"
    cache.mkdir(parents=True, exist_ok=True)
    cuda = device.cuda()
    limit = cuda.options.get("gpu_mem_limit")
    options = {
        "trt_fp16_enable": str(precision == "f16"),
        "trt_engine_cache_enable": "True",
        "trt_engine_cache_path": str(cache),
        "trt_timing_cache_enable": "True",
        "trt_timing_cache_path": str(cache),
        **({} if limit is None else {"trt_max_workspace_size": limit}),
    }
    return device.Provider(name="TensorrtExecutionProvider", device="cuda", options=options, after=(cuda,))


def open_session(model: Path, *, shape: tuple[int, ...], precision: str, threads: int) -> BoundSession:
    """Open ``model`` for inputs of ``shape``; see `asem_core.models.runtimes.device.open_on`."""
    return device.open_on(provider(precision), model, shape=shape, precision=precision, threads=threads)
