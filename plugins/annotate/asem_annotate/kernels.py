"""The loops over voxels that numpy cannot do: the assignment of SLIC, and what an image is like. Compiled by numba.

Sums are of whole numbers, or of a supervoxel's voxels in raster order, and no arithmetic is reordered: the result does
not depend on how the work is divided.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

Centres = npt.NDArray[np.float32]
"""Per cell ``(z, y, x, 4)``: z, y, x in voxels from the cell's lower corner, and grey."""
Sums = npt.NDArray[np.int64]
"""Per cell ``(z, y, x, 5)``: z, y, x and grey summed over its voxels, and how many they are."""

_MIDDLE = 13
"""Of the 27 cells round a voxel, raster order: its own."""


@numba.njit(nogil=True, cache=True)
def assign_layer(
    layer: int,
    grey: npt.NDArray[Any],
    corner: tuple[int, int, int],
    side: tuple[int, int, int],
    weights: tuple[float, float, float],
    centres: Centres,
    nearest: npt.NDArray[np.uint8],
    sums: Sums,
) -> None:
    """Give each voxel of a layer of cells to the nearest centre of the 27 cells round it.

    Parameters
    ----------
    layer
        Index of the layer along z.
    grey
        ``(z, y, x)``, whole numbers.
    corner
        Voxel of ``grey`` at which cell (0, 0, 0) begins, 0 or below.
    side
        Voxels of a cell per axis.
    weights
        Of a squared step along each axis, in squared grey levels.
    centres
        Of every cell.
    nearest
        As ``grey``: filled with the number of the cell chosen, 0 to 26 in raster order.
    sums
        Added to, in this layer and the two beside it.
    """
    cells_z, cells_y, cells_x = centres.shape[:3]
    size = side[0] * side[1] * side[2]
    zs, ys, xs = np.empty(size, np.float32), np.empty(size, np.float32), np.empty(size, np.float32)
    values, best = np.empty(size, np.float32), np.empty(size, np.float32)
    chosen = np.empty(size, np.int32)
    wz, wy, wx = np.float32(weights[0]), np.float32(weights[1]), np.float32(weights[2])
    z0 = layer * side[0] + corner[0]
    z1, z0 = min(z0 + side[0], grey.shape[0]), max(z0, 0)
    for row in range(cells_y):
        y0 = row * side[1] + corner[1]
        y1, y0 = min(y0 + side[1], grey.shape[1]), max(y0, 0)
        for column in range(cells_x):
            x0 = column * side[2] + corner[2]
            x1, x0 = min(x0 + side[2], grey.shape[2]), max(x0, 0)
            n = 0
            for z in range(z0, z1):
                for y in range(y0, y1):
                    for x in range(x0, x1):
                        zs[n] = z - corner[0] - layer * side[0]
                        ys[n] = y - corner[1] - row * side[1]
                        xs[n] = x - corner[2] - column * side[2]
                        values[n] = grey[z, y, x]
                        n += 1
            best[:n] = np.inf
            number = np.int32(-1)
            for dz in range(-1, 2):
                for dy in range(-1, 2):
                    for dx in range(-1, 2):
                        number += np.int32(1)
                        cz, cy, cx = layer + dz, row + dy, column + dx
                        if cz < 0 or cy < 0 or cx < 0 or cz >= cells_z or cy >= cells_y or cx >= cells_x:
                            continue
                        oz = centres[cz, cy, cx, 0] + np.float32(dz * side[0])
                        oy = centres[cz, cy, cx, 1] + np.float32(dy * side[1])
                        ox = centres[cz, cy, cx, 2] + np.float32(dx * side[2])
                        og = centres[cz, cy, cx, 3]
                        for i in range(n):
                            a, b, c, d = zs[i] - oz, ys[i] - oy, xs[i] - ox, values[i] - og
                            far = wz * a * a + wy * b * b + wx * c * c + d * d
                            nearer = far < best[i]
                            best[i] = far if nearer else best[i]
                            chosen[i] = number if nearer else chosen[i]
            n = 0
            for z in range(z0, z1):
                for y in range(y0, y1):
                    for x in range(x0, x1):
                        number = chosen[n]
                        nearest[z, y, x] = number
                        dz, dy, dx = number // 9 - 1, number // 3 % 3 - 1, number % 3 - 1
                        into = sums[layer + dz, row + dy, column + dx]
                        into[0] += np.int64(zs[n]) - dz * side[0]
                        into[1] += np.int64(ys[n]) - dy * side[1]
                        into[2] += np.int64(xs[n]) - dx * side[2]
                        into[3] += grey[z, y, x]
                        into[4] += 1
                        n += 1


MEASURES = 6
"""Of the image at one scale: grey, its square, slope, and three curvatures."""


@numba.njit(nogil=True, cache=True)
def sum_measures(
    fine: npt.NDArray[np.float32],
    ids: npt.NDArray[np.int32],
    steps: npt.NDArray[np.float64],
    sums: npt.NDArray[np.float64],
) -> None:
    """Add up what an image is like at every voxel of each supervoxel.

    Parameters
    ----------
    fine
        ``(z, y, x)``, smoothed.
    ids
        The supervoxel of every voxel.
    steps
        ``(3,)``: of a voxel per axis. Slope and curvatures are per unit of them.
    sums
        ``(n, MEASURES)``, added to in raster order: grey, its square, length of the gradient, eigenvalues of the
        Hessian, largest first.
    """
    depth, height, width = fine.shape
    for z in range(depth):
        za, zb = max(z - 1, 0), min(z + 1, depth - 1)
        for y in range(height):
            ya, yb = max(y - 1, 0), min(y + 1, height - 1)
            for x in range(width):
                xa, xb = max(x - 1, 0), min(x + 1, width - 1)
                g = np.float64(fine[z, y, x])
                dz = (fine[zb, y, x] - fine[za, y, x]) / (2 * steps[0])
                dy = (fine[z, yb, x] - fine[z, ya, x]) / (2 * steps[1])
                dx = (fine[z, y, xb] - fine[z, y, xa]) / (2 * steps[2])
                a = (fine[zb, y, x] + fine[za, y, x] - 2 * g) / (steps[0] * steps[0])
                b = (fine[z, yb, x] + fine[z, ya, x] - 2 * g) / (steps[1] * steps[1])
                c = (fine[z, y, xb] + fine[z, y, xa] - 2 * g) / (steps[2] * steps[2])
                d = (fine[zb, yb, x] - fine[zb, ya, x] - fine[za, yb, x] + fine[za, ya, x]) / (4 * steps[0] * steps[1])
                e = (fine[zb, y, xb] - fine[zb, y, xa] - fine[za, y, xb] + fine[za, y, xa]) / (4 * steps[0] * steps[2])
                f = (fine[z, yb, xb] - fine[z, yb, xa] - fine[z, ya, xb] + fine[z, ya, xa]) / (4 * steps[1] * steps[2])
                mean = (a + b + c) / 3
                a, b, c = a - mean, b - mean, c - mean
                spread = np.sqrt((a * a + b * b + c * c + 2 * (d * d + e * e + f * f)) / 6)
                high = low = 0.0
                if spread > 0:
                    determinant = a * (b * c - f * f) - d * (d * c - e * f) + e * (d * f - b * e)
                    angle = np.arccos(min(1.0, max(-1.0, determinant / (2 * spread**3)))) / 3
                    high, low = 2 * spread * np.cos(angle), 2 * spread * np.cos(angle + 2 * np.pi / 3)
                into = sums[ids[z, y, x]]
                into[0] += g
                into[1] += g * g
                into[2] += np.sqrt(dz * dz + dy * dy + dx * dx)
                into[3] += mean + high
                into[4] += mean - high - low
                into[5] += mean + low
