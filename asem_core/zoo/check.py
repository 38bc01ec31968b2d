"""Proof that a package works: bioimage.io's own test, and the agreement between runtimes on a real cube."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.errors import ModelError

Array = npt.NDArray[np.float32]
WeightFormat = Literal["onnx", "pytorch_state_dict"]
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


@attrs.frozen(kw_only=True)
class TestReport:
    """What bioimage.io's test said."""

    __test__ = False  # not a test class of pytest

    passed: bool
    core_version: str
    weight_format: str
    problems: tuple[str, ...] = ()


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
    scaled: Array, reference: Array, onnx: Path, *, name: str = "torch",
    runtimes: Mapping[str, Callable[[Path, Array], Array]] | None = None,
) -> tuple[Parity, ...]:  # fmt: skip
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


def bioimageio_test(folder: Path, *, weight_format: WeightFormat = "onnx") -> TestReport:
    """Run bioimageio.core's own test: format, files, and the reproduction of the test output.

    Parameters
    ----------
    folder
        The unpacked package.
    weight_format
        ``"onnx"``, or ``"pytorch_state_dict"`` where torch is installed.

    Raises
    ------
    ModelError
        There is no ``rdf.yaml``.
    """
    if not (folder / "rdf.yaml").is_file():
        raise ModelError(f"no bioimage.io package in {folder} (rdf.yaml is missing)")
    from importlib.metadata import version

    from bioimageio.core import test_model

    with warnings.catch_warnings():
        # bioimageio.spec leaves the files that it hashes to the garbage collector.
        warnings.filterwarnings("ignore", "unclosed file", ResourceWarning)
        # bioimageio.core 0.9 says that its ONNX adapter ignores devices.
        warnings.filterwarnings("ignore", "Device management is not implemented for onnx", UserWarning)
        devices = ["CPUExecutionProvider" if weight_format == "onnx" else "cpu"]
        summary = test_model(folder / "rdf.yaml", weight_format=weight_format, devices=devices)
        gc.collect()
    problems = tuple(
        f"{'.'.join(str(part) for part in error.loc)}: {error.msg}"
        for detail in summary.details
        for error in detail.errors
    )
    passed = summary.status == "passed"
    return TestReport(
        passed=passed, core_version=version("bioimageio.core"), weight_format=weight_format, problems=problems
    )
