"""The tiles that a graph can be given: sizes that it takes, context that it needs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import attrs

from asem_core.errors import GeometryError
from asem_core.geometry import AXES, Box, Lattice, Triple, triple

MOST_VOXELS = 400**3
"""Of a tile's input: with 32 features, a tensor of the first level then stays below 2^31 values."""
_LEAST_KEPT, _MOST_KEPT = 32, 768
"""Voxels per axis, about. Tiles that keep less are mostly context; those that keep more need not have a divisor near
64, which is what a chunk is."""


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

    def lattice(self, side: Triple, *, origin: Triple = (0, 0, 0)) -> Lattice:
        """Tiles with inputs of ``side`` voxels, side by side from ``origin``.

        A tile keeps a multiple of the step, so that what the network's pooling sees does not depend on its size.

        Raises
        ------
        GeometryError
            The graph does not take this size.
        """
        for axis, wanted, sizes, least in zip(AXES, side, self.sizes, self._least, strict=True):
            if wanted != sizes.at_most(wanted) or wanted < least:
                allowed = f"{least}, {least + sizes.step}, {least + 2 * sizes.step} ..." if sizes.step else f"{least}"
                raise GeometryError(
                    f"--tile is the input side of a tile, for this model {allowed} along {axis}; got {wanted}"
                )
        keep = [
            (n - 2 * halo) // (sizes.step or 1) * (sizes.step or 1)
            for n, halo, sizes in zip(side, self.halo, self.sizes, strict=True)
        ]
        return Lattice(keep, halo=self.halo, side=side, origin=origin)

    def origin(self, box: Box) -> Triple:
        """Where tiles for ``box`` (voxels of the volume on the model's grid) best begin: at its start, or just before.

        Whole steps from the volume's first voxel, so that pooling sees the same blocks for every box. The step of a
        fixed size is not known: tiles lie as they do for the whole volume.
        """
        steps = [sizes.step for sizes in self.sizes]
        return triple([first // step * step if step else 0 for first, step in zip(box.start, steps, strict=True)])

    def asked(self, tile: int | Sequence[int]) -> Triple:
        """The sides of the tile that a user asks for: one number stands for every axis that the graph leaves free."""
        if isinstance(tile, Sequence):
            return triple([int(side) for side in tile])
        free = [bool(sizes.step) for sizes in self.sizes]
        if not any(free):
            return triple([int(tile)] * 3)
        return triple([int(tile) if f else least for f, least in zip(free, self._least, strict=True)])

    def candidates(self, box: Box, *, most_voxels: int = MOST_VOXELS) -> list[Triple]:
        """Sides of tiles of ``most_voxels`` at most worth trying for ``box``; those that read the fewest in all first.

        Along each axis the box, from `origin`, is cut into 1, 2, 3 ... equal parts.
        """
        spans = zip(self.origin(box), box.start, box.stop, strict=True)
        cuts = [self._cuts(axis, first - o, last - o) for axis, (o, first, last) in enumerate(spans)]
        largest = max(most_voxels, math.prod(side for (side, _), *_ in cuts))
        read = {
            triple(side): math.prod(reads)
            for side, reads in (zip(*cut, strict=True) for cut in product(*cuts))
            if math.prod(side) <= largest
        }
        return sorted(read, key=lambda side: (read[side], math.prod(side)))

    def input_shape(self, lattice: Lattice) -> tuple[int, ...]:
        """Shape of the graph's input for a tile of ``lattice``."""
        z, y, x = lattice.side
        return tuple({"batch": 1, "channel": 1, "z": z, "y": y, "x": x}[axis] for axis in self.axes)

    @property
    def _least(self) -> Triple:
        """Per axis the smallest size that keeps anything."""
        return triple([n.at_least(2 * halo + max(n.step, 1)) for n, halo in zip(self.sizes, self.halo, strict=True)])

    def _cuts(self, axis: int, start: int, length: int) -> list[tuple[int, int]]:
        """Sides of a tile, smallest first, each with what all tiles along ``axis`` read: ever less.

        They keep the voxels ``start`` to ``length`` from the lattice's origin; where sizes are free, all of them.
        """
        sizes, halo, step = self.sizes[axis], self.halo[axis], self.sizes[axis].step
        if not step:
            least = self._least[axis]
            keep = least - 2 * halo
            return [(least, (-(-length // keep) - start // keep) * least)]
        found: list[tuple[int, int]] = []
        for parts in range(max(1, -(-length // _LEAST_KEPT)), -(-length // _MOST_KEPT) - 1, -1):
            side = sizes.at_least(2 * halo + -(-length // (parts * step)) * step)
            tiles = -(-length // ((side - 2 * halo) // step * step))
            if not found or tiles * side < found[-1][1]:
                found.append((side, tiles * side))
        return found
