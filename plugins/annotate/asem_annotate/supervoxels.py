"""Supervoxels: SLIC with a centre for every cell of a lattice that is anchored at voxel 0 of the volume.

::

    |  cell  |  cell  |  cell  |      every cell has one centre, which moves
    |    .   | o      |  x     |      a voxel o belongs to the nearest centre of the 27 cells round its own

So a supervoxel lies within one cell of its own, whatever happens, and what a voxel is given to depends on voxels that
are at most a known distance away: the supervoxels of a block with that context are those of the whole volume.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from os import cpu_count
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from asem_annotate.kernels import Centres, assign_layer
from asem_annotate.lattice import Cells, Slic, radii
from asem_core.geometry import Box, VoxelSize

Grey = npt.NDArray[np.uint8]
Ids = npt.NDArray[np.int32]

_COLOURS = 3
"""Layers of cells that are this far apart add to different sums."""


def supervoxels(
    grey: Grey,
    *,
    box: Box | None = None,
    voxel_size: VoxelSize,
    params: Slic,
    moved: Callable[[int], None] = lambda move: None,
) -> Ids:
    """The supervoxel of every voxel.

    Parameters
    ----------
    grey
        ``(z, y, x)``, uint8, smoothed by `Slic.smooth`.
    box
        Where ``grey`` lies in the volume at whose voxel 0 the lattice begins; by default there.
    voxel_size
        nm.
    moved
        Is told after how many moves of the centres it is. What it raises ends the work.

    Returns
    -------
    ndarray of int32
        Shape of ``grey``: number of the cell, in raster order of the cells that ``box`` meets. A number may not occur.

    Notes
    -----
    Achanta et al. 2012: the nearest centre by ``grey^2 + (compactness / edge)^2 distance^2``. A supervoxel need not be
    connected: nothing that follows needs it, and mending it would depend on voxels far away.

    Examples
    --------
    >>> grey = np.repeat(np.array([[[20, 20, 20, 200, 200, 200, 200, 200]]], np.uint8), 4, axis=1)
    >>> supervoxels(grey, voxel_size=VoxelSize((5, 5, 5)), params=Slic(edge=4))[0, 0].tolist()
    [0, 0, 0, 1, 1, 1, 1, 1]
    """
    cells = Cells(box=box or Box.of_shape(grey.shape), side=params.side(voxel_size))
    nearest = np.empty(grey.shape, np.uint8)
    sums = np.zeros((*cells.shape, 5), np.int64)
    with ThreadPoolExecutor(cpu_count()) as pool:
        centres = _first_centres(grey, cells)
        for move in range(params.iterations + 1):
            sums[...] = 0
            work = partial(
                assign_layer, grey=grey, corner=cells.corner, side=cells.side, weights=params.weights(voxel_size),
                centres=centres, nearest=nearest, sums=sums,
            )  # fmt: skip
            for colour in range(_COLOURS):
                list(pool.map(work, range(colour, cells.shape[0], _COLOURS)))
            moved(move)
            if move < params.iterations:
                centres = _moved(centres, sums)
    return _numbered(nearest, cells)


def supervoxels_of(
    read: Callable[[Box], npt.NDArray[Any]], box: Box, *, whole: Box, voxel_size: VoxelSize, params: Slic
) -> Ids:
    """The supervoxels of ``box`` as those of the volume ``whole`` are: number of the cell among those of ``whole``.

    Parameters
    ----------
    read
        ``read(box)``: grey ``(z, y, x)``, uint8, of a box in ``whole``. More than ``box`` is read, see `Slic.context`.
    """
    around = params.context(box, voxel_size).intersect(whole)
    cells, all_cells = (Cells(box=b, side=params.side(voxel_size)) for b in (around, whole))
    grey = smoothed(read(around), params.smooth, voxel_size=voxel_size)
    found = supervoxels(grey, box=around, voxel_size=voxel_size, params=params)
    inner = found[box.shift([-s for s in around.start]).slices]
    index = np.unravel_index(inner, cells.shape)
    shift = [a - b for a, b in zip(cells.first, all_cells.first, strict=True)]
    moved = tuple(i + s for i, s in zip(index, shift, strict=True))
    return np.ravel_multi_index(moved, all_cells.shape).astype(np.int32)


def smoothed(grey: Grey, sigma: float, *, voxel_size: VoxelSize) -> Grey:
    """``grey`` ``(z, y, x)``, uint8, after a Gaussian of ``sigma`` voxels along the axes with the smallest voxels."""
    if not sigma:
        return grey
    sigmas = [sigma * min(voxel_size.zyx) / step for step in voxel_size.zyx]
    found: Grey = ndimage.gaussian_filter(grey, sigmas, mode="nearest", radius=radii(sigma, voxel_size))
    return found


def _first_centres(grey: Grey, cells: Cells) -> Centres:
    """The middle of every cell, with the mean grey of its voxels."""
    centres = np.empty((*cells.shape, 4), np.float32)
    centres[..., :3] = [(s - 1) / 2 for s in cells.side]
    total, count = grey, np.ones(1, np.int64)
    for axis, (side, corner, n) in enumerate(zip(cells.side, cells.corner, cells.shape, strict=True)):
        starts = np.maximum(np.arange(n) * side + corner, 0)
        total = np.add.reduceat(total, starts, axis=axis, dtype=np.int64)
        count = np.multiply.outer(count, np.diff([*starts, grey.shape[axis]]))
    centres[..., 3] = total / count[0]
    return centres


def _moved(centres: Centres, sums: npt.NDArray[np.int64]) -> Centres:
    """Every centre at the mean of its voxels; one without any stays."""
    count = sums[..., 4:]
    return np.where(count > 0, sums[..., :4] / np.maximum(count, 1), centres).astype(np.float32)


def _numbered(nearest: npt.NDArray[np.uint8], cells: Cells) -> Ids:
    """The cell that each voxel was given to, from the number among the 27 round its own."""
    _, ny, nx = cells.shape
    own = [(np.arange(n) - c) // s for n, c, s in zip(nearest.shape, cells.corner, cells.side, strict=True)]
    step = np.array([((i // 9 - 1) * ny + i // 3 % 3 - 1) * nx + i % 3 - 1 for i in range(27)], np.int32)
    ids = step[nearest]
    for axis, (index, stride) in enumerate(zip(own, (ny * nx, nx, 1), strict=True)):
        ids += (index * stride).astype(np.int32).reshape([-1 if a == axis else 1 for a in range(3)])
    return ids
