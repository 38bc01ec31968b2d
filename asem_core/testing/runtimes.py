"""What a runtime must do: say what it can, and give the numbers of a graph that is known."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from asem_core.errors import ModelError
from asem_core.processors import cores
from asem_core.registry import resolve
from asem_core.specs import Capabilities, RuntimeSpec
from asem_core.testing.check import Check, NotChecked, in_turn

_SHAPE = (1, 1, 6, 7, 8)
_MOST_OFF = {"f32": 1e-4}
"""By precision, of values about 1; others may be off by a hundredth."""


def runtime_checks(spec: RuntimeSpec) -> Iterator[Check]:
    """The checks of a runtime, on a graph of one convolution."""
    checks = {"says what it can": _probes, "numbers": _numbers, "refuses another shape": _refuses}
    subject = f"runtime {spec.name!r}"
    yield from in_turn(Check(subject=subject, name=name, find=partial(find, spec)) for name, find in checks.items())


def _probes(spec: RuntimeSpec) -> Iterator[str]:
    found = resolve(spec.probe)()
    if not isinstance(found, Capabilities | str):
        yield f"{spec.probe} must give Capabilities, or a text that says what to install, got {type(found).__name__}"
    elif isinstance(found, str) and not found.strip():
        yield f"{spec.probe} gives an empty text: say why it can do nothing here, and what to install"


def _capable(spec: RuntimeSpec) -> Capabilities:
    found: Capabilities | str = resolve(spec.probe)()
    if isinstance(found, str):
        raise NotChecked(found)
    return found


def _numbers(spec: RuntimeSpec) -> Iterator[str]:
    given = np.random.default_rng(0).normal(size=_SHAPE).astype(np.float32)
    for precision in (p.name for p in _capable(spec).precisions if not p.quantised):
        found, expected = _run(spec, precision, given), _convolved(given)
        if not isinstance(found, np.ndarray) or found.shape != expected.shape:
            got = found.shape if isinstance(found, np.ndarray) else type(found).__name__
            yield f"in {precision} it gives {got}, expected an array {expected.shape}, batch and channel included"
        elif (off := float(np.abs(found - expected).max())) > _MOST_OFF.get(precision, 0.05):
            yield f"in {precision} it is off by {off:.2g} from what the graph gives, on values about 1"


def _refuses(spec: RuntimeSpec) -> Iterator[str]:
    precision = next((p.name for p in _capable(spec).precisions if not p.quantised), None)
    if precision is None:
        raise NotChecked("it runs quantised graphs only")
    try:
        _run(spec, precision, np.zeros((1, 1, 9, 9, 9), np.float32))
    except ModelError:
        return
    yield "it takes an input of another shape than it was opened for: raise ModelError (asem_core.errors)"


def _run(spec: RuntimeSpec, precision: str, given: npt.NDArray[np.float32]) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.onnx"
        model.write_bytes(_graph())
        session = resolve(spec.open)(model, shape=_SHAPE, precision=precision, threads=cores())
        return session.run(given)


def _kernel() -> npt.NDArray[np.float32]:
    return (np.random.default_rng(1).normal(size=(1, 1, 3, 3, 3)) / 5).astype(np.float32)


def _convolved(given: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    from scipy import ndimage

    whole = ndimage.correlate(given[0, 0].astype(np.float64), _kernel()[0, 0].astype(np.float64), mode="constant")
    return np.asarray(whole[None, None, 1:-1, 1:-1, 1:-1], np.float32)


def _graph() -> bytes:
    """A convolution of 3 x 3 x 3 voxels without padding, for inputs of any size."""
    from onnx import TensorProto, helper, numpy_helper

    free: list[str | int | None] = [1, 1, "z", "y", "x"]
    less: list[str | int | None] = [1, 1, "zz", "yy", "xx"]
    graph = helper.make_graph(
        [helper.make_node("Conv", ["raw", "kernel"], ["out"], kernel_shape=[3, 3, 3])],
        "convolution",
        [helper.make_tensor_value_info("raw", TensorProto.FLOAT, free)],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, less)],
        [numpy_helper.from_array(_kernel(), "kernel")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())
