"""Simulated FIB-SEM volumes in which everything is known. Axes are zyx, lengths nm.

A cell: `make_cell` draws one from a `CellSpec`, `render_cell` any box of a `View` of it, `write_view` the view to disk;
`find_cell` gives the named cells. A cut-out of tissue: `simulate_tissue`, or `make_scene` and `render` block by block.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_PUBLIC = {
    "CellSpec": "cell.scene",
    "Request": "simulate",
    "View": "cell.draw",
    "find_cell": "cell.named",
    "make_cell": "cell.scene",
    "make_view": "simulate",
    "render_cell": "cell.draw",
    "simulate_to": "simulate",
    "write_view": "cell.write",
    "Scene": "tissue.scene",
    "SimulatedTissue": "tissue.cutout",
    "make_scene": "tissue.assemble",
    "render": "tissue.draw",
    "simulate_tissue": "tissue.cutout",
    "write_tissue": "tissue.write",
}
__all__ = sorted(_PUBLIC)


def __getattr__(name: str) -> Any:
    """Public names are imported on use: the package is also imported whenever `asem` lists its plugins."""
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PUBLIC[name]}"), name)
