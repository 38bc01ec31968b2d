"""The grid that one tile of a cell is painted on."""

from __future__ import annotations

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from asem_dataset_simulated.canvas import Canvas
from asem_dataset_simulated.cell.style import Style
from asem_dataset_simulated.noise import Float
from asem_dataset_simulated.shapes import Part


@frozen(eq=False, kw_only=True)
class CellCanvas(Canvas):
    """A tile with its truth: uint16 (nz, ny, nx) by name."""

    style: Style
    labels: dict[str, NDArray[np.uint16]]

    def membrane(self, part: Part, distance: Float, grey: Float | float, *, wall_nm: float) -> None:
        """Paint a lumen inside a membrane of this style."""
        stain = self.stain(part)
        self.walled(part, distance, grey, wall_nm=self.style.wall * wall_nm, wall_grey=stain)

    def stain(self, part: Part) -> Float | float:
        """Grey value of membranes, which take the stain unevenly."""
        if not self.style.patchiness:
            return self.style.membrane
        return self.style.membrane + self.style.patchiness * self.wave[part]

    def mark(self, name: str, part: Part, where: NDArray[np.bool_], label: int = 1) -> None:
        """Set the truth."""
        self.labels[name][part][where] = label

    def clear(self, part: Part, where: NDArray[np.bool_]) -> None:
        """No organelle here after all: something else lies in front."""
        for name in ("er", "golgi", "mito", "lysosome", "lipid"):
            self.labels[name][part][where] = 0
