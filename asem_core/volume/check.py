"""Values that the network cannot take."""

from __future__ import annotations

import numpy as np

from asem_core.errors import VolumeError
from asem_core.geometry import Box
from asem_core.progress import Progress, silent
from asem_core.volume.staging import read_unit, slabs
from asem_core.volume.volume import Volume


def check_values(volume: Volume, *, box: Box | None = None, progress: Progress = silent) -> None:
    """Stream through ``box`` of a float ``volume`` (all of it) and refuse values outside [0, 1]; integers pass unread.

    Raises
    ------
    VolumeError
        Names the first voxel (z,y,x) in reading order that is NaN, infinite or out of range.
    """
    if volume.dtype.kind != "f":
        return
    boxes = list(slabs(box or volume.box, read_unit(volume), volume.dtype.itemsize))
    for done, slab in enumerate(boxes):
        progress("checking values", done, len(boxes))
        values = volume.read(slab)
        bad = ~((values >= 0) & (values <= 1))  # NaN compares false
        if bad.any():
            place = np.unravel_index(int(bad.argmax()), bad.shape)
            voxel = ",".join(str(int(i) + a) for i, a in zip(place, slab.start, strict=True))
            raise VolumeError(
                f"{volume.uri}: voxel {voxel} (z,y,x) is {values[place]}; floating-point images must lie in [0, 1]: "
                "rescale it, or convert it to uint8"
            )
    progress("checking values", len(boxes), len(boxes))
