"""The exclusion zone: voxels so near the boundary of the ground truth that they are not scored.

Which voxels those are, a registered `ExclusionZoneSpec` says; this module applies it to a grid, block by block.
"""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.errors import PluginError
from asem_core.geometry import Triple, VoxelSize, triple
from asem_core.grid.reference import on_grid
from asem_core.params import make_params
from asem_core.registry import Registry, resolve
from asem_core.specs import ExclusionZoneSpec, StageRef

Mask = npt.NDArray[np.bool_]


@attrs.frozen(kw_only=True)
class Zone:
    """A registered exclusion zone with its parameters."""

    spec: ExclusionZoneSpec
    params: Any

    def halo(self, voxel_size: VoxelSize) -> Triple:
        """Voxels around a block, z, y, x, that decide which of its voxels are excluded.

        Raises
        ------
        PluginError
            The zone's own function gives no three whole numbers >= 0.
        """
        if self.spec.halo is None:
            return (0, 0, 0)
        halo = resolve(self.spec.halo)(voxel_size, self.params)
        if len(halo) != 3 or not all(int(h) == h >= 0 for h in halo):
            raise PluginError(f"the halo of the zone {self.spec.name} must be whole numbers >= 0 (z, y, x), got {halo}")
        return triple([int(h) for h in halo])

    def excluded(self, inside: Mask, *, voxel_size: VoxelSize) -> Mask:
        """Which voxels of ``inside`` are not scored.

        Parameters
        ----------
        inside
            ``(z, y, x)``: where the ground truth has the organelle, in a block and `halo` voxels around it; False
            outside the volume.

        Returns
        -------
        ndarray of bool
            Shape of ``inside``; in the halo it means nothing.

        Raises
        ------
        PluginError
            The zone's own function gives anything else.
        """
        inside.setflags(write=False)
        found = resolve(self.spec.fn)(inside, voxel_size=voxel_size, params=self.params)
        if not isinstance(found, np.ndarray) or (found.dtype, found.shape) != (np.bool_, inside.shape):
            got = f"{found.dtype} {found.shape}" if isinstance(found, np.ndarray) else type(found).__name__
            raise PluginError(f"the exclusion zone {self.spec.name} must give bool {inside.shape}, got {got}")
        return found

    def on(self, voxel_size: VoxelSize) -> dict[str, Any]:
        """For JSON: name, version and parameters, and what widths and volumes are on a grid, in voxels and in nm."""
        return {
            "name": self.spec.name, "version": self.spec.version, "params": attrs.asdict(self.params),
            "on_grid": on_grid(self.params, voxel_size),
        }  # fmt: skip


def make_zone(zone: StageRef, registry: Registry) -> Zone:
    """Look ``zone`` up and check its parameters.

    Raises
    ------
    PluginError
        Unknown zone or parameter.
    """
    spec = registry.exclusion_zones[zone.name]
    return Zone(spec=spec, params=make_params(spec, zone.params))
