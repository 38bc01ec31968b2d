"""The input's grid, the model's grid, and the way between them."""

from __future__ import annotations

import logging
from typing import Literal

import attrs

from asem_core.conversion.regrid import REFUSE_FACTOR, WARN_FACTOR
from asem_core.errors import GeometryError
from asem_core.geometry import (
    Box,
    FloatTriple,
    Triple,
    VoxelSize,
    resampled_box,
    resampled_shape,
    triple,
)
from asem_core.grid.resample import source_box

log = logging.getLogger(__name__)

AS_IS_TOLERANCE = 0.1
"""Voxel sizes that agree within this fraction are treated as equal."""

WARN_COARSER = 1.5
"""Voxels this many times as large as the model's lack what it was trained on. Measured on EPFL tissue of 5 nm, every
fourth section left: mito-compact-10nm finds 43 % mitochondria where 34 % are (F1 0.87)."""

Route = Literal["as is", "two-fold", "two stages"]


@attrs.frozen(kw_only=True)
class Grids:
    """How an input of ``shape`` is predicted by a model of another voxel size.

    ``as is``: the tile's result is written as it comes. ``two-fold``: every axis is 1 or 2 times finer than the
    model's, and each tile is upsampled before it is written. ``two stages``: any other ratio; the model-grid
    prediction is stored, then resampled block by block.
    """

    shape: Triple
    """Of the input, voxels."""
    input_size: VoxelSize
    model_size: VoxelSize
    ratio: FloatTriple
    """Input voxels per model voxel."""
    route: Route

    @property
    def model_shape(self) -> Triple:
        """Of the input on the model's grid, voxels."""
        return resampled_shape(self.shape, self.input_size, self._model_grid)

    @property
    def resamples(self) -> bool:
        """Whether raw has to be brought to another grid."""
        return any(r != 1.0 for r in self.ratio)

    @property
    def fine(self) -> Triple:
        """Output voxels per model voxel of a tile's result: 1 or 2 per axis."""
        return triple([2 if self.route == "two-fold" and r > 1 else 1 for r in self.ratio])

    @property
    def _model_grid(self) -> VoxelSize:
        return VoxelSize([v * r for v, r in zip(self.input_size.zyx, self.ratio, strict=True)])

    def model_box(self, roi: Box) -> Box:
        """Model voxels whose probability a result on ``roi`` (input voxels) depends on, inside the volume."""
        if self.route == "two stages":
            box = source_box(roi, self.back)
        else:
            box = resampled_box(roi, self.input_size, self._model_grid)
        return box.intersect(Box.of_shape(self.model_shape))

    @property
    def back(self) -> FloatTriple:
        """Model voxels per input voxel."""
        return triple([1.0 / r for r in self.ratio])

    def output_box(self, kept: Box) -> Box:
        """The output voxels that the tile with ``kept`` writes; at upper faces they reach past the volume."""
        scale = self.fine
        return Box(
            [a * s for a, s in zip(kept.start, scale, strict=True)],
            [b * s for b, s in zip(kept.stop, scale, strict=True)],
        )


def plan_grids(shape: Triple, input_size: VoxelSize, model_size: VoxelSize, *, two_fold: bool = True) -> Grids:
    """Choose the way between the grids; ``two_fold`` where tiles have valid voxels to spare for upsampling.

    Raises
    ------
    GeometryError
        The voxel sizes differ by more than a factor of 8 on an axis.
    """
    ratio = input_size.ratio_to(model_size)
    factor = input_size.factor_to(model_size)
    if factor > REFUSE_FACTOR:
        raise GeometryError(
            f"the voxel size {input_size} differs from the model's {model_size} by a factor of {factor:.3g}, more than "
            f"{REFUSE_FACTOR:g}: check the voxel size (--voxel-size z,y,x) or choose a model for it (--model)"
            f"{input_size.unit_question(model_size)}"
        )
    route: Route = "two stages"
    if input_size.matches(model_size, tolerance=AS_IS_TOLERANCE):
        ratio, route = (1.0, 1.0, 1.0), "as is"
    elif two_fold and all(min(abs(r - 1), abs(r - 2)) < 1e-6 for r in ratio):
        ratio, route = triple([float(round(r)) for r in ratio]), "two-fold"
    for kind, by, limit, advice in (
        ("coarser", 1 / min(ratio), WARN_COARSER, "expect a poorer result"),
        ("finer", max(ratio), WARN_FACTOR, "it is averaged to that; check that both are right"),
    ):
        if by > limit:
            log.warning("the voxel size %s is %s than the model's %s by a factor of %.3g: %s", input_size, kind,
                        model_size, by, advice)  # fmt: skip
    return Grids(shape=shape, input_size=input_size, model_size=model_size, ratio=ratio, route=route)
