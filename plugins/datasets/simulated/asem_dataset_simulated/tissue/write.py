"""A simulated cut-out of tissue as an OME-Zarr: the image, and its truth under ``labels/mito`` and ``labels/er``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import importlib_metadata
from numpy.typing import NDArray

from asem_core.blocks import Job, produce, run
from asem_core.geometry import Box, VoxelSize
from asem_core.progress import Progress, silent
from asem_core.volume import IMAGE, ArrayPlan, OmePlan
from asem_dataset_simulated.tissue.assemble import make_scene
from asem_dataset_simulated.tissue.draw import TILE, render

_CHUNK = (TILE, TILE, TILE)
"""The simulator draws whole tiles: one chunk each, so that none is drawn or written twice."""


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

    Only one tile a thread is in memory at a time. The same seed, shape and voxel size give the same voxels. A run that
    was stopped goes on when it is called again.

    Raises
    ------
    OutputError
        ``path`` exists and ``overwrite`` is not set, or it cannot be written.
    GeometryError
        The shape or voxel size cannot be simulated.
    """
    scene = make_scene(shape, voxel_size_nm=voxel_size.zyx, seed=seed)
    plan = OmePlan(
        image=ArrayPlan(shape=scene.shape, dtype="uint8", chunk=_CHUNK),
        labels={
            "mito": ArrayPlan(shape=scene.shape, dtype="uint32", chunk=_CHUNK),
            "er": ArrayPlan(shape=scene.shape, dtype="uint8", chunk=_CHUNK),
        },
        voxel_size=voxel_size,
        lower_edge_nm=(0.0, 0.0, 0.0),
    )

    def draw(tile: Box) -> dict[str, NDArray[Any]]:
        raw, mito, er = render(scene, (tile.start, tile.stop))
        return {IMAGE: raw, "mito": mito, "er": er}

    about = {
        "simulated": {"seed": seed, "shape": list(scene.shape), "voxel_size_nm": list(voxel_size.zyx)},
        "asem-dataset-simulated": importlib_metadata.version("asem-dataset-simulated"),
    }
    run(
        Job(
            verb="asem simulate",
            destination=path,
            plan=plan,
            inputs={},
            settings=about,
            provenance=about,
            fill=produce(lambda _: draw, sweep="simulate", block=_CHUNK, plan=plan),
        ),
        overwrite=overwrite,
        progress=progress,
    )
    return len(scene.mitochondria)
