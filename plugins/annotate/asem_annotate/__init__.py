"""Annotation of organelles in volume electron microscopy: seeds, supervoxels, graph cut, correction. Axes z, y, x.

=================  ===================================================================================
``cutting``        the verb `cut`: a volume and seeds into labels
``correcting``     the verb `correct`: a prediction and strokes into labels, and a volume to train on
``region``         what both open, ``scene``: what is read of it at once, ``prediction``: the probability map on it
``by_blocks``      the cut of a region that is too large for that, by a ``survey`` of all of it
``write``          what both write; ``store``: prepared volumes
``settings``       every parameter, and the presets of organelles
``prepared``       all that does not depend on seeds: of ``supervoxels`` (``kernels``) and ``graph``
``labelling``      seeds into labels: of ``energy``, ``mincut`` and ``mixture``
``correction``     strokes into changes of a prediction
``sections``       labels between annotated sections
``brush``          balls along a line, and buckets
``tidying``        the clean-up and dilation of an organelle
``proofread``      objects merged, split and judged, with a log: a package of its own
=================  ===================================================================================
"""

from typing import TYPE_CHECKING

from asem_core.lazy import lazy_names

if TYPE_CHECKING:
    from asem_annotate.brush import fill, paint
    from asem_annotate.correcting import Correction, correct
    from asem_annotate.correction import Corrected, correct_labels
    from asem_annotate.cutting import Cut, cut
    from asem_annotate.energy import boundary_costs
    from asem_annotate.labelling import solve
    from asem_annotate.prepared import Prepared, prepare
    from asem_annotate.sections import interpolate
    from asem_annotate.settings import Settings, choose_settings
    from asem_annotate.tidying import tidy

__all__ = [
    "Corrected",
    "Correction",
    "Cut",
    "Prepared",
    "Settings",
    "boundary_costs",
    "choose_settings",
    "correct",
    "correct_labels",
    "cut",
    "fill",
    "interpolate",
    "paint",
    "prepare",
    "solve",
    "tidy",
]
__getattr__, __dir__ = lazy_names(__name__)
