"""A page that tells what an analysis measured, from its output folder.

==============  =================================================================
``write``       output folders in, one page out
``comparison``  cells of several conditions, side by side
``folder``      an output folder, read back; ``needs``: what a report may lack
``parts``       what a report is made of: numbers, figures, galleries, methods
``figures``     figures as HTML
``page``        the file, which needs no other; ``files``: figures and tables beside it
``added``       figures that plugins add to the page of an analysis
``objects``     the report of `asem analyze objects`; ``plain``: of any analysis
``methods``     the parameters in words; ``provenance``: where numbers come from
==============  =================================================================
"""

from typing import TYPE_CHECKING

from asem_core.lazy import lazy_names

if TYPE_CHECKING:
    from asem_core.reporting.comparison.cells import Comparison
    from asem_core.reporting.figures import BLUE, GREY, ORANGE, map_3d, new_figure, picture, table
    from asem_core.reporting.needs import need_variables
    from asem_core.reporting.parts import Card, Figure, Gallery, Number, Quality, Report
    from asem_core.reporting.write import report

__all__ = [
    "BLUE", "GREY", "ORANGE", "Card", "Comparison", "Figure", "Gallery", "Number", "Quality", "Report", "map_3d",
    "need_variables", "new_figure", "picture", "report", "table",
]  # fmt: skip
__getattr__, __dir__ = lazy_names(__name__)
