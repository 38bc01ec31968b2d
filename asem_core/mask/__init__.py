"""The cell mask: which voxels of a volume are cell, by grey level and shape alone.

::

    thresholds -> opening -> closing            steps.py: pure functions, context of a few voxels
      -> small holes filled -> small objects    steps.py for arrays, build.py for volumes (global components)
      -> OME-Zarr, summary, picture             build.py, preview.py
"""

from asem_core.mask.build import MaskSummary, make_mask
from asem_core.mask.steps import CellMask, cell_mask

__all__ = ["CellMask", "MaskSummary", "cell_mask", "make_mask"]
