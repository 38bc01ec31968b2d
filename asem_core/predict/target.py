"""Where the stages of a segmentation write: the output itself, or a working copy beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.blocks.digests import chunk_digests
from asem_core.geometry import Box, Triple, triple
from asem_core.predict.plan import Plan
from asem_core.predict.tiles import Predicted
from asem_core.volume.formats.ome_write import OmeOutput


def work_folder(output: Path) -> Path:
    """Where a run keeps temporary copies; removed when it is complete."""
    return output.with_name(output.name + ".work")


@attrs.frozen(kw_only=True)
class Target:
    """Where the predict stage writes: arrays whose voxel 0 is voxel ``origin`` of the output's (or model's) grid."""

    probability: Any
    label: Any | None
    """None for a working copy on the model's grid, which is thresholded after resampling."""
    origin: Triple
    digests: bool
    """Whether these are the final arrays, whose chunks the journal vouches for."""

    def write(self, box: Box, result: Predicted) -> dict[str, str]:
        """Write the part of ``result`` (which fills ``box``) that lies in the arrays."""
        local = box.shift([-o for o in self.origin]).intersect(Box.of_shape(self.probability.shape))
        inner = local.shift([o - s for o, s in zip(self.origin, box.start, strict=True)]).slices
        self.probability[local.slices] = result.probability[inner]
        if self.label is not None:
            self.label[local.slices] = result.label[inner]
        if not self.digests:
            return {}
        arrays = [self.probability] if self.label is None else [self.probability, self.label]
        return {key: value for array in arrays for key, value in chunk_digests(array, local).items()}

    def read(self, array: Any, box: Box) -> npt.NDArray[Any]:
        """Voxels ``box`` of ``array``."""
        return np.asarray(array[box.shift([-o for o in self.origin]).slices])


def direct_target(plan: Plan, output: OmeOutput) -> Target:
    label = output.labels[plan.organelle.name]
    return Target(probability=output.image, label=label, origin=plan.roi.start, digests=True)


def working_target(plan: Plan) -> Target:
    """Arrays in the work folder that cover whole tiles: float32 on the model's grid, or the output's own dtypes."""
    import zarr

    boxes = [plan.grids.output_box(tile) for tile in plan.tiles]
    start = triple([min(b.start[axis] for b in boxes) for axis in range(3)])
    shape = triple([max(b.stop[axis] for b in boxes) - start[axis] for axis in range(3)])
    folder = work_folder(plan.output)
    resampled = plan.grids.route == "two stages"

    def open_or_create(name: str, dtype: str) -> Any:
        path = folder / name
        if (path / ".zarray").exists():
            return zarr.open_array(path, mode="r+")
        return zarr.create_array(path, shape=shape, dtype=dtype, chunks=plan.grids.chunk, zarr_format=2, fill_value=0)

    return Target(
        probability=open_or_create("probability", "float32" if resampled else plan.prob_dtype),
        label=None if resampled else open_or_create("label", "uint8"),
        origin=start,
        digests=False,
    )
