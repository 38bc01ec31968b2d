"""Objects that touch, told apart: a watershed by dynamics of the distance to the background. Axes z, y, x.

==============  =========================================================================
``run``         `instances`: a probability map or a mask into an OME-Zarr with an id per object
``inside``      the same inside the run of another job, such as `asem_core.segment`
``height``      how far inside its organelle every voxel is
``basins``      the peak that every voxel of a block climbs to
``saddles``     how high a path from one basin to another can stay
``merge``       which basins are one object
``blocks``      all of it, block by block: the same voxels as of the whole volume
==============  =========================================================================

Heights are whole numbers (`height.UNITS_PER_NM`) and ties are decided by the place in the volume, so that no result
depends on how the volume is cut or in which order blocks are done.
"""

from typing import TYPE_CHECKING

from asem_core.lazy import lazy_names

if TYPE_CHECKING:
    from asem_core.separation.inside import Separated
    from asem_core.separation.run import instances

__all__ = ["Separated", "instances"]
__getattr__, __dir__ = lazy_names(__name__)
