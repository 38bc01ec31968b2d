"""What can be set for ``asem analyze objects``."""

from __future__ import annotations

import attrs
from attrs.validators import ge


@attrs.frozen(kw_only=True)
class Objects:
    """Parameters of the analysis ``objects``."""

    min_volume_nm3: float = attrs.field(default=3375.0, validator=ge(0))
    """Smaller objects are left out; the default is 27 voxels of 5 nm, the paper's clean-up."""
    contact_nm: float = attrs.field(default=30.0, validator=ge(0))
    """A piece of surface is in contact with another organelle where that is at most this far; 0: where they touch."""
    skeleton: bool = True
    """Measure skeletons: length, branches, ends, loops."""
    skeleton_max_voxels: int = attrs.field(default=50_000_000, validator=ge(1))
    """No skeleton for objects whose bounding box has more voxels: it is held in memory, 24 bytes a voxel in
    every thread."""
    instances: bool = True
    """Also write instances.zarr, the id of every voxel."""
