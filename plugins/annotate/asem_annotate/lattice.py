"""The lattice that supervoxels live on: their parameters, its cells, and what a block depends on."""

from __future__ import annotations

import math

import attrs
from attrs import validators

from asem_core.geometry import Box, FloatTriple, Triple, VoxelSize, triple

_REACH = 3
"""Sigmas at which a Gaussian is cut off."""


@attrs.frozen(kw_only=True)
class Slic:
    """Parameters of supervoxels."""

    edge: float = attrs.field(default=5.0, validator=validators.ge(1))
    """Edge of a supervoxel in voxels, along the axes with the smallest voxels; fewer along the others."""
    compactness: float = attrs.field(default=15.0, validator=validators.gt(0))
    """Grey levels of 255 that weigh as much as one edge of distance."""
    iterations: int = attrs.field(default=4, validator=validators.ge(0))
    """How often the centres move."""
    smooth: float = attrs.field(default=1.0, validator=validators.ge(0))
    """Sigma of the Gaussian that the image is smoothed by first, in voxels as ``edge`` is."""

    def side(self, voxel_size: VoxelSize) -> Triple:
        """Voxels of a cell per axis, as near to a cube in nm as whole voxels can be."""
        edge_nm = self.edge * min(voxel_size.zyx)
        return triple([max(1, round(edge_nm / step)) for step in voxel_size.zyx])

    def weights(self, voxel_size: VoxelSize) -> FloatTriple:
        """Of a squared step along each axis, in squared grey levels."""
        edge_nm = self.edge * min(voxel_size.zyx)
        return triple([(self.compactness * step / edge_nm) ** 2 for step in voxel_size.zyx])

    def context(self, box: Box, voxel_size: VoxelSize) -> Box:
        """All on which the supervoxels of ``box`` depend; may reach outside the volume.

        A centre moves by what is given to it, within one cell of its own, and that depends on centres one cell further:
        two cells for every move, and one for the centre that a voxel is given to at last. Smoothing reaches further.
        """
        side = self.side(voxel_size)
        cells = box.align_out(side).grow([(2 * self.iterations + 1) * s for s in side])
        return cells.grow(radii(self.smooth, voxel_size))


@attrs.frozen(kw_only=True)
class Cells:
    """The cells of a lattice that a box of voxels meets."""

    box: Box
    """Voxels of the volume."""
    side: Triple

    @property
    def first(self) -> Triple:
        """Index of the first cell in the lattice."""
        return triple([a // s for a, s in zip(self.box.start, self.side, strict=True)])

    @property
    def shape(self) -> Triple:
        """Cells per axis."""
        return triple([-(-b // s) - f for b, s, f in zip(self.box.stop, self.side, self.first, strict=True)])

    @property
    def corner(self) -> Triple:
        """Where cell (0, 0, 0) begins, in voxels of the box; 0 or below."""
        return triple([f * s - a for f, s, a in zip(self.first, self.side, self.box.start, strict=True)])


def radii(sigma: float, voxel_size: VoxelSize) -> Triple:
    """Voxels per axis that a Gaussian of ``sigma`` voxels along the axes with the smallest voxels reaches."""
    finest = min(voxel_size.zyx)
    return triple([math.ceil(_REACH * sigma * finest / step) for step in voxel_size.zyx])
