"""The surface of one object as triangles, and its pieces joined. Pure functions on arrays; axes z, y, x."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.geometry import FloatTriple, VoxelSize
from asem_core.volume import Volume

Points = npt.NDArray[np.float64]
Faces = npt.NDArray[np.int64]
Grid = npt.NDArray[np.int32]
Flags = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]

_BITS = 21
"""Of a half-voxel coordinate where three are packed into an int64: a million voxels per axis."""
_FLAT = 1e-3
"""Part of a voxel within which a vertex lies where the volume ends."""


@attrs.frozen(kw_only=True, eq=False)
class Mesh:
    """Triangles in the microscope's frame."""

    vertices_nm: Points
    """``(n, 3)``: z, y, x."""
    faces: Faces
    """``(m, 3)``: rows of ``vertices_nm``, counterclockwise from outside where x, y, z are right-handed."""

    def compact(self) -> Mesh:
        """Without vertices of no triangle; the others keep their order."""
        used = np.zeros(len(self.vertices_nm), bool)
        used[self.faces] = True
        place = np.cumsum(used) - 1
        return Mesh(vertices_nm=self.vertices_nm[used], faces=place[self.faces])

    @property
    def corners_nm(self) -> tuple[Points, Points, Points]:
        """The three corners of every triangle, ``(m, 3)`` each."""
        a, b, c = (self.vertices_nm[self.faces[:, corner]] for corner in range(3))
        return a, b, c


@attrs.frozen(kw_only=True)
class Frame:
    """Where a volume ends, which is where objects are cut."""

    lower_nm: FloatTriple
    upper_nm: FloatTriple
    tolerance_nm: float

    @classmethod
    def of(cls, volume: Volume) -> Frame:
        """The edges of ``volume``."""
        lower, upper = volume.box.to_nm(volume.voxel_size, origin_nm=volume.lower_edge_nm)
        return cls(lower_nm=lower, upper_nm=upper, tolerance_nm=_FLAT * min(volume.voxel_size.zyx))

    def fixed(self, mesh: Mesh) -> Flags:
        """Per vertex and axis ``(n, 3)``, whether it lies in a face of the volume and so must not move on that axis."""
        return np.zeros_like(mesh.vertices_nm, bool) if self._holds(mesh) else np.asarray(self._sides(mesh).any(axis=1))

    def caps(self, mesh: Mesh) -> Flags:
        """Per triangle ``(m,)``, whether it lies in a face of the volume."""
        if self._holds(mesh):
            return np.zeros(len(mesh.faces), bool)
        every = np.all(self._sides(mesh)[mesh.faces], axis=1)
        return np.asarray(np.any(every, axis=(1, 2)))

    def _holds(self, mesh: Mesh) -> bool:
        """Whether all of ``mesh`` is inside, and none in a face of the volume: most objects, and quickly told."""
        least, most = mesh.vertices_nm.min(axis=0), mesh.vertices_nm.max(axis=0)
        lower, upper = np.array(self.lower_nm) + self.tolerance_nm, np.array(self.upper_nm) - self.tolerance_nm
        return bool(np.all(least > lower) and np.all(most < upper))

    def _sides(self, mesh: Mesh) -> Flags:
        """Per vertex, side (lower, upper) and axis ``(n, 2, 3)``."""
        off = mesh.vertices_nm[:, None] - np.array([self.lower_nm, self.upper_nm])
        return np.asarray(np.abs(off) <= self.tolerance_nm)


@attrs.frozen(kw_only=True, eq=False)
class Piece:
    """A part of the surface of an object, its vertices halfway between two voxels."""

    halves: Grid
    """Twice the index of the vertex in the volume ``(n, 3)``: voxel i is centred at 2 i, and ends at 2 i + 1."""
    faces: Grid
    """Rows of ``halves`` ``(m, 3)``, as in `Mesh`."""


def find_surface(mask: Flags, start: Sequence[int]) -> Piece:
    """The surface between the voxels of ``mask``; none beyond the first and the last.

    Parameters
    ----------
    mask
        The object, ``(z, y, x)``, two voxels a side at least, not the same everywhere.
    start
        Index of its first voxel in the volume.

    Notes
    -----
    Marching cubes of Lorensen and Cline (1987). Unlike the table of Lewiner et al. (2003), which joins what touches at
    an edge and then has edges of four triangles, this one gives edges of two whatever the mask.

    Examples
    --------
    >>> voxel = np.pad(np.ones((1, 1, 1), bool), 1)
    >>> piece = find_surface(voxel, (0, 0, 0))
    >>> piece.halves.tolist(), len(piece.faces)
    ([[1, 2, 2], [2, 1, 2], [2, 2, 1], [2, 2, 3], [2, 3, 2], [3, 2, 2]], 8)
    """
    from skimage.measure import marching_cubes

    vertices, faces, *_ = marching_cubes(mask.astype(np.float32), 0.5, method="lorensen")  # type: ignore[no-untyped-call]
    piece = Piece(halves=np.rint(2 * vertices).astype(np.int32) + 2 * np.array(start, np.int32), faces=faces)
    return join([piece])


def join(pieces: Sequence[Piece]) -> Piece:
    """Pieces of one object as one: vertices at one place become one.

    The order of vertices (z, y, x) and faces depends on the surface alone, so the object is the same bit for bit
    however it was cut.
    """
    halves = np.concatenate([piece.halves for piece in pieces])
    offsets = np.cumsum([0, *(len(piece.halves) for piece in pieces[:-1])])
    faces = np.concatenate([piece.faces + offset for piece, offset in zip(pieces, offsets, strict=True)])
    z, y, x = (halves.astype(np.int64) + 1).T
    _, first, place = np.unique((z << 2 * _BITS) | (y << _BITS) | x, return_index=True, return_inverse=True)
    return Piece(halves=halves[first], faces=_in_order(place.ravel()[faces]).astype(np.int32))


def _in_order(faces: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Each turned so that its first vertex is the lowest, and sorted."""
    lowest = faces.argmin(axis=1)[:, None]
    turned = np.take_along_axis(faces, (lowest + np.arange(3)) % 3, axis=1)
    return turned[np.lexsort(turned.T[::-1])]


def to_mesh(piece: Piece, *, voxel_size: VoxelSize, lower_edge_nm: FloatTriple) -> Mesh:
    """``piece`` in nm, in a volume whose voxel 0 begins at ``lower_edge_nm``."""
    vertices = np.array(lower_edge_nm) + (piece.halves + 1) / 2 * np.array(voxel_size.zyx)
    return Mesh(vertices_nm=vertices, faces=piece.faces.astype(np.int64))


def enclosed_nm3(mesh: Mesh) -> float:
    """The volume that a closed mesh encloses: the divergence theorem, summed over its triangles."""
    origin = mesh.vertices_nm.mean(axis=0) if len(mesh.vertices_nm) else 0
    a, b, c = (corner - origin for corner in mesh.corners_nm)
    return float(-(a * np.cross(b, c)).sum() / 6)  # z, y, x is left-handed


def areas_nm2(mesh: Mesh) -> npt.NDArray[np.float64]:
    """Of every triangle ``(m,)``."""
    a, b, c = mesh.corners_nm
    return np.asarray(np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2)


def loose_edges_nm(mesh: Mesh) -> Points:
    """The middles ``(n, 3)`` of edges that keep ``mesh`` from being closed, see `is_closed`."""
    begin, end, edge = _edges(mesh)
    _, first, which, count = np.unique(edge, return_index=True, return_inverse=True, return_counts=True)
    back = np.bincount(which, begin > end)
    loose = first[(count != 2) | (back != 1)]
    return np.asarray((mesh.vertices_nm[begin[loose]] + mesh.vertices_nm[end[loose]]) / 2)


def is_closed(mesh: Mesh) -> bool:
    """Whether every edge is between two triangles that run along it in opposite ways."""
    begin, end, edge = _edges(mesh)
    ways = np.sort(2 * edge + (begin > end))  # of a closed mesh every edge is there as 2 n and as 2 n + 1
    there, back = ways[::2], ways[1::2]
    return len(there) == len(back) and bool(
        np.all(there % 2 == 0) and np.array_equal(there + 1, back) and np.all(np.diff(there) > 0)
    )


def _edges(mesh: Mesh) -> tuple[Rows, Rows, Rows]:
    """Of every triangle the edges, ``(3 m,)``: where each begins and ends, and its number, the same either way."""
    begin, end = mesh.faces.ravel(), mesh.faces[:, [1, 2, 0]].ravel()
    return begin, end, np.minimum(begin, end) * len(mesh.vertices_nm) + np.maximum(begin, end)
