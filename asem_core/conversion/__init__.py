"""Volumes in another format, cut, or on another grid.

::

    convert.py    OME-Zarr, TIFF sections, a TIFF stack; voxels stay as they are
    regrid.py     another voxel size
"""

from asem_core.conversion.convert import convert

__all__ = ["convert"]
