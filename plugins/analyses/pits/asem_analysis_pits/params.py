"""What can be set in ``asem analyze pits``."""

from __future__ import annotations

from pathlib import Path

import attrs
from attrs import validators


@attrs.frozen(kw_only=True)
class Pits:
    """Parameters of `measure_pits`."""

    near_nm: float = attrs.field(default=400.0, validator=validators.gt(0))
    """An object that is not at the plasma membrane is an endocytic vesicle up to this distance from it, and secretory
    beyond."""
    touch_voxels: float = attrs.field(default=2.0, validator=validators.gt(0))
    """An object is at the plasma membrane where it comes closer than this many of the longest voxel edge."""
    open_neck_nm: float = attrs.field(default=40.0, validator=validators.gt(0))
    """A pit with a wider neck is early, any other late."""
    coat: float | None = attrs.field(default=None, validator=validators.optional(validators.gt(0)))
    """Enhancement of the wall over the plain membrane from which an object is coated and no caveola; by default Otsu's
    threshold over the objects at the membrane, between 1.3 and 2."""
    min_volume_nm3: float = attrs.field(default=20_000.0, validator=validators.ge(0))
    """Smaller objects are left out."""
    max_length_nm: float = attrs.field(default=400.0, validator=validators.gt(0))
    """Objects that are longer along an axis have a row but no sizes: they are no single pit."""
    review: Path | None = None
    """Table review.csv of an earlier run, edited by a person: rejects objects, sets their class, neck or height."""
