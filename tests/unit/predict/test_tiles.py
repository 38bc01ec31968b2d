"""Preprocessing by name, quantising, sessions that refuse wrong sizes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from asem_core.errors import ModelError, PluginError
from asem_core.geometry import Box, VoxelSize
from asem_core.predict import onnx_runtime, openvino_runtime
from asem_core.predict.tiles import preprocess_tile, quantise, split_steps
from asem_core.preprocess.stages import make_steps
from asem_core.registry import Registry
from asem_core.specs import StageRef

VOXEL = VoxelSize((10.0, 10.0, 10.0))


def test_stages_run_in_the_order_in_which_the_model_names_them(registry: Registry) -> None:
    stages = [
        StageRef(name="scale_linear", params={"gain": 2.0, "offset": 0.0}),
        StageRef(name="scale_linear", params={"gain": 1.0, "offset": 3.0}),
    ]
    block = np.full((2, 2, 2), 5.0, np.float32)

    def run(stages: list[StageRef], block: Any) -> Any:
        before, steps = split_steps(make_steps(stages, registry))
        assert not before
        return preprocess_tile(block, box=Box.of_shape(block.shape), steps=steps, voxel_size=VOXEL)

    assert (run(stages, block) == 13).all()
    assert (run(stages[::-1], block) == 16).all()
    default = run([StageRef(name="scale_linear")], np.array([[[0.0, 127.5, 255.0]]], np.float32))
    np.testing.assert_allclose(default, [[[-1, 0, 1]]], atol=1e-6)


def test_unknown_stage(registry: Registry) -> None:
    with pytest.raises(PluginError, match=r"unknown preprocessor 'clahee'; installed: clahe, .*scale_linear"):
        make_steps([StageRef(name="clahee")], registry)


def test_what_needs_the_whole_volume_runs_over_it(registry: Registry) -> None:
    names = ["percentile_rescale", "clahe", "scale_linear"]
    steps = make_steps([StageRef(name=name) for name in names], registry)
    before, inside = split_steps(steps)
    assert [step.spec.name for step in before] == names[:2]
    assert [step.spec.name for step in inside] == names[2:]
    with pytest.raises(ModelError, match="'scale_linear' gives float32, but stages up to 'percentile_rescale'"):
        split_steps(steps[::-1])


def test_bytes_and_labels_come_from_the_float() -> None:
    probability = np.float32([[[0.0, 0.49999997, 0.5, 0.50196, 1.0]]])
    found = quantise(probability, threshold=0.5, dtype="uint8")
    assert found.probability.tolist() == [[[0, 127, 128, 128, 255]]]
    assert found.label.tolist() == [[[0, 0, 1, 1, 1]]]
    masked = quantise(probability, threshold=0.5, dtype="float32", mask=np.array([[[1, 1, 0, 1, 0]]]))
    np.testing.assert_array_equal(masked.probability, np.float32([[[0, 0.49999997, 0, 0.50196, 0]]]))
    assert masked.label.tolist() == [[[0, 0, 0, 1, 0]]]


def test_every_threshold_at_a_half_equals_bytes_from_128() -> None:
    probability = np.nextafter(np.float32(0.5), np.float32([0, 1]), dtype=np.float32)
    every = np.concatenate([np.linspace(0, 1, 100_001, dtype=np.float32), probability]).reshape(1, 1, -1)
    found = quantise(every, threshold=0.5, dtype="uint8")
    np.testing.assert_array_equal(found.label, found.probability >= 128)


@pytest.mark.parametrize("runtime", [onnx_runtime, openvino_runtime])
def test_sessions_refuse_other_sizes(toy: Any, runtime: Any) -> None:
    if runtime.available() is not None:
        pytest.skip(runtime.available())
    session = runtime.open_session(toy.onnx, shape=(1, 1, 112, 112, 112), precision="f32", threads=1)
    assert session.run(np.zeros((1, 1, 112, 112, 112), np.float32)).shape == (1, 1, 112, 112, 112)
    with pytest.raises(ModelError, match=r"inputs of \(1, 1, 112, 112, 112\), got \(1, 1, 113, 113, 113\)"):
        session.run(np.zeros((1, 1, 113, 113, 113), np.float32))


def test_precision_that_a_runtime_does_not_have(toy: Any) -> None:
    with pytest.raises(ModelError, match="use openvino for bf16"):
        onnx_runtime.open_session(toy.onnx, shape=(1, 1, 112, 112, 112), precision="bf16", threads=1)


@pytest.mark.parametrize("runtime", [onnx_runtime, openvino_runtime])
def test_a_file_that_is_no_model(tmp_path: Any, runtime: Any) -> None:
    if runtime.available() is not None:
        pytest.skip(runtime.available())
    path = tmp_path / "weights.onnx"
    path.write_bytes(b"not a graph")
    with pytest.raises(ModelError, match="cannot load"):
        runtime.open_session(path, shape=(1, 1, 112, 112, 112), precision="f32", threads=1)
