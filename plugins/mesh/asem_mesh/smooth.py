"""The steps of the voxels, smoothed away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import numpy as np

from asem_core.geometry import VoxelSize
from asem_mesh.surface import Flags, Frame, Mesh, Points, areas_nm2, enclosed_nm3

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
        free = ~frame.caps(mesh)
        area = areas_nm2(mesh)[free].sum()
        if area:
            length_nm = np.clip((volume_nm3 - enclosed_nm3(mesh)) / area, -most_nm, most_nm)
            mesh = attrs.evolve(mesh, vertices_nm=mesh.vertices_nm + length_nm * _normals(mesh, frame, free))
    return mesh


def _normals(mesh: Mesh, frame: Frame, free: Flags) -> Points:
    """Of every vertex, outward: the mean of the triangles ``free`` by area; within the faces of the volume."""
    a, b, c = mesh.corners_nm
    outward = -np.cross(b - a, c - a)[free]  # z, y, x is left-handed
    normals = np.zeros_like(mesh.vertices_nm)
    for corner in range(3):
        np.add.at(normals, mesh.faces[free, corner], outward)
    normals[frame.fixed(mesh)] = 0
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    return np.asarray(np.divide(normals, length, out=normals, where=length > 0))
