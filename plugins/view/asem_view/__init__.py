"""Volumes, segmentations and measured objects in a browser. Axes z, y, x.

==============  =========================================================================
``layers``      what lies at the addresses that are given: images, probabilities, labels, objects, points
``state``       layers as the state of neuroglancer's client
``server``      client and files on 127.0.0.1; ``files``: a file or a part of it, on a disk or in a bucket
``viewing``     `view`: all of it, until it is stopped; `screenshot`
``exporting``   a folder that any web server can host
==============  =========================================================================
"""

from typing import TYPE_CHECKING

from asem_core.lazy import lazy_names

if TYPE_CHECKING:
    from asem_view.exporting import export
    from asem_view.layers import Layer, find_layers
    from asem_view.viewing import Viewer, view

__all__ = [
    "Layer",
    "Viewer",
    "export",
    "find_layers",
    "view",
]
__getattr__, __dir__ = lazy_names(__name__)
