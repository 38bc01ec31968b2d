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

from __future__ import annotations

from importlib import import_module
from typing import Any

_PUBLIC = {
    "Corrected": "correction",
    "Correction": "correcting",
    "Cut": "cutting",
    "Prepared": "prepared",
    "Settings": "settings",
    "boundary_costs": "energy",
    "choose_settings": "settings",
    "correct": "correcting",
    "correct_labels": "correction",
    "cut": "cutting",
    "fill": "brush",
    "interpolate": "sections",
    "paint": "brush",
    "prepare": "prepared",
    "solve": "labelling",
    "tidy": "tidying",
}
__all__ = sorted(_PUBLIC)


def __getattr__(name: str) -> Any:
    """Public names are imported on use: the package is also imported whenever `asem` lists its plugins."""
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PUBLIC[name]}"), name)
