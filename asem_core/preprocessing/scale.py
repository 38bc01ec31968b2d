"""The fixed scale that every model of our zoo begins with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.geometry import Box, VoxelSize


@attrs.frozen(kw_only=True)
class ScaleLinear:
    """``gain * raw + offset``; the defaults bring 0..255 to -1..1."""

    gain: float = 2.0 / 255.0
    offset: float = -1.0


def scale_linear(
    raw: npt.NDArray[Any], *, box: Box, voxel_size: VoxelSize, stats: Mapping[str, Any], params: ScaleLinear
) -> npt.NDArray[np.float32]:
    """``params.gain * raw + params.offset`` as float32, same shape ``(z, y, x)``."""
    scaled = raw.astype(np.float32)
    scaled *= np.float32(params.gain)
    scaled += np.float32(params.offset)
    return scaled
