"""Sessions that refuse what they cannot run, and what runtimes say of themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asem_core.errors import ModelError
from asem_core.models.runtimes import onnx_runtime, openvino_runtime
from asem_core.specs import Capabilities


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


@pytest.mark.parametrize(
    ("bf16", "flags", "expected"),
    [
        (False, "fpu avx2 avx512f", ["f32"]),
        (False, "fpu avx2 avx_vnni", ["int8", "f32"]),
        (True, "fpu avx512_bf16", ["int8", "bf16", "f32"]),
    ],
)
def test_openvino_offers_what_the_processor_is_made_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, bf16: bool, flags: str, expected: list[str]
) -> None:
    pytest.importorskip("openvino", reason="there is no OpenVINO for this platform")
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"processor\t: 0\nflags\t\t: {flags}\n\nprocessor\t: 1\nflags\t\t: {flags}\n")
    monkeypatch.setattr(openvino_runtime, "has_bf16", lambda: bf16)
    monkeypatch.setattr(openvino_runtime, "_CPUINFO", cpuinfo)
    can = openvino_runtime.probe()
    assert isinstance(can, Capabilities)
    assert [precision.name for precision in can.precisions] == expected
    assert [precision.name for precision in can.precisions if precision.quantised] == expected[:-1][:1]
    if "int8" not in expected:
        with pytest.raises(ModelError, match="no VNNI or AMX"):
            openvino_runtime.open_session(tmp_path, shape=(1,), precision="int8", threads=1)


def test_no_processor_is_known_where_linux_does_not_tell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(openvino_runtime, "has_bf16", lambda: False)
    monkeypatch.setattr(openvino_runtime, "_CPUINFO", tmp_path / "nowhere")
    assert not openvino_runtime.has_int8()
