"""A view of a simulated cell as an OME-Zarr: image, truth under ``labels/``, tables of the truth under ``tables/``."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from threading import Lock
from typing import Any

import importlib_metadata
import numpy as np
from attrs import asdict, evolve
from numpy.typing import NDArray

from asem_core.blocks import map_blocks
from asem_core.geometry import Box, Triple, VoxelSize
from asem_core.progress import Progress, silent
from asem_core.volume import FOLDERS, ArrayPlan, OmeOutput, build_pyramid, complete_or_absent, create_ome_zarr
from asem_dataset_simulated.cell.draw import IMAGE, TILE, View, Window, render_cell
from asem_dataset_simulated.cell.style import LABELS
from asem_dataset_simulated.cell.tables import FOLDER, organelle_rows, pit_rows, pore_rows, write_tables

_CHUNK: Triple = (64, 64, 64)
_PYRAMID = 8 / 7


def write_view(
    path: Path, view: View, *, block: int = TILE, overwrite: bool = False, progress: Progress = silent
) -> dict[str, int]:
    """Draw ``view`` into the OME-Zarr ``path``, block by block; how many objects of each kind there are in it.

    Parameters
    ----------
    path
        Folder to create; it appears when it is complete.
    block
        Voxels per axis in memory at a time and thread, a multiple of 64. Any gives the same voxels; multiples of the
        simulator's tile, 128, draw nothing twice.

    Raises
    ------
    OutputError
        ``path`` exists and ``overwrite`` is not set, or it cannot be written.
    """
    voxels: dict[str, Counter[int]] = {name: Counter() for name in LABELS}
    faces: dict[str, set[int]] = {name: set() for name in LABELS}
    lock = Lock()
    needed_bytes = int((1 + 2 * len(LABELS)) * np.prod(view.shape) * _PYRAMID / 8)  # labels compress to nearly nothing
    with complete_or_absent(path, needed_bytes=needed_bytes, overwrite=overwrite) as partial:
        output = create_zarr(partial, view.window, chunk=_CHUNK)

        def draw(box: Box) -> None:
            drawn = render_cell(view, box)
            output.image[box.slices] = drawn[IMAGE]
            for name in LABELS:
                output.labels[name][box.slices] = drawn[name]
                with lock:
                    voxels[name].update(_count(drawn[name]))
                    faces[name] |= _on_faces(drawn[name], box, view)

        map_blocks(draw, list(Box.of_shape(view.shape).tiles(block)), sweep="simulate", progress=progress)
        build_pyramid(output, progress=progress)
        tables = {
            "organelles": organelle_rows(voxels, faces, view), "pores": pore_rows(view), "pits": pit_rows(view)
        }  # fmt: skip
        write_tables(partial / FOLDER, tables)
    return {name: len(voxels[name]) for name in LABELS}


def create_zarr(path: Path, window: Window, *, chunk: Triple, pyramid: bool = True) -> OmeOutput:
    """The OME-Zarr that ``window`` is drawn into: arrays in chunks of ``chunk`` voxels and metadata, nothing drawn."""
    plan = ArrayPlan(shape=window.shape, dtype="uint16", chunk=chunk, pyramid=pyramid)
    return create_ome_zarr(
        path,
        image=evolve(plan, dtype="uint8"),
        labels=dict.fromkeys(LABELS, plan),
        voxel_size=VoxelSize(window.voxel_size_nm),
        lower_edge_nm=window.origin_nm,
        provenance={
            "simulated": {**asdict(window.spec), "shape": list(window.shape)},
            FOLDERS: [FOLDER],
            "asem-dataset-simulated": importlib_metadata.version("asem-dataset-simulated"),
        },
    )


def _count(labels: NDArray[Any]) -> dict[int, int]:
    values, counts = np.unique(labels, return_counts=True)
    return {int(value): int(count) for value, count in zip(values, counts, strict=True) if value}


def _on_faces(labels: NDArray[Any], box: Box, view: View) -> set[int]:
    found: set[int] = set()
    for axis in range(3):
        for index, outer in ((0, box.start[axis] == 0), (-1, box.stop[axis] == view.shape[axis])):
            if outer:
                found |= {int(value) for value in np.unique(labels.take(index, axis)) if value}
    return found
