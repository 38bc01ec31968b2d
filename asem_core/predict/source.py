"""Raw on the model's grid: the volume itself, or a temporary copy where tiles could not read it well.

A plane-wise source is copied into chunks; a source on another grid is resampled once. Either way every tile then reads
its own block, mirrored at the volume's faces.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.geometry import Box, Triple, triple
from asem_core.grid.mirror import mirrored_span, read_mirrored
from asem_core.grid.resample import resample, source_box
from asem_core.predict.grids import Grids
from asem_core.preprocess.intensity import EqualizeHistogram
from asem_core.preprocess.levels import to_grey_range
from asem_core.preprocess.stages import Step, normalised
from asem_core.preprocess.statistics import measured
from asem_core.progress import Progress
from asem_core.specs import PreprocessorSpec
from asem_core.volume.formats.zarr_array import ZarrArray, open_array
from asem_core.volume.staging import stage, staged_bytes
from asem_core.volume.volume import Volume

_BLOCK: Triple = (64, 256, 256)
_CHUNK: Triple = (64, 64, 64)
_COUNTING = PreprocessorSpec(
    name="grey_levels", version="1", summary="counts grey levels", needs=("asem_core.preprocess.intensity:histogram",),
    fn="asem_core.preprocess.intensity:equalize_histogram", params="asem_core.preprocess.intensity:EqualizeHistogram",
)  # fmt: skip
"""Measured, not applied."""


@attrs.frozen(kw_only=True)
class ModelGridRaw:
    """Raw on the model's grid, read by boxes in voxels of the whole volume on that grid."""

    volume: Volume
    origin: Triple
    """Where ``volume`` begins."""
    shape: Triple
    """Of the whole volume on the model's grid."""
    is_grey: bool
    """Whether ``volume`` is on the 0..255 scale already (a resampled copy), or as the user stored it."""
    counts: npt.NDArray[np.int64] | None = None
    """Voxels of the whole input per grey level, where they were asked for."""

    def read(self, box: Box) -> npt.NDArray[Any]:
        """The voxels of ``box`` on the 0..255 scale, mirrored where it reaches past the volume's faces."""
        back = [-o for o in self.origin]
        raw = read_mirrored(lambda inner: self.volume.read(inner.shift(back)), self.shape, box)
        return raw if self.is_grey else to_grey_range(raw)


def copy_bytes(volume: Volume, grids: Grids, tiles: Sequence[Box]) -> int:
    """Disk that `prepare` needs at most, in bytes."""
    total = staged_bytes(volume) if volume.planewise else 0
    if grids.resamples:
        total += 4 * _staged_box(grids, tiles).align_out(_CHUNK).size
    return total


def prepare(
    volume: Volume, grids: Grids, tiles: Sequence[Box], steps: Sequence[Step], folder: Path, progress: Progress,
    *, counted: bool = False,
) -> ModelGridRaw:  # fmt: skip
    """Make raw readable on the model's grid for ``tiles``, after ``steps``, with temporary copies under ``folder``.

    ``steps`` run on the input's grid, with statistics of the whole input; ``counted``: its grey levels are counted
    before. A copy that is complete, and statistics that were measured, are used again.
    """
    if volume.planewise:
        volume = _chunked(volume, folder / "sections", progress)
    if counted or steps:
        folder.mkdir(exist_ok=True)
    counts = _counts(volume, folder, progress) if counted else None
    if steps:
        stats = measured(volume, steps, folder / "statistics.npz", progress=progress)
        volume = normalised(volume, steps, stats)
    if not grids.resamples:
        return ModelGridRaw(volume=volume, origin=(0, 0, 0), shape=volume.shape, is_grey=False, counts=counts)
    box = _staged_box(grids, tiles)
    path = folder / "resampled"
    if not path.exists():
        partial = path.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        _resample(volume, grids, box, partial, progress)
        partial.rename(path)
    copy = attrs.evolve(volume, array=ZarrArray(open_array(path), path), voxel_size=grids.model_size, chunks=_CHUNK)
    return ModelGridRaw(volume=copy, origin=box.start, shape=grids.model_shape, is_grey=True, counts=counts)


def _counts(volume: Volume, folder: Path, progress: Progress) -> npt.NDArray[np.int64]:
    step = Step(spec=_COUNTING, params=EqualizeHistogram())
    (found,) = measured(volume, [step], folder / "levels.npz", progress=progress)
    counts: npt.NDArray[np.int64] = found["histogram"]
    return counts


def _chunked(volume: Volume, path: Path, progress: Progress) -> Volume:
    if path.exists():
        return attrs.evolve(volume, array=ZarrArray(open_array(path), path), chunks=_CHUNK)
    partial = path.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    stage(volume, partial, progress=progress)
    partial.rename(path)
    return _chunked(volume, path, progress)


def _staged_box(grids: Grids, tiles: Sequence[Box]) -> Box:
    """The model voxels that ``tiles`` read, mirroring included."""
    reads = [grids.read_box(tile) for tile in tiles]
    spans = [
        mirrored_span(min(r.start[axis] for r in reads), max(r.stop[axis] for r in reads), grids.model_shape[axis])
        for axis in range(3)
    ]
    return Box([a for a, _ in spans], [b for _, b in spans])


def _resample(volume: Volume, grids: Grids, box: Box, path: Path, progress: Progress) -> None:
    import zarr

    chunks = triple([min(c, n) for c, n in zip(_CHUNK, box.shape, strict=True)])
    compressor: Any = {"id": "blosc", "cname": "lz4", "clevel": 1, "shuffle": 1}
    array = zarr.create_array(
        path, shape=box.shape, dtype="float32", chunks=chunks, zarr_format=2, compressors=compressor, fill_value=0
    )

    def write(block: Box) -> None:
        needed = source_box(block, grids.ratio)
        raw = to_grey_range(read_mirrored(volume.read, volume.shape, needed))
        array[block.shift([-s for s in box.start]).slices] = resample(raw, needed.start, block, grids.ratio)

    blocks = list(box.tiles(_BLOCK))
    with ThreadPoolExecutor(2) as pool:
        for done, _ in enumerate(pool.map(write, blocks), start=1):
            progress("resample", done, len(blocks))
