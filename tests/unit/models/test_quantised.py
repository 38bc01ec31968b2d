"""A network in 8-bit integers: for tiles of any size, close to the weights, the same bytes every time."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from asem_core.errors import ModelError
from asem_core.models.quantised import for_any_size, quantised_graph
from asem_core.models.runtimes import openvino_runtime
from asem_core.models.runtimes.graph import static_graph
from asem_core.models.runtimes.subpixel import without_upsampling
from asem_core.network import TILE_HALO
from asem_core.zoo.guard.onnx_file import check_onnx
from asem_core.zoo.write.parity import run_onnxruntime


@pytest.fixture(scope="module")
def block(tissue: Any) -> Any:
    image = np.pad(tissue, [(0, 112 - n) for n in tissue.shape], mode="symmetric")
    return (image * np.float32(2 / 255) - 1)[None, None]


@pytest.mark.parametrize("sides", [(112, 112, 112), (120, 112, 136)])
def test_a_folded_graph_for_other_sizes(toy: Any, tmp_path: Path, sides: tuple[int, int, int]) -> None:
    free = for_any_size(without_upsampling(static_graph(toy.onnx, (1, 1, 128, 120, 112))))
    fixed = without_upsampling(static_graph(toy.onnx, (1, 1, *sides)))
    raw = np.random.default_rng(0).normal(size=sides).astype(np.float32)
    found = []
    for name, model in (("free", free), ("fixed", fixed)):
        onnx.save(model, tmp_path / name)
        found.append(run_onnxruntime(tmp_path / name, raw))
    assert np.ptp(found[0]) > 0
    np.testing.assert_array_equal(*found)
    read = {name for node in free.graph.node for name in node.input}
    assert {tensor.name for tensor in free.graph.initializer} <= read


@pytest.mark.slow
def test_quantised_once_and_again(toy: Any, block: Any, tmp_path: Path) -> None:
    pytest.importorskip("nncf", reason="the extra asem-core[quantise] is not installed")
    first, again = (quantised_graph(toy.onnx, [block]) for _ in range(2))
    assert first == again
    path = tmp_path / "weights_int8.onnx"
    path.write_bytes(first)
    check_onnx(path)
    stored = {tensor.data_type for tensor in onnx.load(path).graph.initializer if len(tensor.dims) == 5}
    assert stored == {onnx.TensorProto.INT8}
    if not openvino_runtime.has_int8():
        pytest.skip("this processor is not made for 8-bit integers")
    kept = (slice(TILE_HALO, -TILE_HALO),) * 3
    session = openvino_runtime.open_session(path, shape=block.shape, precision="int8", threads=1)
    found, exact = session.run(block)[0, 0][kept], run_onnxruntime(toy.onnx, block[0, 0])[kept]
    assert np.ptp(exact) > 0.1
    assert 0 < np.abs(found - exact).mean() < 0.1 * np.ptp(exact)


@pytest.mark.slow
def test_what_few_blocks_hold_is_not_cut_off(toy: Any, block: Any) -> None:
    """The range of an activation is that of all blocks, not their mean."""
    pytest.importorskip("nncf", reason="the extra asem-core[quantise] is not installed")
    graph = onnx.load_from_string(quantised_graph(toy.onnx, [block, block / 10, block / 10])).graph
    values = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    first = next(n for n in graph.node if n.op_type == "QuantizeLinear" and n.input[0] not in values)
    assert 255 * float(values[first.input[1]]) == pytest.approx(np.ptp(block), rel=0.1)


def test_nothing_to_calibrate_on(toy: Any) -> None:
    with pytest.raises(ModelError, match="no block to calibrate"):
        quantised_graph(toy.onnx, [])


def test_without_nncf_it_says_what_to_install(toy: Any, block: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nncf", None)
    with pytest.raises(ModelError, match=r"pip install 'asem-core\[quantise\]'"):
        quantised_graph(toy.onnx, [block])
