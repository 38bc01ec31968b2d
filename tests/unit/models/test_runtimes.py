"""Sessions that refuse what they cannot run, and what runtimes say of themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from asem_core.errors import ModelError
from asem_core.models.runtimes import onnx_runtime, openvino_runtime


@pytest.mark.parametrize("runtime", [onnx_runtime, openvino_runtime])
def test_sessions_refuse_other_sizes(toy: Any, runtime: Any) -> None:
    if isinstance(found := runtime.probe(), str):
        pytest.skip(found)
    session = runtime.open_session(toy.onnx, shape=(1, 1, 112, 112, 112), precision="f32", threads=1)
    assert session.run(np.zeros((1, 1, 112, 112, 112), np.float32)).shape == (1, 1, 112, 112, 112)
    with pytest.raises(ModelError, match=r"inputs of \(1, 1, 112, 112, 112\), got \(1, 1, 113, 113, 113\)"):
        session.run(np.zeros((1, 1, 113, 113, 113), np.float32))


def test_precision_that_a_runtime_does_not_have(toy: Any) -> None:
    with pytest.raises(ModelError, match="use openvino for bf16"):
        onnx_runtime.open_session(toy.onnx, shape=(1, 1, 112, 112, 112), precision="bf16", threads=1)


@pytest.mark.parametrize("runtime", [onnx_runtime, openvino_runtime])
def test_a_file_that_is_no_model(tmp_path: Any, runtime: Any) -> None:
    if isinstance(found := runtime.probe(), str):
        pytest.skip(found)
    path = tmp_path / "weights.onnx"
    path.write_bytes(b"not a graph")
    with pytest.raises(ModelError, match="cannot load"):
        runtime.open_session(path, shape=(1, 1, 112, 112, 112), precision="f32", threads=1)
