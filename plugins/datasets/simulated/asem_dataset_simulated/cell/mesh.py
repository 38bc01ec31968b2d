"""Bodies round a skeleton of segments and triangles: tubules and sheets that flow into one another."""

from __future__ import annotations

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from asem_dataset_simulated.noise import Double, Float
from asem_dataset_simulated.shapes import Axes, crop, height, offsets, window


@frozen(eq=False)
class Mesh:
    """Everything within a radius of a skeleton.

    Attributes
    ----------
    segments : float64 (S, 2, 3)
        End points, zyx in nm.
    segment_radius : float64 (S, 2)
        At each end, nm.
    triangles : float64 (T, 3, 3)
        Corners, zyx in nm.
    triangle_radius : float64 (T,)
    """

    segments: Double
    segment_radius: Double
    triangles: Double
    triangle_radius: Double
    low_nm: Double = field(init=False, repr=False)
    high_nm: Double = field(init=False, repr=False)

    @low_nm.default
    def _low(self) -> Double:
        return np.concatenate(
            [
                (self.segments - self.segment_radius[..., None]).min(axis=1).reshape(-1, 3),
                self.triangles.min(axis=1).reshape(-1, 3) - self.triangle_radius[:, None],
            ]
        )

    @high_nm.default
    def _high(self) -> Double:
        return np.concatenate(
            [
                (self.segments + self.segment_radius[..., None]).max(axis=1).reshape(-1, 3),
                self.triangles.max(axis=1).reshape(-1, 3) + self.triangle_radius[:, None],
            ]
        )

    def distance(self, axes: Axes, pad_nm: float) -> Float:
        """Signed distance float32 (nz, ny, nx), negative inside, cut off at ``pad_nm`` outside."""
        found = np.full(tuple(axis.size for axis in axes), np.float32(pad_nm))
        low = np.array([axis[0] for axis in axes]) - pad_nm
        high = np.array([axis[-1] for axis in axes]) + pad_nm
        near = np.all((self.high_nm >= low) & (self.low_nm <= high), axis=1)
        for index in np.flatnonzero(near):
            part = window(axes, self.low_nm[index] - pad_nm, self.high_nm[index] + pad_nm)
            if part is None:
                continue
            if index < len(self.segments):
                piece = _cone(crop(axes, part), self.segments[index], self.segment_radius[index])
            else:
                t = index - len(self.segments)
                piece = _plate(crop(axes, part), self.triangles[t]) - np.float32(self.triangle_radius[t])
            np.minimum(found[part], piece, out=found[part])
        return found


def _cone(axes: Axes, ends: Double, radius: Double) -> Float:
    """Distance to a round cone."""
    squared, t = _along(axes, ends[0], ends[1])
    result: Float = np.sqrt(squared) - (np.float32(radius[0]) + t * np.float32(radius[1] - radius[0]))
    return result


def _along(axes: Axes, start: Double, stop: Double) -> tuple[Float, Float]:
    """Squared distance to a segment, and where along it (0..1) the nearest point lies."""
    z, y, x = offsets(axes, start)
    along = (stop - start).astype(np.float32)
    t = np.clip((z * along[0] + y * along[1] + x * along[2]) / np.float32(max(float(along @ along), 1e-6)), 0, 1)
    squared: Float = (z - t * along[0]) ** 2 + (y - t * along[1]) ** 2 + (x - t * along[2]) ** 2
    return squared, t


def _plate(axes: Axes, corners: Double) -> Float:
    """Distance to a triangle: to its plane above it, to the nearest edge elsewhere."""
    normal = np.cross(corners[1] - corners[0], corners[2] - corners[0])
    length = float(np.linalg.norm(normal))
    pairs = ((0, 1), (1, 2), (2, 0))
    squared: Float = np.minimum.reduce([_along(axes, corners[a], corners[b])[0] for a, b in pairs])
    if length < 1e-6:
        return np.sqrt(squared)
    unit = normal / length
    above: NDArray[np.bool_] = np.ones((), bool)
    for a, b in pairs:
        inward = np.cross(unit, corners[b] - corners[a])
        above = above & (height(axes, corners[a], inward) >= 0)
    return np.where(above, np.abs(height(axes, corners[0], unit)), np.sqrt(squared))
