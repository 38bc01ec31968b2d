"""Which runtime, and which tile: from what is installed and what memory is allowed."""

from __future__ import annotations

import math
from functools import partial

import attrs

from asem_core.errors import BudgetError, PluginError
from asem_core.geometry import Box, Lattice, Triple
from asem_core.memory import default_max_memory as share_of_free
from asem_core.predict.cost import graph_cost
from asem_core.predict.tiling import Tiling
from asem_core.registry import Registry, resolve

_BASE_BYTES = 450 * 10**6
"""Interpreter, libraries and small buffers."""
_BYTES_PER_VALUE = {("openvino", "f32"): 4.4, ("openvino", "bf16"): 2.4, ("onnxruntime", "f32"): 5.2}
"""Peak bytes of a session per live value, re-ordered copies and workspace included: measured, decision 25."""
_BYTES_PER_VALUE_ELSEWHERE = 5.0
_BUFFERED_TILES = 4
"""Tiles of raw, and of results on the model's grid, that wait between reading, computing and writing."""


def choose_runtime(name: str, registry: Registry) -> str:
    """The runtime ``name``; for ``auto`` a GPU's, else the fastest on a CPU that is installed.

    Raises
    ------
    PluginError
        Unknown, or not installed: the message says what to install.
    """
    if name == "auto":
        from asem_core.predict.onnx_runtime import has_cuda

        order = ["onnxruntime"] if has_cuda() else ["openvino", "onnxruntime"]
        usable = [n for n in order if resolve(registry.runtimes[n].available)() is None]
        if not usable:
            raise PluginError("no ONNX runtime is installed: pip install onnxruntime")
        return usable[0]
    problem = resolve(registry.runtimes[name].available)()
    if problem is not None:
        raise PluginError(problem)
    return name


def default_max_memory(runtime: str, *, fixed: bool = False) -> int:
    """Bytes of what is free now, on the GPU too where ``runtime`` uses one; see `memory.default_max_memory`."""
    from asem_core.predict.onnx_runtime import has_cuda

    return share_of_free(gpu=runtime == "onnxruntime" and has_cuda(), fixed=fixed)


@attrs.frozen(kw_only=True)
class TileCost:
    """What a tile costs for a volume."""

    lattice: Lattice
    memory: int
    """Peak bytes of the whole process."""
    flop: float
    """For the whole volume."""


def tile_cost(tiling: Tiling, side: Triple, model_shape: Triple, fine: Triple, *, bytes_per_value: float) -> TileCost:
    """Cost of predicting a volume of ``model_shape`` with tiles of ``side`` voxels; see `choose_tile`."""
    lattice = tiling.lattice(side)
    shape = tiling.input_shape(lattice)
    cost = graph_cost(tiling.onnx, shape)
    tiles = len(lattice.covering(Box.of_shape(model_shape)))
    kept = math.prod(lattice.keep)
    waiting = _BUFFERED_TILES * 4 * (math.prod(lattice.side) + kept) + 6 * kept * math.prod(fine)
    processing = 8 * tiling.copies * (math.prod(shape) + math.prod(cost.output))
    weights = 3 * tiling.onnx.stat().st_size
    memory = _BASE_BYTES + weights + int(bytes_per_value * cost.live) + waiting + processing
    return TileCost(lattice=lattice, memory=memory, flop=tiles * cost.flop)


def live_value_bytes(runtime: str, precision: str) -> float:
    """Peak bytes of a session per value of its live tensors."""
    return _BYTES_PER_VALUE.get((runtime, precision), _BYTES_PER_VALUE_ELSEWHERE)


def choose_tile(
    tiling: Tiling, model_shape: Triple, fine: Triple, *, bytes_per_value: float, tile: Triple | None, max_memory: int
) -> TileCost:
    """The tile that reads least of a volume in all among those that fit into ``max_memory``, or the one asked for.

    It depends on the volume, not on the ROI, so that a ROI is predicted exactly as the whole volume would be.

    Parameters
    ----------
    tiling
        What the graph takes.
    model_shape
        Of the volume, on the model's grid.
    fine
        Output voxels per model voxel.
    bytes_per_value
        Peak bytes that the session holds per value of its live tensors.
    tile
        Input sides, model voxels.
    max_memory
        Bytes.

    Raises
    ------
    GeometryError
        ``tile`` is no size that the graph takes.
    BudgetError
        Not even the smallest tile (or the one asked for) fits.
    """
    cost_of = partial(tile_cost, tiling, model_shape=model_shape, fine=fine, bytes_per_value=bytes_per_value)
    tried = tiling.candidates(model_shape) if tile is None else [tile]
    left, least = tried, cost_of(min(tried, key=math.prod))
    while least.memory <= max_memory:
        cost = cost_of(left[0])
        if cost.memory <= max_memory:
            return cost
        # A tile of fewer voxels needs less for each, but hardly less than four fifths: larger ones need no look.
        per_voxel = 0.8 * cost.memory / math.prod(cost.lattice.side)
        left = [side for side in left[1:] if math.prod(side) * per_voxel <= max_memory] or [least.lattice.side]
    smaller = "" if tile is None else " or choose a smaller --tile (with --overwrite if a run has begun)"
    raise BudgetError(
        f"a tile of {least.lattice} voxels needs about {least.memory / 1e9:.1f} GB, "
        f"--max-memory, by default a part of what is free, allows {max_memory / 1e9:.1f} GB: allow more{smaller}"
    )
