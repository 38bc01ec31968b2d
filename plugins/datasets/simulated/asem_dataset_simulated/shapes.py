"""Signed distances in nm (negative inside) and the share of a voxel that a thin layer covers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from asem_dataset_simulated.noise import Double, Float, Index

Axes = tuple[Double, Double, Double]
Part = tuple[slice, slice, slice]
Mask = NDArray[np.bool_]
WHOLE: Part = (slice(None), slice(None), slice(None))


def window(axes_nm: Axes, low_nm: Double, high_nm: Double) -> Part | None:
    """Slices of the grid inside the box low_nm..high_nm (3,), or None where there is nothing."""
    part = []
    for axis, low, high in zip(axes_nm, low_nm, high_nm, strict=True):
        start, stop = int(np.searchsorted(axis, low)), int(np.searchsorted(axis, high, side="right"))
        if start >= stop:
            return None
        part.append(slice(start, stop))
    return part[0], part[1], part[2]


def crop(axes_nm: Axes, part: Part) -> Axes:
    """The axes of a part of the grid."""
    return axes_nm[0][part[0]], axes_nm[1][part[1]], axes_nm[2][part[2]]


def offsets(axes_nm: Axes, centre_nm: Double) -> tuple[Float, Float, Float]:
    """Offsets from centre_nm (3,) as float32 arrays that broadcast to the grid."""
    z, y, x = ((axis - c).astype(np.float32) for axis, c in zip(axes_nm, centre_nm, strict=True))
    return z[:, None, None], y[None, :, None], x[None, None, :]


def height(axes_nm: Axes, origin_nm: Double, direction: Double) -> Float:
    """How far each voxel lies from origin_nm (3,) along the unit vector ``direction`` (3,), float32 (nz, ny, nx)."""
    z, y, x = offsets(axes_nm, origin_nm)
    d = direction.astype(np.float32)
    found: Float = z * d[0] + y * d[1] + x * d[2]
    return found


def smoothing_nm(voxel_size_nm: Sequence[float]) -> float:
    """Smoothing length of thin layers: the root mean square of the voxel's edges."""
    return float(np.sqrt(np.mean(np.square(voxel_size_nm))))


def tube_distance(axes_nm: Axes, nodes_nm: Double, radius_nm: Double, edges: Index, pad_nm: float) -> Float:
    """Signed distance to a tree of round cones, float32 (nz, ny, nx), cut off at `pad_nm` outside."""
    distance = np.full(tuple(axis.size for axis in axes_nm), np.float32(pad_nm))
    for a, b in edges if len(edges) else np.array([[0, 0]]):
        reach = max(radius_nm[a], radius_nm[b]) + pad_nm
        low = np.minimum(nodes_nm[a], nodes_nm[b]) - reach
        high = np.maximum(nodes_nm[a], nodes_nm[b]) + reach
        part = window(axes_nm, low, high)
        if part is None:
            continue
        z, y, x = offsets(crop(axes_nm, part), nodes_nm[a])
        along = (nodes_nm[b] - nodes_nm[a]).astype(np.float32)
        squared = max(float((along**2).sum()), 1e-6)
        t = np.clip((z * along[0] + y * along[1] + x * along[2]) / np.float32(squared), 0, 1)
        found = np.sqrt((z - t * along[0]) ** 2 + (y - t * along[1]) ** 2 + (x - t * along[2]) ** 2)
        found -= np.float32(radius_nm[a]) + t * np.float32(radius_nm[b] - radius_nm[a])
        np.minimum(distance[part], found, out=distance[part])
    return distance


def ellipsoid_distance(axes_nm: Axes, centre_nm: Double, semi_nm: Double, rotation: Double) -> Float:
    """Signed distance to an ellipsoid, float32 (nz, ny, nx), right to first order near the surface.

    (|p/a| - 1) |p/a| / |p/a^2|, the estimate of I. Quilez, "ellipsoid - SDF" (2008).
    """
    z, y, x = offsets(axes_nm, centre_nm)
    first = np.zeros((), np.float32)
    second = np.zeros((), np.float32)
    for row, semi in zip(rotation.astype(np.float32), semi_nm, strict=True):
        local = ((z * row[0] + y * row[1] + x * row[2]) / np.float32(semi)) ** 2
        first = first + local
        second = second + local / np.float32(semi * semi)
    norm = np.sqrt(first)
    distance: Float = norm * (norm - np.float32(1)) / np.sqrt(second + np.float32(1e-12))
    return distance


def inside(distance: Float, voxel_nm: float) -> Float:
    """Share 0..1 of a voxel of edge `voxel_nm` on the negative side of a surface."""
    share: Float = np.clip(np.float32(0.5) - distance * np.float32(1.0 / voxel_nm), 0, 1)
    return share


def layer(distance: Float, start: float, stop: float, voxel_nm: float) -> Float:
    """Share 0..1 of a voxel that lies in the layer start <= distance < stop (exact for a flat layer)."""
    return inside(distance - np.float32(stop), voxel_nm) - inside(distance - np.float32(start), voxel_nm)
