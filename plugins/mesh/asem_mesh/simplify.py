"""Fewer triangles, as long as the surface stays where it is."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock

import attrs
import numpy as np

from asem_mesh.distance import Sampled, apart
from asem_mesh.smooth import restore
from asem_mesh.surface import Flags, Frame, Mesh, enclosed_nm3, loose_edges_nm

KEPT = (0.05, 0.1, 0.2, 0.4, 0.7)
"""Shares of the triangles that are tried."""
_TETRAHEDRON = 4
_ROUNDS, _FEW, _HELD = 4, 0.02, 2
"""Attempts with a share; triangles, as a part of all, that may be held; how far around a place, in spacings."""
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

    Where a few places of a large mesh stand against that, triangles near them are kept as they are.

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
    caps = frame.caps(mesh)
    for kept in KEPT if error_nm > 0 else ():
        held = np.zeros(len(mesh.faces), bool)
        for _ in range(_ROUNDS):
            found = _collapse(mesh, kept, caps=caps, held=held)
            if len(found.faces) < _TETRAHEDRON:
                break
            wrong = loose_edges_nm(found)
            if not len(wrong):
                found = restore(found, frame, volume_nm3=volume, most_nm=error_nm)
                sampled, most = Sampled.of(found, spacing_nm=spacing_nm), int(_FEW * len(mesh.faces))
                off = apart(sampled, full, enough_nm=error_nm, most=most)
                if off.nm <= error_nm:
                    return Simplified(mesh=found, error_nm=off.nm)
                wrong = off.beyond_nm
            held = held | full.near(wrong, nm=_HELD * spacing_nm)
            if held.sum() > _FEW * len(mesh.faces):
                break
    return Simplified(mesh=mesh, error_nm=0.0)


def reduce(mesh: Mesh, frame: Frame, *, triangles: int, spacing_nm: float) -> Simplified:
    """``mesh`` with about ``triangles`` at most, for looking at: it may be open, and the error is what it comes to."""
    if len(mesh.faces) <= triangles:
        return Simplified(mesh=mesh, error_nm=0.0)
    caps = frame.caps(mesh)
    found = _collapse(mesh, triangles / len(mesh.faces), caps=caps, held=np.zeros_like(caps))
    both = (Sampled.of(each, spacing_nm=spacing_nm) for each in (found, mesh))
    return Simplified(mesh=found, error_nm=apart(*both, enough_nm=np.inf).nm)


def _collapse(mesh: Mesh, kept: float, *, caps: Flags, held: Flags) -> Mesh:
    """``mesh`` with about the share ``kept`` of its triangles, and all that are ``held``.

    Caps are collapsed by themselves, so that they stay flat and end where they did.
    """
    near = mesh.vertices_nm[0]  # far from the origin squares of coordinates would hide how far things lie apart
    shifted = mesh.vertices_nm - near
    found = [
        _collapse_part(Mesh(vertices_nm=shifted, faces=mesh.faces[rows]).compact(), share)
        for rows, share in ((~caps & ~held, kept), (caps & ~held, kept), (held, 1.0))
        if rows.any()
    ]
    whole = _without_flat(_welded(found))
    return attrs.evolve(whole, vertices_nm=whole.vertices_nm + near)


def _without_flat(mesh: Mesh) -> Mesh:
    """Without triangles that lie back to back: what is left of a part that was collapsed until nothing was inside."""
    _, which, count = np.unique(np.sort(mesh.faces, axis=1), axis=0, return_inverse=True, return_counts=True)
    return attrs.evolve(mesh, faces=mesh.faces[count[which.ravel()] == 1]).compact()


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
    if count >= len(part.faces):  # a cap may be a single triangle; what is held stays
        return part
    with _ALONE:
        vertices, faces = collapse(
            part.vertices_nm, part.faces.astype(np.int32), target_count=count, preserve_border=True
        )
    return Mesh(vertices_nm=vertices, faces=np.asarray(faces, np.int64))
