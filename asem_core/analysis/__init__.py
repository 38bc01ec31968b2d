"""Measurements on segmentations: what an analysis is given, how it runs, and the tables that it leaves.

==============  ================================================================
``run``         inputs in, a folder of tables out, complete or absent
``view``        what an analysis is given, opened and checked
``instances``   the objects, counted from 1
``tables``      one data set as Zarr, CSV and Parquet
``objects``     the analysis that core brings
==============  ================================================================
"""

from typing import TYPE_CHECKING

from asem_core.lazy import lazy_names

if TYPE_CHECKING:
    from asem_core.analysis.instances import Numbered, number_objects
    from asem_core.analysis.objects.analysis import INSTANCES
    from asem_core.analysis.objects.blocks import middle, sum_blocks
    from asem_core.analysis.objects.faces import Faces, surface_faces, surface_halo
    from asem_core.analysis.run import analyze
    from asem_core.analysis.tables import write_tables
    from asem_core.analysis.view import View, open_view

__all__ = [
    "INSTANCES", "Faces", "Numbered", "View", "analyze", "middle", "number_objects", "open_view", "sum_blocks",
    "surface_faces", "surface_halo", "write_tables",
]  # fmt: skip
__getattr__, __dir__ = lazy_names(__name__)
