"""Pictures of volumes: PNG files, and pictures in the pages of a report.

=================  ==========================================================================
``overlay``        planes of raw with a segmentation, and with ground truth its errors
``before_after``   a plane before and after a change of its grey levels
``mask``           three planes with what lies outside the cell mask tinted
``cover``          the cover of a model package
``notebook``       slices as HTML for notebooks
``lines``          lines over a grey picture of a gallery, with a scale bar
``planes``         which planes are shown, and reading just those
``png``            files that say that ASEM drew them, and replace only such
``colours``        the colour of each organelle
``paint``          grey levels, fills and outlines on arrays
``figure``         title, panels, scale bar and legend on one sheet
=================  ==========================================================================
"""

from typing import TYPE_CHECKING

from asem_core.lazy import lazy_names

if TYPE_CHECKING:
    from asem_core.draw.colours import RED, Rgb, hex_colour, organelle_colour
    from asem_core.draw.figure import LegendEntry, Panel, compose
    from asem_core.draw.lines import BAR_NM, SMOOTH, draw_over
    from asem_core.draw.notebook import Slices, glance, show
    from asem_core.draw.overlay import check_figures, draw_evaluation, draw_segmentation
    from asem_core.draw.paint import Colour, Picture, display_shape, grey, outline, resize_mask, round_length
    from asem_core.draw.planes import CANDIDATES, Plane, read_plane
    from asem_core.draw.png import check_png, save_png

__all__ = [
    "BAR_NM", "CANDIDATES", "RED", "SMOOTH", "Colour", "LegendEntry", "Panel", "Picture", "Plane", "Rgb", "Slices",
    "check_figures", "check_png", "compose", "display_shape", "draw_evaluation", "draw_over", "draw_segmentation",
    "glance", "grey", "hex_colour", "organelle_colour", "outline", "read_plane", "resize_mask", "round_length",
    "save_png", "show",
]  # fmt: skip
__getattr__, __dir__ = lazy_names(__name__)
