"""Which runtime, and which tile: from what is installed and what memory is allowed."""

from __future__ import annotations

import math
from functools import partial

import attrs

from asem_core.errors import BudgetError, ModelError, PluginError
from asem_core.geometry import Box, Lattice, Triple
from asem_core.models.runtimes.graph import graph_cost
from asem_core.models.tiling import MOST_VOXELS, Tiling
from asem_core.processors import processors
from asem_core.registry import Registry, resolve
from asem_core.specs import Capabilities, Precision

_BASE_BYTES = 450 * 10**6
"""Interpreter, libraries and small buffers."""
_BUFFERED_TILES = 4
"""Of a pipeline."""


@attrs.frozen(kw_only=True)
class Arithmetic:
    """A runtime, and one of the precisions that it offers on this machine."""

    runtime: str
    precision: Precision
    device_memory: int | None
    rewrite: str | None
    at_once: int = 1
    """These three: see `asem_core.specs.Capabilities`."""

    @property
    def tiles_in_hand(self) -> int:
        """Tiles of raw, and of results on the model's grid, that are held between reading, computing and writing."""
        return _BUFFERED_TILES if self.at_once == 1 else hands(self.at_once)


def hands(at_once: int) -> int:
    """Threads that read, hand over and write tiles where a session takes ``at_once``: so many that it need not wait.

    A processor reads and writes some 19 million voxels a second of the model's grid (``docs/performance.md``): a GPU of
    200 would keep ten busy.
    """
    return max(at_once + 1, processors())


def choose_runtime(name: str, precision: str, *, registry: Registry, quantised: bool = False) -> Arithmetic:
    """The runtime ``name`` with ``precision``; each may be ``auto``.

    ``auto`` takes of the runtimes that can be used and have the precision the one of the highest rank, and of its
    precisions the first. ``quantised``: the model has a graph in 8-bit integers; without, precisions that need one are
    no choice.

    Raises
    ------
    ModelError
        The model lacks what the precision needs.
    PluginError
        Unknown, or it cannot be used here, or lacks the precision: the message says what to do.
    """
    tried = list(registry.runtimes) if name == "auto" else [name]
    found = {runtime: _probed(runtime, registry) for runtime in tried}
    usable = {runtime: can for runtime, can in found.items() if isinstance(can, Capabilities)}
    if not usable:
        raise PluginError("; ".join(str(why) for why in found.values()) or "no runtime is installed")
    offers = [
        (
            can.rank,
            Arithmetic(
                runtime=runtime,
                precision=offered,
                device_memory=can.device_memory,
                rewrite=can.rewrite,
                at_once=can.at_once,
            ),
        )
        for runtime, can in usable.items()
        for offered in can.precisions
        if precision in ("auto", offered.name)
    ]
    had = [offer for offer in offers if quantised or not offer[1].precision.quantised]
    if offers and not had:
        raise ModelError(
            f"the model has no weights in {precision}: leave --precision out, or make them (`asem zoo quantise`)"
        )
    if not had:
        there = ", ".join(f"{p.name} ({runtime})" for runtime, can in usable.items() for p in can.precisions)
        raise PluginError(f"no runtime that was asked for calculates in {precision} here; there are: {there}")
    return max(had, key=lambda offer: offer[0])[1]


def _probed(name: str, registry: Registry) -> Capabilities | str:
    """What a runtime can do here, or why nothing; one that is broken does not take the others down."""
    spec = registry.runtimes[name]
    try:
        found = resolve(spec.probe)()
    except Exception as error:  # a plugin's code
        return f"the runtime {name!r} is broken: {spec.probe}: {type(error).__name__}: {error}"
    if not isinstance(found, Capabilities | str):
        return f"the runtime {name!r} is broken: {spec.probe} gave {type(found).__name__}, expected Capabilities or str"
    return found


@attrs.frozen(kw_only=True)
class TileCost:
    """What tiles of one size cost."""

    lattice: Lattice
    memory: int
    """Peak bytes of the whole process."""
    flop: float
    """For all tiles."""


def tile_cost(
    tiling: Tiling, side: Triple, box: Box, *, origin: Triple, fine: Triple, arithmetic: Arithmetic
) -> TileCost:
    """Cost of predicting ``box`` with tiles of ``side`` voxels from ``origin``; see `choose_tile`."""
    lattice = tiling.lattice(side, origin=origin)
    shape = tiling.input_shape(lattice)
    cost = graph_cost(tiling.onnx, shape, rewrite=arithmetic.rewrite)
    tiles = len(lattice.covering(box))
    kept = math.prod(lattice.keep)
    held = min(tiles, arithmetic.tiles_in_hand)
    written = 1 if arithmetic.at_once == 1 else held
    waiting = held * 4 * (math.prod(lattice.side) + kept) + written * 6 * kept * math.prod(fine)
    processing = written * 8 * tiling.copies * (math.prod(shape) + math.prod(cost.output))
    weights = 3 * tiling.onnx.stat().st_size
    memory = _BASE_BYTES + weights + int(arithmetic.precision.bytes_per_value * cost.live) + waiting + processing
    return TileCost(lattice=lattice, memory=memory, flop=tiles * cost.flop)


def choose_tile(
    tiling: Tiling,
    box: Box,
    *,
    fine: Triple,
    arithmetic: Arithmetic,
    max_memory: int,
    most_voxels: int = MOST_VOXELS,
    tile: Triple | None = None,
    origin: Triple = (0, 0, 0),
) -> TileCost:
    """The tiles that read least in all to predict ``box``, among those that fit into ``max_memory``.

    They begin where `Tiling.origin` says, so that a small part costs little. A tile that is asked for lies on the
    lattice from the volume's first voxel: with it, a part is predicted exactly as the whole volume is.

    Parameters
    ----------
    tiling
        What the graph takes.
    box
        Voxels of the volume on the model's grid whose probability is needed.
    fine
        Output voxels per model voxel.
    arithmetic
        What runs the graph.
    max_memory
        Bytes.
    most_voxels
        Of a tile's input, unless ``tile`` is given.
    tile, origin
        Input sides that are asked for, model voxels, and where their lattice begins.

    Raises
    ------
    GeometryError
        ``tile`` is no size that the graph takes.
    BudgetError
        Not even the smallest tile (or the one asked for) fits.
    """
    if tile is None:
        tried, start = tiling.candidates(box, most_voxels=most_voxels), tiling.origin(box)
    else:
        tried, start = [tile], origin
    cost_of = partial(tile_cost, tiling, box=box, origin=start, fine=fine, arithmetic=arithmetic)
    left = tried
    while left:
        cost = cost_of(left[0])
        if cost.memory <= max_memory:
            return cost
        # A tile of fewer voxels needs less for each, but hardly less than four fifths: larger ones need no look.
        per_voxel = 0.8 * cost.memory / math.prod(cost.lattice.side)
        left = [side for side in left[1:] if math.prod(side) * per_voxel <= max_memory]
    least = cost_of(min(tried, key=math.prod))
    if least.memory <= max_memory:
        return least
    smaller = "" if tile is None else " or choose a smaller --tile (with --overwrite if a run has begun)"
    raise BudgetError(
        f"a tile of {least.lattice} voxels needs about {least.memory / 1e9:.1f} GB, "
        f"--max-memory, by default a part of what is free, allows {max_memory / 1e9:.1f} GB: allow more{smaller}"
    )
