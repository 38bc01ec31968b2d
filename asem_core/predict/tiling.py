"""The tiles that a graph can be given: sizes that it takes, context that it needs."""

from __future__ import annotations

from pathlib import Path

import attrs

from asem_core.errors import GeometryError
from asem_core.geometry import TILE_HALO, TILE_STEP, Lattice, Triple

LARGEST_TILE = 360
"""Larger tiles gain little and need much memory: measured, docs/performance.md."""
_TRIED = (*range(64, LARGEST_TILE, 32), LARGEST_TILE)


@attrs.frozen
class Sizes:
    """Input sizes of one axis: ``least``, ``least + step``, ``least + 2 step`` ...; only ``least`` where step is 0."""

    least: int
    step: int = 0

    def at_least(self, size: int) -> int:
        """The smallest of them that is not below ``size``; ``least`` where there is only one.

        >>> Sizes(112, 8).at_least(150), Sizes(16).at_least(150)
        (152, 16)
        """
        if not self.step:
            return self.least
        return self.least + max(0, -(-(size - self.least) // self.step)) * self.step

    def at_most(self, size: int) -> int:
        """The largest of them that is not above ``size``; ``least`` where there is none."""
        return self.least + max(0, (size - self.least) // self.step) * self.step if self.step else self.least


@attrs.frozen(kw_only=True)
class Tiling:
    """Which tiles go through a graph."""

    onnx: Path
    sizes: tuple[Sizes, Sizes, Sizes]
    """z, y, x."""
    halo: Triple
    """Voxels at each face of the input whose result is not kept."""
    axes: tuple[str, ...] = ("batch", "channel", "z", "y", "x")
    """Of the graph's input."""
    copies: int = 0
    """Float64 copies of the input and output that processing holds besides the graph's own tensors."""

    @property
    def tiles(self) -> list[int]:
        """The tiles worth trying, by the largest input side that is not fixed."""
        return sorted({self._tile(self._sides(tried)) for tried in _TRIED})

    def lattice(self, tile: int) -> Lattice:
        """Tiles whose largest side that is not fixed is ``tile``; the others are as large as the graph allows.

        A tile keeps a multiple of the step, so that what the network's pooling sees does not depend on its size.

        Raises
        ------
        GeometryError
            The graph does not take this size.
        """
        sides = self._sides(tile)
        if self._tile(sides) != tile:
            allowed = ", ".join(map(str, self.tiles))
            raise GeometryError(f"--tile is the input side of a tile, for this model {allowed}; got {tile}")
        keep = [
            (side - 2 * halo) // (size.step or 1) * (size.step or 1)
            for side, halo, size in zip(sides, self.halo, self.sizes, strict=True)
        ]
        return Lattice(keep, halo=self.halo, side=sides)

    def input_shape(self, lattice: Lattice) -> tuple[int, ...]:
        """Shape of the graph's input for a tile of ``lattice``."""
        z, y, x = lattice.side
        return tuple({"batch": 1, "channel": 1, "z": z, "y": y, "x": x}[axis] for axis in self.axes)

    def _sides(self, tile: int) -> list[int]:
        """Per axis the largest size up to ``tile``, or the smallest one that keeps anything."""
        return [
            max(size.at_most(tile), size.at_least(2 * halo + max(size.step, 1)))
            for size, halo in zip(self.sizes, self.halo, strict=True)
        ]

    def _tile(self, sides: list[int]) -> int:
        free = [side for side, size in zip(sides, self.sizes, strict=True) if size.step]
        return max(free or sides)


def own_tiling(onnx: Path) -> Tiling:
    """Tiles of the graphs that we export: 168, 232, 296, 360 voxels a side, of which 52 at each face are context."""
    size = Sizes(TILE_STEP + 2 * TILE_HALO, TILE_STEP)
    return Tiling(onnx=onnx, sizes=(size, size, size), halo=(TILE_HALO, TILE_HALO, TILE_HALO))
