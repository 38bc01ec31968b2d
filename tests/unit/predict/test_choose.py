"""Cost of a graph, choice of tile and runtime."""

from __future__ import annotations

from typing import Any

import pytest

from asem_core.errors import BudgetError, GeometryError, PluginError
from asem_core.predict.choose import choose_runtime, choose_tile, tile_cost
from asem_core.predict.cost import graph_cost
from asem_core.predict.tiling import own_tiling
from asem_core.registry import Registry

ONE = (1, 1, 1)


def cube(side: int) -> tuple[int, ...]:
    return (1, 1, side, side, side)


def convolution(side: int, incoming: int, outgoing: int) -> float:
    return 2.0 * side**3 * 27 * incoming * outgoing


def test_arithmetic_is_that_of_the_layer_table(toy: Any) -> None:
    """Layer sides of the table for an input of 204, which is a package input of 208; two features at the top."""
    layers = [
        (202, 1, 2), (200, 2, 2), (98, 2, 4), (96, 4, 4), (46, 4, 8), (44, 8, 8), (20, 8, 16), (18, 16, 16),
        (34, 24, 8), (32, 8, 8), (62, 12, 4), (60, 4, 4), (114, 6, 2), (112, 2, 2), (110, 2, 2),
    ]  # fmt: skip
    assert graph_cost(toy.onnx, cube(208)).flop == sum(convolution(*layer) for layer in layers)


def test_memory_holds_at_least_the_largest_layer_and_grows_with_the_tile(toy: Any) -> None:
    small, large = graph_cost(toy.onnx, cube(168)), graph_cost(toy.onnx, cube(232))
    assert small.activations >= 2 * 4 * 2 * 160**3
    assert 2.3 < large.activations / small.activations < 3.0


def test_the_cheapest_tile_that_fits(toy: Any) -> None:
    shape = (256, 256, 256)
    free = choose_tile(own_tiling(toy.onnx), shape, ONE, tile=None, max_memory=10**11)
    assert free.flop == min(tile_cost(own_tiling(toy.onnx), tile, shape, ONE).flop for tile in (168, 232, 296, 360))
    tight = choose_tile(own_tiling(toy.onnx), shape, ONE, tile=None, max_memory=free.memory - 1)
    assert tight.memory < free.memory
    assert tight.flop >= free.flop


def test_a_thin_volume_takes_a_small_tile(toy: Any) -> None:
    assert choose_tile(own_tiling(toy.onnx), (30, 64, 64), ONE, tile=None, max_memory=10**11).tile == 168


@pytest.mark.parametrize("side", [128, 200, 104, -64])
def test_sides_that_are_no_tiles(toy: Any, side: int) -> None:
    with pytest.raises(GeometryError, match="168, 232, 296, 360"):
        choose_tile(own_tiling(toy.onnx), (64, 64, 64), ONE, tile=side, max_memory=10**11)


def test_what_does_not_fit_says_what_it_needs(toy: Any) -> None:
    with pytest.raises(BudgetError, match=r"a tile of 168 voxels needs about .* GB, --max-memory allows 0\.0 GB"):
        choose_tile(own_tiling(toy.onnx), (64, 64, 64), ONE, tile=None, max_memory=10**6)
    with pytest.raises(BudgetError, match="smaller --tile"):
        choose_tile(own_tiling(toy.onnx), (64, 64, 64), ONE, tile=360, max_memory=10**9)


def test_runtime_that_is_not_installed_says_what_to_install(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    from asem_core.predict import openvino_runtime

    monkeypatch.setattr(openvino_runtime, "available", lambda: "pip install 'asem-core[openvino]'")
    with pytest.raises(PluginError, match="pip install"):
        choose_runtime("openvino", registry)
    assert choose_runtime("auto", registry) == "onnxruntime"
    with pytest.raises(PluginError, match="installed: onnxruntime, openvino"):
        choose_runtime("tensorrt", registry)


def test_a_gpu_is_taken_first(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    from asem_core.predict import onnx_runtime

    monkeypatch.setattr(onnx_runtime, "has_cuda", lambda: True)
    assert choose_runtime("auto", registry) == "onnxruntime"
