"""Pictures of volumes: PNG files, and pictures in the pages of a report.

=================  ==========================================================================
``overlay``        planes of raw with a segmentation, and with ground truth its errors
``before_after``   a plane before and after a change of its grey levels
``mask``           three planes with what lies outside the cell mask tinted
``cover``          the cover of a model package
``lines``          lines over a grey picture of a gallery, with a scale bar
``planes``         which planes are shown, and reading just those
``png``            files that say that ASEM drew them, and replace only such
``paint``          grey levels, fills and outlines on arrays
``figure``         title, panels, scale bar and legend on one sheet
=================  ==========================================================================
"""
