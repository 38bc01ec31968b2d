"""Surfaces of segmented objects, and films of them. Axes z, y, x; nm.

=================  ==================================================================================
``run``            `make_meshes`: labels in, a folder of meshes out
``surface``        the triangles between voxels, and pieces of a surface joined
``pieces``         surfaces of all objects, block by block on disk
``smooth``         without the steps of the voxels, and of the same volume
``simplify``       fewer triangles; ``distance``: as long as the surface stays where it is
``largest``        the largest objects, on the page of `asem report`
``film``           turning, or with a section that goes through
``formats``        PLY, OBJ, GLB, STL, neuroglancer's; ``measured``: the numbers that go with them
=================  ==================================================================================
"""

from typing import TYPE_CHECKING

from asem_core.lazy import lazy_names

if TYPE_CHECKING:
    from asem_mesh.film.shoot import make_movie
    from asem_mesh.formats import read_precomputed
    from asem_mesh.run import Meshes, make_meshes
    from asem_mesh.surface import Mesh

__all__ = [
    "Mesh",
    "Meshes",
    "make_meshes",
    "make_movie",
    "read_precomputed",
]
__getattr__, __dir__ = lazy_names(__name__)
