"""An OME-Zarr made block by block: what the stages before and after the network have in common."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from asem_core.blocks.mapping import map_blocks
from asem_core.geometry import Box, FloatTriple, Triple, VoxelSize
from asem_core.progress import Progress, silent
from asem_core.volume.formats.ome_write import ArrayPlan, OmeVersion, build_pyramid, create_ome_zarr
from asem_core.volume.output import complete_or_absent

IMAGE = "image"
_PYRAMID_SHARE = 8 / 7
"""A pyramid with factor 2 per axis holds 1 + 1/8 + 1/64 + ... of level 0."""


def produce(
    destination: Path,
    compute: Callable[[Box], Mapping[str, npt.NDArray[Any]]],
    *,
    image: ArrayPlan,
    labels: Mapping[str, ArrayPlan] | None = None,
    voxel_size: VoxelSize,
    lower_edge_nm: FloatTriple,
    block: Triple,
    provenance: Mapping[str, Any],
    stage: str,
    ome_version: OmeVersion = "0.4",
    overwrite: bool = False,
    progress: Progress = silent,
) -> None:
    """Write an OME-Zarr whose blocks ``compute`` gives; it is complete or not there.

    Parameters
    ----------
    destination
        Folder to create.
    compute
        ``compute(box)`` returns the voxels of ``box`` (voxels of the output, inside it) ``(z, y, x)`` under ``"image"``
        and under the name of every label image. Called for blocks in any order, from several threads.
    image, labels
        What to make.
    voxel_size, lower_edge_nm
        Of level 0, nm.
    block
        Voxels per axis of a block, rounded up to whole chunks: every chunk has one writer.
    provenance
        Goes into the metadata of the output.
    stage
        Name of the work, for ``progress``.

    Raises
    ------
    OutputError
        See `complete_or_absent`.
    """
    plans = {IMAGE: image, **(labels or {})}
    needed = sum(math.prod(plan.shape) * plan.dtype.itemsize for plan in plans.values())
    with complete_or_absent(destination, needed_bytes=int(needed * _PYRAMID_SHARE), overwrite=overwrite) as partial:
        output = create_ome_zarr(
            partial, image=image, labels=labels or {}, voxel_size=voxel_size, lower_edge_nm=lower_edge_nm,
            ome_version=ome_version, provenance=provenance,
        )  # fmt: skip
        arrays = {IMAGE: output.image, **output.labels}
        chunks = [array.chunks for array in arrays.values()]
        side = [
            math.lcm(*(c[axis] for c in chunks)) * math.ceil(block[axis] / math.lcm(*(c[axis] for c in chunks)))
            for axis in range(3)
        ]

        def write(box: Box) -> None:
            found = compute(box)
            for name, array in arrays.items():
                array[box.slices] = np.asarray(found[name]).astype(array.dtype, copy=False)

        map_blocks(write, list(Box.of_shape(image.shape).tiles(side)), stage=stage, progress=progress)
        build_pyramid(output, progress=progress)
