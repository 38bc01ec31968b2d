"""Cost of a graph, choice of tile and runtime."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asem_core.errors import BudgetError, GeometryError, ModelError, PluginError
from asem_core.geometry import Box, Triple
from asem_core.hookspecs import hookimpl
from asem_core.models.runtimes.graph import graph_cost
from asem_core.models.tiling import MOST_VOXELS, Sizes, Tiling
from asem_core.network import LEAST_SIDE, POOLING, TILE_HALO
from asem_core.plugins import make_manager
from asem_core.predict.choose import Arithmetic, TileCost, choose_runtime, choose_tile
from asem_core.registry import Registry
from asem_core.specs import Capabilities, Precision, RuntimeSpec


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


def own_tiling(onnx: Path) -> Tiling:
    return Tiling(onnx=onnx, sizes=(Sizes(LEAST_SIDE, POOLING),) * 3, halo=(TILE_HALO,) * 3)


def chosen(
    toy: Any, shape: Triple | Box, max_memory: int = 10**11, tile: Triple | None = None, at_once: int = 1
) -> TileCost:
    box = shape if isinstance(shape, Box) else Box.of_shape(shape)
    precision = Precision(name="f32", bytes_per_value=4.0, speed=1.0)
    runs = Arithmetic(runtime="toy", precision=precision, device_memory=None, rewrite=None, at_once=at_once)
    return choose_tile(own_tiling(toy.onnx), box, fine=(1, 1, 1), arithmetic=runs, tile=tile, max_memory=max_memory)


SHAPES = st.tuples(*[st.integers(1, 900)] * 3)


@settings(max_examples=25)
@given(SHAPES)
def test_candidates_are_tiles_that_cover_the_volume_cheapest_first(shape: Triple) -> None:
    tiling = own_tiling(Path())
    sides = tiling.candidates(Box.of_shape(shape))
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
    lattice = tiling.lattice(tiling.candidates(Box.of_shape(shape))[0])
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
    costs = [chosen(toy, (250, 300, 400), limit) for limit in (10**10, 15 * 10**8, 10**9)]
    assert all(cost.memory <= limit for cost, limit in zip(costs, (10**10, 15 * 10**8, 10**9), strict=True))
    assert costs[0].memory > costs[1].memory > costs[2].memory
    assert costs[0].flop < costs[1].flop < costs[2].flop


@pytest.mark.slow
@pytest.mark.parametrize("limit", [8 * 10**8, 10**9, 15 * 10**8, 2 * 10**9])
@pytest.mark.parametrize("shape", [(250, 300, 400), (83, 384, 512)])
def test_hardly_any_tile_that_fits_reads_less(toy: Any, shape: Triple, limit: int) -> None:
    """Against the candidates in their order, each costed; what is not looked at saves less than a tenth."""
    found = chosen(toy, shape, limit)
    best = next(
        cost
        for side in own_tiling(toy.onnx).candidates(Box.of_shape(shape))
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


def test_threads_round_a_gpu_hold_a_tile_each(toy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asem_core.predict.choose.processors", lambda: 16)
    pipeline, threads = (chosen(toy, (900, 900, 900), tile=(168, 168, 168), at_once=n) for n in (1, 2))
    side, kept = 168**3, 64**3
    assert threads.memory - pipeline.memory == (16 - 4) * 4 * (side + kept) + (16 - 1) * 6 * kept
    assert threads.flop == pipeline.flop


def test_what_does_not_fit_says_what_it_needs(toy: Any) -> None:
    with pytest.raises(
        BudgetError, match=r"a tile of 136 x 136 x 136 voxels needs about .* allows 0\.0 GB: allow more$"
    ):
        chosen(toy, (64, 64, 64), 10**6)
    with pytest.raises(BudgetError, match="smaller --tile"):
        chosen(toy, (64, 64, 64), 10**9, tile=(360, 360, 360))


BOXES = st.builds(
    lambda start, shape: Box(start, [a + n for a, n in zip(start, shape, strict=True)]),
    st.tuples(*[st.integers(0, 5000)] * 3),
    st.tuples(*[st.integers(1, 500)] * 3),
)


@settings(max_examples=40)
@given(BOXES)
def test_tiles_of_a_part_pool_as_those_of_the_whole_and_cover_it_with_fewest(box: Box) -> None:
    tiling = own_tiling(Path())
    origin = tiling.origin(box)
    assert all(0 <= a - o < 8 and o % 8 == 0 for a, o in zip(box.start, origin, strict=True))
    sides = tiling.candidates(box)
    reads = []
    for side in sides[:: len(sides) // 10 + 1]:
        lattice = tiling.lattice(side, origin=origin)
        tiles = [lattice.kept(index) for index in lattice.covering(box)]
        assert all(edge % 8 == 0 for tile in tiles for edge in (*tile.start, *tile.stop))
        assert sum(tile.intersect(box).size for tile in tiles) == box.size, "every voxel is predicted once"
        assert len(tiles) <= len(tiling.lattice(side).covering(box)), "not more than from the volume's first voxel"
        reads.append(len(tiles) * math.prod(side))
    assert reads == sorted(reads)


@settings(max_examples=20)
@given(BOXES, st.integers(152**3, MOST_VOXELS))
def test_no_tile_is_larger_than_asked_and_those_left_are_the_same(box: Box, most: int) -> None:
    sides = own_tiling(Path()).candidates(box)
    assert own_tiling(Path()).candidates(box, most_voxels=most) == [side for side in sides if math.prod(side) <= most]


@settings(max_examples=40)
@given(BOXES)
def test_tiles_of_a_fixed_size_lie_as_for_the_whole(box: Box) -> None:
    tiling = Tiling(onnx=Path(), sizes=(Sizes(40), Sizes(48, 8), Sizes(64)), halo=(4, 8, 16))
    assert tiling.origin(box) == (0, box.start[1] // 8 * 8, 0)
    side = tiling.candidates(box)[0]
    lattice = tiling.lattice(side, origin=tiling.origin(box))
    assert sum(lattice.kept(index).intersect(box).size for index in lattice.covering(box)) == box.size


def test_a_part_costs_in_proportion(toy: Any) -> None:
    whole = chosen(toy, (200, 500, 500))
    part = chosen(toy, Box((83, 170, 205), (123, 290, 325)))
    assert part.lattice.origin == (80, 168, 200)
    assert part.lattice.side == (152, 232, 232), "one tile around it"
    assert part.memory < whole.memory / 3
    assert part.flop < whole.flop / 10
    asked = chosen(toy, Box((83, 170, 205), (123, 290, 325)), tile=(152, 232, 232))
    assert asked.lattice.origin == (0, 0, 0)


class Runtimes:
    """A plugin with runtimes: what ``probe`` of each gives, by name."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **probes: Any) -> None:
        self._names = list(probes)
        for name, found in probes.items():
            monkeypatch.setattr(
                f"{__name__}.{name}", found if callable(found) else lambda found=found: found, raising=False
            )

    @hookimpl
    def asem_register_runtimes(self) -> list[RuntimeSpec]:
        return [
            RuntimeSpec(name=name, summary="", probe=f"{__name__}:{name}", open=f"{__name__}:{name}")
            for name in self._names
        ]


def with_runtimes(monkeypatch: pytest.MonkeyPatch, **probes: Any) -> Registry:
    plugin = Runtimes(monkeypatch, **probes)
    point = SimpleNamespace(name="toy", load=lambda: plugin, dist=SimpleNamespace(name="asem-toy", version="1"))
    monkeypatch.setitem(sys.modules, __name__, sys.modules[__name__])
    return Registry(make_manager([point]))


def states(rank: int, **precisions: tuple[float, float]) -> Capabilities:
    offered = tuple(Precision(name=n, bytes_per_value=b, speed=s) for n, (b, s) in precisions.items())
    return Capabilities(precisions=offered, rank=rank)


def taken(registry: Registry, runtime: str = "auto", precision: str = "auto") -> tuple[str, str]:
    found = choose_runtime(runtime, precision, registry=registry)
    return found.runtime, found.precision.name


def test_a_plugin_takes_part_by_its_rank(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = with_runtimes(
        monkeypatch, slow=states(1, f32=(4, 1)), best=states(1000, f16=(2, 8), f32=(4, 4)), absent="pip install absent"
    )
    assert taken(registry) == ("best", "f16")
    assert taken(registry, precision="f32") == ("best", "f32")
    assert taken(registry, "slow") == ("slow", "f32")
    found = choose_runtime("best", "f16", registry=registry)
    assert (found.precision.bytes_per_value, found.precision.speed) == (2, 8)
    with pytest.raises(PluginError, match=r"^pip install absent$"):
        choose_runtime("absent", "auto", registry=registry)
    with pytest.raises(PluginError, match=r"calculates in f8 here; there are: f16 \(best\), f32 \(best\)$"):
        choose_runtime("best", "f8", registry=registry)


def test_8_bit_integers_are_for_models_that_have_them(monkeypatch: pytest.MonkeyPatch) -> None:
    small, exact = (Precision(name=n, bytes_per_value=1, speed=1, quantised=n == "int8") for n in ("int8", "f32"))
    registry = with_runtimes(monkeypatch, best=Capabilities(precisions=(small, exact), rank=1000))
    assert taken(registry) == ("best", "f32")
    assert choose_runtime("auto", "auto", registry=registry, quantised=True).precision == small
    assert choose_runtime("auto", "f32", registry=registry, quantised=True).precision == exact
    with pytest.raises(ModelError, match=r"no weights in int8: leave --precision out, or make them \(`asem zoo quant"):
        choose_runtime("auto", "int8", registry=registry)
    with pytest.raises(PluginError, match=r"calculates in int8 here; there are: "):
        choose_runtime("onnxruntime", "int8", registry=registry, quantised=True)


def test_a_broken_runtime_takes_no_other_down(monkeypatch: pytest.MonkeyPatch) -> None:
    def raises() -> Capabilities:
        raise OSError("no driver")

    registry = with_runtimes(monkeypatch, broken=raises, wrong=lambda: None)
    assert taken(registry)[0] in ("onnxruntime", "openvino")
    for name, why in (("broken", "OSError: no driver"), ("wrong", "gave NoneType, expected Capabilities or str")):
        with pytest.raises(PluginError, match=f"the runtime {name!r} is broken: .*{why}"):
            choose_runtime(name, "auto", registry=registry)


def test_runtime_that_is_not_installed_says_what_to_install(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    from asem_core.models.runtimes import openvino_runtime

    monkeypatch.setattr(openvino_runtime, "probe", lambda: "pip install openvino")
    with pytest.raises(PluginError, match="pip install"):
        choose_runtime("openvino", "auto", registry=registry)
    assert taken(registry) == ("onnxruntime", "f32")
    with pytest.raises(PluginError, match="installed: onnxruntime, openvino, tensorrt"):
        choose_runtime("abacus", "auto", registry=registry)


def test_a_gpu_is_taken_first(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    from asem_core.models.runtimes import onnx_runtime

    monkeypatch.setattr(onnx_runtime, "has_cuda", lambda: True)
    assert taken(registry) == ("onnxruntime", "f16")
    assert taken(registry, precision="f32") == ("onnxruntime", "f32")


def test_tensorrt_is_for_who_asks(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    from asem_core.models.runtimes import onnx_runtime, tensorrt_runtime

    with pytest.raises(PluginError, match="TensorRT needs an NVIDIA GPU"):
        choose_runtime("tensorrt", "auto", registry=registry)
    for module in (onnx_runtime, tensorrt_runtime):
        monkeypatch.setattr(module, "has_cuda", lambda: True)
    monkeypatch.setattr(tensorrt_runtime, "_is_installed", lambda: True)
    assert taken(registry) == ("onnxruntime", "f16")
    assert taken(registry, "tensorrt") == ("tensorrt", "f16")


def test_what_is_free_on_a_gpu_is_known(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    from asem_core.models.runtimes import onnx_runtime

    monkeypatch.setattr(onnx_runtime, "gpu_free_memory", lambda: 1234)
    for there, expected in ((False, None), (True, 1234)):
        monkeypatch.setattr(onnx_runtime, "has_cuda", lambda there=there: there)
        assert choose_runtime("onnxruntime", "auto", registry=registry).device_memory == expected
