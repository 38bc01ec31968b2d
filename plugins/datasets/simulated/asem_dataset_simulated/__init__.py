"""Simulated FIB-SEM cut-outs of tissue with known mitochondria.

`simulate_cell` makes a whole volume; `make_scene` and `render` make it block by block. Axes are zyx, lengths nm.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_PUBLIC = {
    "Scene": "tissue.scene",
    "SimulatedCell": "tissue.cutout",
    "make_scene": "tissue.assemble",
    "render": "tissue.draw",
    "simulate_cell": "tissue.cutout",
    "write_cell": "write",
}
__all__ = sorted(_PUBLIC)


def __getattr__(name: str) -> Any:
    """Public names are imported on use: the package is also imported whenever `asem` lists its plugins."""
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PUBLIC[name]}"), name)
