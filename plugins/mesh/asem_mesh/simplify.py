"""Fewer triangles, as long as the surface stays where it is."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock

import attrs
import numpy as np

from asem_mesh.distance import Sampled, deviation_nm
from asem_mesh.smooth import restore
from asem_mesh.surface import Frame, Mesh, enclosed_nm3, is_closed

KEPT = (0.05, 0.1, 0.2, 0.4, 0.7)
"""Shares of the triangles that are tried."""
_TETRAHEDRON = 4
_ALONE = Lock()
"""The library keeps what it works on in global variables, and lets other threads run meanwhile: two at once mix their
meshes."""


@attrs.frozen(kw_only=True, eq=False)
class Simplified:
    """A mesh of fewer triangles, and how far it is from the one that it was made of."""

    mesh: Mesh
    error_nm: float


def simplify(mesh: Mesh, frame: Frame, *, error_nm: float, spacing_nm: float) -> Simplified:
    """``mesh`` with the least share of `KEPT` with which it stays closed and moves by ``error_nm`` at most, or itself.

    Parameters
    ----------
    mesh
        Closed.
    frame
        Where the volume ends.
    error_nm
        Hausdorff distance, both ways; it is measured.
    spacing_nm
        The error is measured at all vertices, and at places on the simplified surface at most so far apart.

    Notes
    -----
    Edges are collapsed by quadrics (Garland and Heckbert 1997, SIGGRAPH 209), by the library fast-simplification. What
    that takes from the volume is added along the normals, before the distance is measured.
    """
    volume, full = enclosed_nm3(mesh), Sampled.of(mesh, spacing_nm=spacing_nm)
    parts = _parts(mesh, frame)
    for kept in KEPT if error_nm > 0 else ():
        found = _collapse(parts, kept)
        if len(found.faces) >= _TETRAHEDRON and is_closed(found):
            found = restore(found, frame, volume_nm3=volume, most_nm=error_nm)
            error = deviation_nm(Sampled.of(found, spacing_nm=spacing_nm), full, enough_nm=error_nm)
            if error <= error_nm:
                return Simplified(mesh=found, error_nm=error)
    return Simplified(mesh=mesh, error_nm=0.0)


def reduce(mesh: Mesh, frame: Frame, *, triangles: int, spacing_nm: float) -> Simplified:
    """``mesh`` with about ``triangles`` at most, for looking at: it may be open, and the error is what it comes to."""
    if len(mesh.faces) <= triangles:
        return Simplified(mesh=mesh, error_nm=0.0)
    found = _collapse(_parts(mesh, frame), triangles / len(mesh.faces))
    both = (Sampled.of(each, spacing_nm=spacing_nm) for each in (found, mesh))
    return Simplified(mesh=found, error_nm=deviation_nm(*both, enough_nm=np.inf))


def _parts(mesh: Mesh, frame: Frame) -> list[Mesh]:
    """What is collapsed by itself: the surface, and caps, so that they stay flat and end where they did."""
    caps = frame.caps(mesh)
    return [attrs.evolve(mesh, faces=mesh.faces[rows]).compact() for rows in (~caps, caps) if rows.any()]


def _collapse(parts: Sequence[Mesh], kept: float) -> Mesh:
    """``parts`` with about the share ``kept`` of their triangles, as one."""
    return _welded([_collapse_part(part, kept) for part in parts])


def _welded(parts: Sequence[Mesh]) -> Mesh:
    """Meshes as one: vertices at one place become one, in the order z, y, x."""
    vertices = np.concatenate([part.vertices_nm for part in parts])
    offsets = np.cumsum([0, *(len(part.vertices_nm) for part in parts[:-1])])
    faces = np.concatenate([part.faces + offset for part, offset in zip(parts, offsets, strict=True)])
    loose = Mesh(vertices_nm=vertices, faces=faces).compact()
    order = np.lexsort(loose.vertices_nm.T[::-1])
    vertices = loose.vertices_nm[order]
    new = np.concatenate([[True], np.any(vertices[1:] != vertices[:-1], axis=1)])
    place = np.empty_like(order)
    place[order] = np.cumsum(new) - 1
    return Mesh(vertices_nm=vertices[new], faces=place[loose.faces])


def _collapse_part(part: Mesh, kept: float) -> Mesh:
    """``part`` with fewer triangles; edges of one triangle stay as they are."""
    from fast_simplification import simplify as collapse

    count = max(_TETRAHEDRON, round(kept * len(part.faces)))
    if count >= len(part.faces):  # a cap may be a single triangle
        return part
    near = part.vertices_nm[0]  # far from the origin squares of coordinates would hide how far things lie apart
    with _ALONE:
        vertices, faces = collapse(
            part.vertices_nm - near, part.faces.astype(np.int32), target_count=count, preserve_border=True
        )
    return Mesh(vertices_nm=vertices + near, faces=np.asarray(faces, np.int64))
