"""A simulated cut-out of tissue as an OME-Zarr: the image, and its truth under ``labels/mito``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import importlib_metadata

from asem_core.geometry import Box, VoxelSize
from asem_core.progress import Progress, silent
from asem_core.volume.formats.ome_write import ArrayPlan, build_pyramid, create_ome_zarr
from asem_core.volume.output import complete_or_absent
from asem_dataset_simulated.tissue.assemble import make_scene
from asem_dataset_simulated.tissue.draw import TILE, render

_CHUNK = (TILE, TILE, TILE)
"""The simulator draws whole tiles: one chunk each, so that none is drawn or written twice."""
_BYTES_PER_VOXEL = 1 + 4
_PYRAMID = 8 / 7


def write_tissue(
    path: Path,
    *,
    shape: Sequence[int],
    voxel_size: VoxelSize,
    seed: int,
    overwrite: bool = False,
    progress: Progress = silent,
) -> int:
    """Simulate a cut-out of ``shape`` voxels (zyx) into the OME-Zarr ``path``; the number of mitochondria.

    Only one tile is in memory at a time. The same seed, shape and voxel size give the same voxels. ``path`` appears
    when it is complete.

    Raises
    ------
    OutputError
        ``path`` exists and ``overwrite`` is not set, or it cannot be written.
    GeometryError
        The shape or voxel size cannot be simulated.
    """
    scene = make_scene(shape, voxel_size_nm=voxel_size.zyx, seed=seed)
    whole = Box.of_shape(scene.shape)
    needed_bytes = int(_BYTES_PER_VOXEL * whole.size * _PYRAMID)
    with complete_or_absent(path, needed_bytes=needed_bytes, overwrite=overwrite) as partial:
        output = create_ome_zarr(
            partial,
            image=ArrayPlan(shape=scene.shape, dtype="uint8", chunk=_CHUNK),
            labels={"mito": ArrayPlan(shape=scene.shape, dtype="uint32", chunk=_CHUNK)},
            voxel_size=voxel_size,
            lower_edge_nm=(0.0, 0.0, 0.0),
            provenance={
                "simulated": {"seed": seed, "shape": list(scene.shape), "voxel_size_nm": list(voxel_size.zyx)},
                "asem-dataset-simulated": importlib_metadata.version("asem-dataset-simulated"),
            },
        )
        tiles = list(whole.tiles(TILE))
        for count, tile in enumerate(tiles, start=1):
            raw, mito = render(scene, (tile.start, tile.stop))
            output.image[tile.slices] = raw
            output.labels["mito"][tile.slices] = mito
            progress("simulate", count, len(tiles))
        build_pyramid(output, progress=progress)
    return len(scene.mitochondria)
