"""The grid that one tile of a cell is painted on."""

from __future__ import annotations

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from asem_dataset_simulated.cell.style import Style
from asem_dataset_simulated.noise import Float
from asem_dataset_simulated.shapes import Axes, Part

LABELS = ("cell", "nucleus", "envelope", "er", "golgi", "mito", "pore", "ccp", "caveola", "lysosome", "lipid")
"""Label images: `golgi`, `mito`, `pore`, `ccp`, `lysosome` and `lipid` hold a number per object, the rest 0 and 1."""
WHOLE: Part = (slice(None), slice(None), slice(None))


@frozen(eq=False)
class Canvas:
    """One tile with its halo.

    Attributes
    ----------
    grey : float32 (nz, ny, nx)
        Grey value before the microscope.
    labels : uint16 (nz, ny, nx) each
        Ground truth, by name.
    wave, ripple, grain : float32 (nz, ny, nx)
        Smooth unit noise, features about 180, 70 and 25 nm wide.
    voxel_nm : float
        Smoothing length of thin layers: the root mean square voxel edge.
    """

    axes: Axes
    style: Style
    grey: Float
    labels: dict[str, NDArray[np.uint16]]
    wave: Float
    ripple: Float
    grain: Float
    voxel_nm: float

    def blend(self, part: Part, share: Float, grey: Float | float) -> None:
        """Move the grey values of ``part`` towards ``grey`` by ``share`` (0..1)."""
        view = self.grey[part]
        view += share * (np.asarray(grey, np.float32) - view)

    def mark(self, name: str, part: Part, where: NDArray[np.bool_], label: int = 1) -> None:
        """Set the truth."""
        self.labels[name][part][where] = label

    def clear(self, part: Part, where: NDArray[np.bool_]) -> None:
        """No organelle here after all: something else lies in front."""
        for name in ("er", "golgi", "mito", "lysosome", "lipid"):
            self.labels[name][part][where] = 0
