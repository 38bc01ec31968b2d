"""Simulated FIB-SEM volumes in which everything is known. Axes are zyx, lengths nm.

A cell: `make_cell` draws one from a `CellSpec`, `render_cell` any box of a `View` of it, `write_view` the view to disk;
`find_cell` gives the named cells. A cut-out of tissue: `simulate_tissue`, or `make_scene` and `render` block by block.
"""

from typing import TYPE_CHECKING

from asem_core.lazy import lazy_names

if TYPE_CHECKING:
    from asem_dataset_simulated.cell.draw import View, render_cell
    from asem_dataset_simulated.cell.named import find_cell
    from asem_dataset_simulated.cell.scene import CellSpec, make_cell
    from asem_dataset_simulated.cell.write import write_view
    from asem_dataset_simulated.simulate import Request, make_view, simulate_to
    from asem_dataset_simulated.tissue.assemble import make_scene
    from asem_dataset_simulated.tissue.cutout import SimulatedTissue, simulate_tissue
    from asem_dataset_simulated.tissue.draw import render
    from asem_dataset_simulated.tissue.scene import Scene
    from asem_dataset_simulated.tissue.write import write_tissue

__all__ = [
    "CellSpec",
    "Request",
    "Scene",
    "SimulatedTissue",
    "View",
    "find_cell",
    "make_cell",
    "make_scene",
    "make_view",
    "render",
    "render_cell",
    "simulate_tissue",
    "simulate_to",
    "write_tissue",
    "write_view",
]
__getattr__, __dir__ = lazy_names(__name__)
