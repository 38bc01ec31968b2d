"""One tile: preprocess, run the session, keep what is valid, bring it to the output's grid, quantise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.errors import ModelError
from asem_core.geometry import TILE_HALO, Box, Triple, VoxelSize, triple
from asem_core.grid.resample import resample
from asem_core.predict.session import Session
from asem_core.preprocess.stages import Step

Image = npt.NDArray[np.float32]
ProbDtype = Literal["uint8", "float32"]

SPARE = 3
"""Valid voxels around the kept part of a tile: the halo of the two-fold upsampling."""
_SLAB = 8


@attrs.frozen(kw_only=True, eq=False)
class Predicted:
    """Result of a block on the output's grid."""

    probability: npt.NDArray[Any]
    """``(z, y, x)``, uint8 (255 p) or float32."""
    label: npt.NDArray[np.uint8]
    """``(z, y, x)``, 1 where p >= threshold."""


def split_steps(steps: Sequence[Step]) -> tuple[list[Step], list[Step]]:
    """The model's steps that run over the volume, on the input's grid, and those that run inside a tile.

    Those up to the last one that needs statistics or context run over the volume as it is stored.

    Raises
    ------
    ModelError
        A step over the volume does not give uint8, the 0..255 scale that the steps inside a tile expect.
    """
    count = max((n for n, step in enumerate(steps, start=1) if step.spec.needs or step.spec.halo), default=0)
    for step in steps[:count]:
        if step.spec.dtype_out != "uint8":
            raise ModelError(
                f"the model's stage {step.spec.name!r} gives {step.spec.dtype_out}, but stages up to "
                f"{steps[count - 1].spec.name!r} run over the whole volume and must give uint8: put it after that one"
            )
    return list(steps[:count]), list(steps[count:])


def preprocess_tile(raw: Image, *, box: Box, steps: Sequence[Step], voxel_size: VoxelSize) -> Image:
    """``raw`` ``(z, y, x)`` (``box`` of the model's grid, on the 0..255 scale) after the steps inside a tile."""
    for step in steps:
        raw = step.apply(raw, box=box, voxel_size=voxel_size, stats={})
    return raw


def predict_tile(block: Image, *, session: Session) -> Image:
    """Probability of the kept part of a tile and of `SPARE` voxels around it, float32.

    Parameters
    ----------
    block
        ``(z, y, x)`` on the model's grid: the tile's read box, preprocessed.
    """
    probability: Image = session.run(np.ascontiguousarray(block, dtype=np.float32)[None, None])[0, 0]
    cut = TILE_HALO - SPARE
    # A copy, so that tiles that wait to be written do not hold the whole result.
    return probability[cut:-cut, cut:-cut, cut:-cut].copy()


def upsampled(probability: Image, fine: Triple, box: Box) -> Image:
    """The part ``box`` (voxels of the output's grid, from the kept part's first) of `predict_tile`'s result."""
    return resample(probability, (-SPARE,) * 3, box, triple([1.0 / f for f in fine]))


def finish(
    shape: Triple, part: Callable[[Box], Image], *, threshold: float, dtype: ProbDtype,
    mask: npt.NDArray[Any] | None = None,
) -> Predicted:  # fmt: skip
    """A tile of ``shape`` (output voxels), each ``part`` of it `quantise` d; ``mask`` has the same shape.

    A few planes at a time: they stay in the processor's cache.
    """
    found = Predicted(probability=np.empty(shape, dtype), label=np.empty(shape, np.uint8))
    for slab in Box.of_shape(shape).tiles((_SLAB, *shape[1:])):
        inside = None if mask is None else mask[slab.slices]
        quantised = quantise(part(slab), threshold=threshold, dtype=dtype, mask=inside)
        found.probability[slab.slices], found.label[slab.slices] = quantised.probability, quantised.label
    return found


def quantise(
    probability: Image, *, threshold: float, dtype: ProbDtype, mask: npt.NDArray[Any] | None = None
) -> Predicted:
    """Round to the output's dtype; the label is taken from the float before. Outside ``mask`` both are 0."""
    if mask is not None:
        probability = np.where(mask != 0, probability, np.float32(0))
    label = (probability >= np.float32(threshold)).view(np.uint8)
    if dtype == "uint8":
        return Predicted(probability=np.rint(probability * np.float32(255)).astype(np.uint8), label=label)
    return Predicted(probability=probability, label=label)
