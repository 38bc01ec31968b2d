"""ONNX Runtime: on a CUDA GPU where there really is one, else on the CPU."""

from __future__ import annotations

import logging
from pathlib import Path

import importlib_metadata

from asem_core.errors import ModelError
from asem_core.memory import gpu_free_memory
from asem_core.models.runtimes import device
from asem_core.models.runtimes.device import has_cuda
from asem_core.models.runtimes.onnx_session import open_on_processor
from asem_core.models.runtimes.session import Session
from asem_core.specs import Capabilities, Precision

log = logging.getLogger(__name__)


_PRECISIONS = (Precision(name="f32", bytes_per_value=5.2, speed=0.6),)
"""Measured on a CPU, decision 25."""


def probe() -> Capabilities | str:
    """What ONNX Runtime can do here; a text where it cannot be loaded."""
    try:
        import onnxruntime  # noqa: F401
    except ImportError as error:
        return f"{error}; reinstall asem-core"
    if has_cuda():
        return Capabilities(
            precisions=device.PRECISIONS, rank=30, device_memory=gpu_free_memory(), at_once=device.BUFFERS
        )
    return Capabilities(precisions=_PRECISIONS, rank=10)


def installed_twice() -> bool:
    """Whether ``onnxruntime`` and ``onnxruntime-gpu`` are both installed: they overwrite each other's files."""
    names = {d.name.lower() for d in importlib_metadata.distributions() if d.name}
    return {"onnxruntime", "onnxruntime-gpu"} <= names


def open_session(model: Path, *, shape: tuple[int, ...], precision: str, threads: int) -> Session:
    """Open ``model`` for inputs of ``shape``.

    Raises
    ------
    ModelError
        The graph cannot be loaded; ``precision`` is not ``f32`` (a CPU gains nothing from others here), nor ``f16``
        on a GPU; or the GPU calculates wrongly.
    """
    if installed_twice():
        log.warning("onnxruntime and onnxruntime-gpu are both installed and break each other: uninstall one of them")
    if has_cuda():
        return device.open_on(device.cuda(), model, shape=shape, precision=precision, threads=threads)
    if precision != "f32":
        raise ModelError(
            f"onnxruntime runs models in f32 only on a processor, got --precision {precision}; use openvino for bf16"
        )
    return open_on_processor(model, shape=shape, threads=threads)
