"""What a runtime hands over: a graph ready to run on blocks of one size."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt


class Session(Protocol):
    """A network opened for cubes of ``side`` voxels."""

    @property
    def runtime(self) -> str:
        """Name of the runtime, and of the device it really runs on."""
        ...

    @property
    def precision(self) -> str:
        """Arithmetic in use: ``f32``, ``bf16`` or ``f16``."""
        ...

    def run(self, block: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Probability ``(side, side, side)`` of a preprocessed block of the same shape."""
        ...
