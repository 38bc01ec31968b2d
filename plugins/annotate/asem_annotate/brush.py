"""Marking by hand: a ball along a line, and a bucket."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from skimage import segmentation

from asem_annotate.labelling import Seeds, check_axis, check_value
from asem_core.errors import AsemError
from asem_core.geometry import FloatTriple, Triple, VoxelSize


def paint(seeds: Seeds, points: Sequence[FloatTriple], *, value: int, radius_nm: float, voxel_size: VoxelSize) -> Seeds:
    """``seeds`` with a ball of ``value`` drawn along a line.

    Parameters
    ----------
    seeds
        ``(z, y, x)``.
    points
        Corners of the line, voxels z, y, x; one is a dot. They may lie outside.
    value
        0 erases.
    radius_nm
        Of the ball: round in nm, whatever the voxels.

    Returns
    -------
    ndarray
        A copy. Voxels whose centre lies within ``radius_nm`` of the line; the nearest voxel of a point always.

    Raises
    ------
    AsemError
        There is no such value.

    Examples
    --------
    >>> seeds = paint(np.zeros((1, 3, 7), np.uint8), [(0, 1, 2), (0, 1, 4)], value=2, radius_nm=5,
    ...               voxel_size=VoxelSize((5, 5, 5)))
    >>> seeds[0].tolist()
    [[0, 0, 2, 2, 2, 0, 0], [0, 2, 2, 2, 2, 2, 0], [0, 0, 2, 2, 2, 0, 0]]
    """
    check_value(value)
    found, size = seeds.copy(), np.array(voxel_size.zyx)
    corners = np.array(points, np.float64)
    for start, stop in zip(corners, corners[1:] if len(corners) > 1 else corners, strict=False):
        reach = radius_nm / size
        low = np.maximum(np.floor(np.minimum(start, stop) - reach).astype(int), 0)
        high = np.minimum(np.ceil(np.maximum(start, stop) + reach).astype(int) + 1, found.shape)
        if (low < high).all():
            (_, y0, x0), (_, y1, x1) = low, high
            for z in range(low[0], high[0]):  # distances of a whole box would take a hundred times its memory
                away = _distance((z, y0, x0), (z + 1, y1, x1), start * size, stop * size, size)
                found[z : z + 1, y0:y1, x0:x1][away <= radius_nm * (1 + 1e-9)] = value
    for place in np.rint(corners).astype(int):
        if (place >= 0).all() and (place < found.shape).all():
            found[tuple(place)] = value
    return found


def fill(seeds: Seeds, start: Triple, *, value: int, axis: int | None = None) -> Seeds:
    """``seeds`` with all that is as ``start`` is, and connected to it over faces, set to ``value``.

    Parameters
    ----------
    start
        Voxel z, y, x.
    axis
        Fill only the section across this axis; None: in all directions.

    Raises
    ------
    AsemError
        ``start`` lies outside, or there is no such axis or value.

    Examples
    --------
    >>> ring = np.array([[[2, 2, 2, 0], [2, 0, 2, 0], [2, 2, 2, 0]]], np.uint8)
    >>> fill(ring, (0, 1, 1), value=2, axis=0)[0].tolist()
    [[2, 2, 2, 0], [2, 2, 2, 0], [2, 2, 2, 0]]
    """
    check_value(value)
    if not all(0 <= s < n for s, n in zip(start, seeds.shape, strict=True)):
        raise AsemError(f"voxel {start} (z,y,x) lies outside of the seeds, which are {seeds.shape}")
    found = seeds.copy()
    if axis is None:
        found[_connected(seeds, start)] = value
        return found
    check_axis(axis)
    section = np.moveaxis(found, axis, 0)[start[axis]]
    section[_connected(section, tuple(s for i, s in enumerate(start) if i != axis))] = value
    return found


def _connected(values: Seeds, start: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = segmentation.flood(values, start, connectivity=1)  # type: ignore[no-untyped-call]
    return found


def _distance(
    low: Triple,
    high: Triple,
    start: npt.NDArray[np.float64],
    stop: npt.NDArray[np.float64],
    size: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Of every voxel from ``low`` to ``high``, how far its centre is from the line between two points (nm)."""
    place = np.moveaxis(np.indices([b - a for a, b in zip(low, high, strict=True)]), 0, -1) * size + low * size
    line = stop - start
    length = float(line @ line)
    along = np.clip((place - start) @ line / length, 0, 1) if length else np.zeros(place.shape[:-1])
    found: npt.NDArray[np.float64] = np.linalg.norm(place - start - along[..., None] * line, axis=-1)
    return found
