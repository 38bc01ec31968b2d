"""The steps of the voxels, smoothed away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.geometry import VoxelSize
from asem_mesh.surface import Faces, Frame, Mesh, Points, enclosed_nm3

if TYPE_CHECKING:
    from scipy import sparse

ROUNDS = 20
_MOST_ROUNDS = 200
_IN, _OUT = 0.5, -0.53
"""Taubin's lambda and mu: a pass band of 1 / 0.5 - 1 / 0.53 = 0.11."""
_CORRECTIONS = 3


def smooth(mesh: Mesh, frame: Frame, *, voxel_size: VoxelSize, volume_nm3: float) -> Mesh:
    """``mesh`` without steps, and of the volume of its voxels.

    Parameters
    ----------
    mesh
        Closed, as marching cubes gave it.
    frame
        What lies where the volume ends moves within that face only.
    voxel_size
        A vertex goes no farther than one voxel on each axis. Flat voxels make larger steps, which take more rounds.
    volume_nm3
        What it is to enclose.

    Notes
    -----
    Taubin (1995, "A signal processing approach to fair surface design", SIGGRAPH 351): every vertex goes half way to
    the mean of its neighbours, then a little further back, so that steps vanish and the surface does not shrink. What
    is missing of the volume is then added along the normals.
    """
    weights, fixed = _neighbours(mesh), frame.fixed(mesh)
    places = mesh.vertices_nm.copy()
    edges = np.array(voxel_size.zyx)
    rounds = min(round(ROUNDS * (edges.max() / edges.min()) ** 2), _MOST_ROUNDS)
    for factor in (_IN, _OUT) * rounds:
        step = weights @ places - places
        step[fixed] = 0
        places += factor * step
    places = np.clip(places, mesh.vertices_nm - edges, mesh.vertices_nm + edges)
    found = attrs.evolve(mesh, vertices_nm=places)
    return restore(found, frame, volume_nm3=volume_nm3, most_nm=float(edges.min()))


def _neighbours(mesh: Mesh) -> sparse.csr_array:
    """Means over the neighbours of every vertex, ``(n, n)``."""
    from scipy import sparse

    count = len(mesh.vertices_nm)
    # Of a closed mesh every edge is there twice, once in each way.
    rows, columns = np.concatenate([mesh.faces[:, pair] for pair in ([0, 1], [1, 2], [2, 0])]).T
    degree = np.bincount(rows, minlength=count)
    return sparse.csr_array((1 / degree[rows], (rows, columns)), shape=(count, count))


def restore(mesh: Mesh, frame: Frame, *, volume_nm3: float, most_nm: float) -> Mesh:
    """Every vertex moved along its normal, by one length for all, so that ``volume_nm3`` is enclosed.

    In some steps of at most ``most_nm``: of what is nearly flat no such length makes that volume.
    """
    for _ in range(_CORRECTIONS):
        rows = np.flatnonzero(~frame.caps(mesh))
        outward = _outward(mesh, rows)
        area = np.linalg.norm(outward, axis=1).sum() / 2
        if area:
            length_nm = np.clip((volume_nm3 - enclosed_nm3(mesh)) / area, -most_nm, most_nm)
            normals = _normals(mesh, frame, mesh.faces[rows], outward)
            mesh = attrs.evolve(mesh, vertices_nm=mesh.vertices_nm + length_nm * normals)
    return mesh


def _outward(mesh: Mesh, rows: npt.NDArray[np.intp]) -> Points:
    """Of the triangles ``rows``, at right angles to each, twice as long as it is large."""
    a, b, c = (mesh.vertices_nm[mesh.faces[rows, corner]] for corner in range(3))
    return np.asarray(-np.cross(b - a, c - a))  # z, y, x is left-handed


def _normals(mesh: Mesh, frame: Frame, faces: Faces, outward: Points) -> Points:
    """Of every vertex: the mean of what is ``outward`` of its ``faces``, by area; within the faces of the volume."""
    at, count = faces.T.ravel(), len(mesh.vertices_nm)
    normals = np.stack([np.bincount(at, np.tile(along, 3), count) for along in outward.T], axis=1)
    normals[frame.fixed(mesh)] = 0
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    return np.asarray(np.divide(normals, length, out=normals, where=length > 0))
