"""Digests of the chunk files that a block wrote: what `asem verify` compares with later."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from asem_core.blocks.journal import digest
from asem_core.geometry import Box
from asem_core.volume.formats.ome_write import OmeOutput
from asem_core.volume.formats.zarr_array import chunk_path


def chunk_digests(array: Any, box: Box) -> dict[str, str]:
    """Digest of every chunk file of the Zarr array ``array`` that ``box`` touches, by its path in the store."""
    grid = Box(
        [a // c for a, c in zip(box.start, array.chunks, strict=True)],
        [-(-b // c) for b, c in zip(box.stop, array.chunks, strict=True)],
    )
    root = Path(array.store.root)
    paths = [chunk_path(array, unit.start) for unit in grid.tiles(1)]
    return {path.relative_to(root).as_posix(): digest(path) for path in paths}


def pyramid_digests(output: OmeOutput) -> dict[str, str]:
    """Digests of all chunks of levels 1 and up of the image and its labels."""
    stacks = [output.image_levels, *output.label_levels.values()]
    arrays = [array for levels in stacks for array in levels[1:]]
    return {key: value for array in arrays for key, value in chunk_digests(array, Box.of_shape(array.shape)).items()}
