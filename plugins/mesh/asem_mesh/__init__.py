"""Surfaces of segmented objects, and films of them. Axes z, y, x; nm.

=================  ==================================================================================
``run``            `make_meshes`: labels in, a folder of meshes out
``surface``        the triangles between voxels, and pieces of a surface joined
``pieces``         surfaces of all objects, block by block on disk
``smooth``         without the steps of the voxels, and of the same volume
``simplify``       fewer triangles; ``distance``: as long as the surface stays where it is
``film``           turning, or with a section that goes through
``formats``        PLY, OBJ, GLB, STL, neuroglancer's; ``measured``: the numbers that go with them
=================  ==================================================================================
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_PUBLIC = {
    "Mesh": "surface",
    "Meshes": "run",
    "make_meshes": "run",
    "make_movie": "film.shoot",
    "read_precomputed": "formats",
}
__all__ = sorted(_PUBLIC)


def __getattr__(name: str) -> Any:
    """Public names are imported on use: the package is also imported whenever `asem` lists its plugins."""
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PUBLIC[name]}"), name)
