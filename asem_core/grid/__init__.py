"""From one grid to another: where volumes lie in each other's voxels, and what their voxels are on another grid.

==============  ===========================================================================
``place``       one volume in the voxels of another: by shape or position; cut, paste
``mirror``      reading past a volume's faces
``resample``    arrays to another voxel size, images and labels, block by block
``regrid``      a volume to another voxel size, as an OME-Zarr
``reference``   widths and volumes in voxels of the 5 nm grid, on the grid at hand
==============  ===========================================================================
"""

from typing import TYPE_CHECKING

from asem_core.lazy import lazy_names

if TYPE_CHECKING:
    from asem_core.grid.place import Placed, clip, cut, overlap, paste
    from asem_core.grid.reference import VOLUME, WIDTH, scale_volume, scale_width
    from asem_core.grid.resample import resample_labels, source_box

__all__ = [
    "VOLUME", "WIDTH", "Placed", "clip", "cut", "overlap", "paste", "resample_labels", "scale_volume", "scale_width",
    "source_box",
]  # fmt: skip
__getattr__, __dir__ = lazy_names(__name__)
