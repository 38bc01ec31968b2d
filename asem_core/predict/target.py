"""Where tiles are written: the output itself, or a working copy that is delivered from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.blocks.fill import Run
from asem_core.geometry import Box, Triple, triple
from asem_core.predict.plan import Plan
from asem_core.predict.quantise import Predicted
from asem_core.volume.formats.ome_write import IMAGE


@attrs.frozen(kw_only=True)
class Target:
    """Arrays whose voxel 0 is voxel ``origin`` of the output's (or model's) grid."""

    probability: Any
    label: Any | None
    """None for a working copy on the model's grid, which is thresholded after resampling."""
    origin: Triple
    _store: Callable[[Box, Predicted], dict[str, str]]

    def write(self, box: Box, result: Predicted) -> dict[str, str]:
        """Write the part of ``result`` (which fills ``box``) that lies in the arrays; the digests of its pieces."""
        local = box.shift([-o for o in self.origin]).intersect(Box.of_shape(self.probability.shape))
        inner = local.shift([o - s for o, s in zip(self.origin, box.start, strict=True)]).slices
        return self._store(local, Predicted(probability=result.probability[inner], label=result.label[inner]))

    def read(self, array: Any, box: Box) -> npt.NDArray[Any]:
        """Voxels ``box`` of ``array``."""
        return np.asarray(array[box.shift([-o for o in self.origin]).slices])


def direct_target(plan: Plan, run: Run) -> Target:
    """The output's own arrays."""
    name, output = plan.organelle.name, run.output

    def store(local: Box, result: Predicted) -> dict[str, str]:
        found: dict[str, str] = output.write(local, {IMAGE: result.probability, name: result.label})
        return found

    return Target(probability=output.image, label=output.labels[name], origin=plan.roi.start, store=store)


def working_target(plan: Plan, run: Run) -> Target:
    """Temporary arrays that cover whole tiles: float32 on the model's grid, or the output's own dtypes."""
    boxes = [plan.grids.output_box(tile) for tile in plan.tiles]
    start = triple([min(b.start[axis] for b in boxes) for axis in range(3)])
    shape = triple([max(b.stop[axis] for b in boxes) - start[axis] for axis in range(3)])
    resampled = plan.grids.route == "two stages"
    dtype = "float32" if resampled else plan.prob_dtype
    probability = run.array("probability", shape=shape, dtype=dtype, chunk=plan.tile_chunk)
    label = None if resampled else run.array("label", shape=shape, dtype="uint8", chunk=plan.tile_chunk)
    write, write_label = run.writer(probability), None if label is None else run.writer(label)

    def store(local: Box, result: Predicted) -> dict[str, str]:
        found = write(local, result.probability)
        return found if write_label is None else found | write_label(local, result.label)

    return Target(probability=probability, label=label, origin=start, store=store)
