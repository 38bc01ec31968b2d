"""Which runtime, and which tile: from what is installed and what memory is allowed."""

from __future__ import annotations

import math
import os
from pathlib import Path

import attrs

from asem_core.errors import BudgetError, PluginError
from asem_core.geometry import Box, Lattice, Triple
from asem_core.predict.cost import graph_cost
from asem_core.predict.tiling import Tiling
from asem_core.registry import Registry, resolve

_BASE_BYTES = 450 * 10**6
"""Interpreter, libraries and small buffers."""
_RUNTIME_OVERHEAD = 1.25
"""What a runtime holds beyond the live tensors (re-ordered copies, workspace): measured, docs/performance.md."""
_BUFFERED_TILES = 4
"""Tiles of raw and of results that wait between reading, computing and writing."""


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


def default_max_memory() -> int:
    """Half of this machine's memory, in bytes, and of what a container may use."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 8 * 10**9
    limit = Path("/sys/fs/cgroup/memory.max")
    if limit.exists() and (text := limit.read_text().strip()).isdigit():
        total = min(total, int(text))
    return total // 2


@attrs.frozen(kw_only=True)
class TileCost:
    """What a tile size costs for a volume."""

    tile: int
    lattice: Lattice
    memory: int
    """Peak bytes of the whole process."""
    flop: float
    """For the whole volume."""


def tile_cost(tiling: Tiling, tile: int, model_shape: Triple, fine: Triple) -> TileCost:
    """Cost of predicting a volume of ``model_shape`` with tiles of ``tile`` voxels."""
    lattice = tiling.lattice(tile)
    shape = tiling.input_shape(lattice)
    cost = graph_cost(tiling.onnx, shape)
    tiles = len(lattice.covering(Box.of_shape(model_shape)))
    result_bytes = 6 * math.prod(lattice.keep) * math.prod(fine)
    waiting = _BUFFERED_TILES * (4 * math.prod(lattice.side) + result_bytes)
    processing = 8 * tiling.copies * (math.prod(shape) + math.prod(cost.output))
    weights = 3 * tiling.onnx.stat().st_size
    memory = _BASE_BYTES + weights + int(_RUNTIME_OVERHEAD * cost.activations) + waiting + processing
    return TileCost(tile=tile, lattice=lattice, memory=memory, flop=tiles * cost.flop)


def choose_tile(tiling: Tiling, model_shape: Triple, fine: Triple, *, tile: int | None, max_memory: int) -> TileCost:
    """The cheapest tile for the whole volume among those that fit into ``max_memory`` bytes, or the one asked for.

    It depends on the volume, not on the ROI, so that a ROI is predicted exactly as the whole volume would be.

    Raises
    ------
    GeometryError
        ``tile`` is no size that the graph takes.
    BudgetError
        Not even the smallest tile (or the one asked for) fits.
    """
    tiles = tiling.tiles if tile is None else [tile]
    costs = [tile_cost(tiling, each, model_shape, fine) for each in tiles]
    fitting = [cost for cost in costs if cost.memory <= max_memory]
    if not fitting:
        least = min(costs, key=lambda cost: cost.memory)
        raise BudgetError(
            f"a tile of {least.tile} voxels needs about {least.memory / 1e9:.1f} GB, "
            f"--max-memory allows {max_memory / 1e9:.1f} GB: allow more"
            + ("" if tile is None else " or choose a smaller --tile")
        )
    return min(fitting, key=lambda cost: (cost.flop, cost.memory))
