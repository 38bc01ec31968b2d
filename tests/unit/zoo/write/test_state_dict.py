"""The PyTorch file without PyTorch: tests/parity/test_export.py reads it with PyTorch."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from asem_core.errors import ModelError
from asem_core.zoo.guard.pickle_file import check_state_dict
from asem_core.zoo.write.state_dict import graph_tensors, state_dict_bytes

KERNEL = np.arange(-12, 12, dtype=np.float16).reshape(2, 3, 2, 2)
BIAS = np.array([0.5, -2], np.float32)


def graph(folder: Path, **tensors: Any) -> Path:
    x, y = (onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in "xy")
    stored = [onnx.numpy_helper.from_array(values, name) for name, values in tensors.items()]
    made = onnx.helper.make_graph([onnx.helper.make_node("Relu", ["x"], ["y"])], "toy", [x], [y], stored)
    onnx.save(onnx.helper.make_model(made), folder / "weights.onnx")
    return folder / "weights.onnx"


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    return graph(tmp_path, **{"network.a.weight_fp16": KERNEL, "shape": np.array([1, 2]), "network.a.bias": BIAS})


def test_tensors_are_those_of_the_network_as_they_are_stored(toy: Path) -> None:
    found = graph_tensors(toy)
    assert list(found) == ["network.a.weight", "network.a.bias"]
    assert [values.dtype.name for values in found.values()] == ["float16", "float32"]


def test_values_lie_in_the_file_aligned_and_as_they_are(toy: Path, tmp_path: Path) -> None:
    made = state_dict_bytes(toy)
    assert made == state_dict_bytes(toy)
    with zipfile.ZipFile(io.BytesIO(made)) as archive:
        assert archive.testzip() is None
        assert archive.read("weights/data/0") == KERNEL.tobytes()
        assert archive.read("weights/data/1") == BIAS.tobytes()
        assert made.index(KERNEL.tobytes()) % 64 == made.index(BIAS.tobytes()) % 64 == 0
    (tmp_path / "state.pt").write_bytes(made)
    check_state_dict(tmp_path / "state.pt")


@pytest.mark.parametrize(
    ("tensors", "said"),
    [
        ({}, "does not hold the weights of a network"),
        ({"other.weight": BIAS}, "does not hold the weights of a network"),
        ({"network.a": np.array([1, 2])}, "stores weights as int64, expected float16 or float32"),
    ],
)
def test_graphs_of_other_networks(tmp_path: Path, tensors: dict[str, Any], said: str) -> None:
    with pytest.raises(ModelError, match=said):
        state_dict_bytes(graph(tmp_path, **tensors))


def test_values_in_other_files_are_not_looked_for(toy: Path) -> None:
    model = onnx.load(toy)
    model.graph.initializer[0].ClearField("raw_data")
    model.graph.initializer[0].data_location = onnx.TensorProto.EXTERNAL
    model.graph.initializer[0].external_data.add(key="location", value="values.bin")
    toy.write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match="does not hold the weights of a network"):
        graph_tensors(toy)
