"""`render`: any box of a scene, bit for bit the same however the volume is cut into boxes.

The volume is drawn in fixed tiles of `TILE` voxels with a halo for the blur; a box is cut from the tiles it touches:

    |<- TILE ->|          |
    +----------+----------+
    |      +---|----+     |     box = part of tile 0 + part of tile 1
    |      +---|----+     |
    +----------+----------+

So boxes aligned to multiples of `TILE` cost least.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from asem_core.errors import GeometryError
from asem_dataset_simulated.grid import Triple
from asem_dataset_simulated.microscope import halo_voxels, microscope
from asem_dataset_simulated.objects import Kind
from asem_dataset_simulated.shapes import Axes
from asem_dataset_simulated.tissue.background import base_tissue
from asem_dataset_simulated.tissue.organelles import paint_blob, paint_density, paint_tube
from asem_dataset_simulated.tissue.scene import Scene

TILE = 100
Raw = NDArray[np.uint8]
Labels = NDArray[np.uint32]
Mask = NDArray[np.uint8]


def check_box(box: Sequence[Sequence[int]], shape: Triple) -> tuple[Triple, Triple]:
    """(start, stop) as plain tuples; GeometryError unless 0 <= start < stop <= shape."""
    if len(box) != 2 or any(len(corner) != 3 for corner in box):
        raise GeometryError(f"box: expected (start zyx, stop zyx) in voxels, got {box!r}")
    if not all(0 <= a < b <= n for a, b, n in zip(box[0], box[1], shape, strict=True)):
        raise GeometryError(f"box: expected 0 <= start < stop <= {shape}, got {box!r}")
    (az, ay, ax), (bz, by, bx) = ((int(v) for v in corner) for corner in box)
    return (az, ay, ax), (bz, by, bx)


def render(scene: Scene, box: Sequence[Sequence[int]]) -> tuple[Raw, Labels, Mask]:
    """Draw one box of a scene.

    Parameters
    ----------
    scene : Scene
        From `make_scene`.
    box : (start, stop)
        Corners in voxels, zyx; stop is not in the box.

    Returns
    -------
    raw : uint8, shape stop - start, zyx
    mito : uint32, the same shape
        0 background, 1..n the mitochondria of the scene: where the voxel centre is inside the outer membrane.
    er : uint8, the same shape
        1 where the voxel centre is in endoplasmic reticulum, its membrane included.
    """
    start, stop = check_box(box, scene.shape)
    raw = np.empty([b - a for a, b in zip(start, stop, strict=True)], np.uint8)
    mito, er = np.empty(raw.shape, np.uint32), np.empty(raw.shape, np.uint8)
    ranges = [range(a // TILE, (b - 1) // TILE + 1) for a, b in zip(start, stop, strict=True)]
    for tile in product(*ranges):
        origin = [t * TILE for t in tile]
        ends = [min(o + TILE, n) for o, n in zip(origin, scene.shape, strict=True)]
        low = [max(o, a) for o, a in zip(origin, start, strict=True)]
        high = [min(e, b) for e, b in zip(ends, stop, strict=True)]
        into = tuple(slice(p - a, q - a) for p, q, a in zip(low, high, start, strict=True))
        part = tuple(slice(p - o, q - o) for p, q, o in zip(low, high, origin, strict=True))
        drawn = _render_tile(scene, origin, ends)
        raw[into], mito[into], er[into] = (it[part] for it in drawn)
    return raw, mito, er


def _render_tile(scene: Scene, start: Sequence[int], stop: Sequence[int]) -> tuple[Raw, Labels, Mask]:
    """One tile: tissue, then organelles, then the microscope."""
    halo = halo_voxels(scene.look, scene.voxel_size_nm)
    indices = [np.arange(a - h, b + h, dtype=np.int64) for a, b, h in zip(start, stop, halo, strict=True)]
    z, y, x = (
        (index.astype(np.float64) + 0.5) * size for index, size in zip(indices, scene.voxel_size_nm, strict=True)
    )
    axes: Axes = (z, y, x)
    canvas = base_tissue(scene, axes)
    for density in scene.densities:
        paint_density(canvas, density)
    for blob_index in _touching(scene.blob_bounds, axes):
        paint_blob(canvas, scene.blobs[blob_index])
    for tube_index in sorted(
        _touching(scene.tube_bounds, axes), key=lambda i: scene.tubes[i].kind is Kind.MITOCHONDRION
    ):
        paint_tube(canvas, scene.tubes[tube_index])
    core = tuple(slice(h, n - h) for h, n in zip(halo, canvas.grey.shape, strict=True))
    raw = microscope(
        canvas.grey, indices, look=scene.look, seed=scene.seed, voxel_size_nm=scene.voxel_size_nm, halo=halo
    )
    return raw, canvas.mito[core], canvas.er[core]


def _touching(bounds: NDArray[np.float64], axes: Axes) -> list[int]:
    """Indices of the boxes (N, 2, 3) that come within 60 nm of the grid."""
    low = np.array([axis[0] for axis in axes]) - 60.0
    high = np.array([axis[-1] for axis in axes]) + 60.0
    hit = np.all((bounds[:, 1] >= low) & (bounds[:, 0] <= high), axis=1)
    return [int(i) for i in np.flatnonzero(hit)]
