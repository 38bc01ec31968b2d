"""The cell mask: which voxels of a volume are cell, by grey level and shape alone.

============  ==============================================================================
``resin``     the grey level above which is empty resin, from the image itself
``steps``     thresholds, opening, closing; small holes and objects; pure functions on arrays
``build``     a volume into an OME-Zarr: holes and objects are found across blocks; a summary
============  ==============================================================================

Its picture is drawn by `asem_core.draw.mask`.
"""

from asem_core.mask.build import MaskSummary, make_mask
from asem_core.mask.steps import CellMask

__all__ = ["CellMask", "MaskSummary", "make_mask"]
