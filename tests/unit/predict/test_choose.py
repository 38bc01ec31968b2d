"""Cost of a graph, choice of tile and runtime."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asem_core.errors import BudgetError, GeometryError, PluginError
from asem_core.geometry import TILE_HALO, Box, Triple
from asem_core.predict.choose import TileCost, choose_runtime, choose_tile, default_max_memory
from asem_core.predict.cost import graph_cost
from asem_core.predict.tiling import MOST_VOXELS, own_tiling
from asem_core.registry import Registry


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
    assert small.live >= 2 * 2 * 160**3
    assert 2.3 < large.live / small.live < 3.0


def chosen(toy: Any, shape: Triple, max_memory: int = 10**11, tile: Triple | None = None) -> TileCost:
    return choose_tile(
        own_tiling(toy.onnx), shape, (1, 1, 1), bytes_per_value=4.0, tile=tile, max_memory=max_memory
    )  # fmt: skip


SHAPES = st.tuples(*[st.integers(1, 900)] * 3)


@settings(max_examples=25)
@given(SHAPES)
def test_candidates_are_tiles_that_cover_the_volume_cheapest_first(shape: Triple) -> None:
    tiling = own_tiling(Path())
    sides = tiling.candidates(shape)
    lattices = [tiling.lattice(side) for side in sides]
    assert all(keep % 8 == 0 for lattice in lattices for keep in lattice.keep)
    assert all(
        chunk == keep < 48 or 40 < chunk < 96
        for each in lattices
        for chunk, keep in zip(each.chunk, each.keep, strict=True)
    )
    read = [len(lattice.covering(Box.of_shape(shape))) * math.prod(lattice.side) for lattice in lattices]
    assert read == sorted(read)
    assert len(set(sides)) == len(sides)


@settings(max_examples=20)
@given(st.tuples(*[st.integers(1, 400)] * 3))
def test_no_tile_reads_less(shape: Triple) -> None:
    """Against every multiple of 8 that keeps 32 voxels or the whole axis, and is not too large."""
    tiling = own_tiling(Path())
    kept = [np.arange(min(32, -(-n // 8) * 8), n + 8, 8) for n in shape]
    side = np.meshgrid(*(keep + 2 * TILE_HALO for keep in kept), indexing="ij")
    tiles = np.meshgrid(*(-(-n // keep) for n, keep in zip(shape, kept, strict=True)), indexing="ij")
    voxels = np.prod(side, axis=0)
    least = (voxels * np.prod(tiles, axis=0))[voxels <= MOST_VOXELS].min()
    lattice = tiling.lattice(tiling.candidates(shape)[0])
    assert len(lattice.covering(Box.of_shape(shape))) * math.prod(lattice.side) <= least


@pytest.mark.parametrize(
    ("shape", "side"),
    [
        ((30, 64, 64), (136, 168, 168)),
        ((82, 250, 256), (192, 360, 360)),
        ((200, 200, 200), (304, 304, 304)),
        ((1, 1, 1), (112, 112, 112)),
    ],
)
def test_a_volume_that_fits_is_one_tile_of_its_own_shape(toy: Any, shape: Triple, side: Triple) -> None:
    assert chosen(toy, shape).lattice.side == side


def test_less_memory_means_smaller_tiles_and_more_work(toy: Any) -> None:
    costs = [chosen(toy, (250, 300, 400), limit) for limit in (10**10, 2 * 10**9, 10**9)]
    assert all(cost.memory <= limit for cost, limit in zip(costs, (10**10, 2 * 10**9, 10**9), strict=True))
    assert costs[0].memory > costs[1].memory > costs[2].memory
    assert costs[0].flop < costs[1].flop < costs[2].flop


@pytest.mark.parametrize("limit", [8 * 10**8, 10**9, 15 * 10**8, 2 * 10**9])
@pytest.mark.parametrize("shape", [(250, 300, 400), (83, 384, 512)])
def test_hardly_any_tile_that_fits_reads_less(toy: Any, shape: Triple, limit: int) -> None:
    """Against the candidates in their order, each costed; what is not looked at saves less than a tenth."""
    found = chosen(toy, shape, limit)
    best = next(
        cost
        for side in own_tiling(toy.onnx).candidates(shape)
        if (cost := chosen(toy, shape, tile=side)).memory <= limit
    )
    assert found.memory <= limit
    assert read(found, shape) <= 1.1 * read(best, shape)


def read(cost: TileCost, shape: Triple) -> int:
    """Voxels that all tiles read."""
    return len(cost.lattice.covering(Box.of_shape(shape))) * math.prod(cost.lattice.side)


def test_the_tile_that_is_asked_for(toy: Any) -> None:
    assert chosen(toy, (64, 64, 64), tile=(168, 112, 232)).lattice.keep == (64, 8, 128)
    tiling = own_tiling(toy.onnx)
    assert tiling.asked(232) == (232, 232, 232)
    assert tiling.asked([168, 112, 232]) == (168, 112, 232)
    assert tiling.asked(np.int64(168)) == (168, 168, 168)
    with pytest.raises(GeometryError, match="three values"):
        tiling.asked((168, 168))


@pytest.mark.parametrize("side", [(104, 168, 168), (168, 169, 168), (168, 168, -64)])
def test_sides_that_are_no_tiles(toy: Any, side: Triple) -> None:
    with pytest.raises(GeometryError, match=r"for this model 112, 120, 128 \.\.\. along [zyx]; got (104|169|-64)"):
        chosen(toy, (64, 64, 64), tile=side)


def test_what_does_not_fit_says_what_it_needs(toy: Any) -> None:
    with pytest.raises(
        BudgetError, match=r"a tile of 136 x 136 x 136 voxels needs about .* allows 0\.0 GB: allow more$"
    ):
        chosen(toy, (64, 64, 64), 10**6)
    with pytest.raises(BudgetError, match="smaller --tile"):
        chosen(toy, (64, 64, 64), 10**9, tile=(360, 360, 360))


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


def test_a_gpu_takes_tiles_that_it_has_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    from asem_core import memory
    from asem_core.predict import onnx_runtime

    monkeypatch.setattr(memory, "available_memory", lambda: 10**10)
    monkeypatch.setattr(memory, "gpu_free_memory", lambda: 10**9)
    monkeypatch.setattr(onnx_runtime, "has_cuda", lambda: False)
    on_cpu = default_max_memory("openvino")
    assert default_max_memory("onnxruntime") == on_cpu
    monkeypatch.setattr(onnx_runtime, "has_cuda", lambda: True)
    assert default_max_memory("onnxruntime") == on_cpu // 10
    assert default_max_memory("openvino") == on_cpu
