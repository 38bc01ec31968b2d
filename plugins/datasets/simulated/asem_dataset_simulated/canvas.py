"""The grid that one tile is painted on, and the ways to paint that tissue and cells share."""

from __future__ import annotations

import numpy as np
from attrs import frozen

from asem_dataset_simulated.noise import Float
from asem_dataset_simulated.shapes import Axes, Part, inside, layer


@frozen(eq=False, kw_only=True)
class Canvas:
    """One tile with its halo.

    Attributes
    ----------
    grey : float32 (nz, ny, nx)
        Grey value before the microscope.
    wave, ripple, grain : float32 (nz, ny, nx)
        Smooth unit noise, features about 180, 70 and 25 nm wide.
    voxel_nm : float
        Smoothing length of thin layers: the root mean square voxel edge.
    """

    axes: Axes
    grey: Float
    wave: Float
    ripple: Float
    grain: Float
    voxel_nm: float

    def blend(self, part: Part, share: Float, grey: Float | float) -> None:
        """Move the grey values of ``part`` towards ``grey`` by ``share`` (0..1)."""
        view = self.grey[part]
        view += share * (np.asarray(grey, np.float32) - view)

    def walled(
        self, part: Part, distance: Float, grey: Float | float, *, wall_nm: float, wall_grey: Float | float
    ) -> None:
        """Paint a lumen of one grey value inside a membrane, from the ``distance`` to the membrane's outer face."""
        self.blend(part, inside(distance, self.voxel_nm), grey)
        self.blend(part, layer(distance, -wall_nm, 0.0, self.voxel_nm), wall_grey)
