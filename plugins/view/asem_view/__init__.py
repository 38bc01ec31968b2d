"""Volumes, segmentations and measured objects in a browser. Axes z, y, x.

==============  =========================================================================
``layers``      what lies at the addresses that are given: images, probabilities, labels, objects, points
``state``       layers as the state of neuroglancer's client
``server``      client and files on 127.0.0.1
``viewing``     `view`: all of it, until it is stopped; `screenshot`
``exporting``   a folder that any web server can host
==============  =========================================================================
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_PUBLIC = {"Layer": "layers", "Viewer": "viewing", "export": "exporting", "find_layers": "layers", "view": "viewing"}
__all__ = sorted(_PUBLIC)


def __getattr__(name: str) -> Any:
    """Public names are imported on use: the package is also imported whenever `asem` lists its plugins."""
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PUBLIC[name]}"), name)
