"""Raw on the model's grid: the volume itself, or a temporary copy where tiles could not read it well.

A plane-wise source is copied into chunks; a source on another grid is resampled once. Either way every tile then reads
its own block, mirrored at the volume's faces. Only what the tiles read is copied, unless the model needs to know the
whole volume.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy.typing as npt

from asem_core.blocks.executors import Task, Threads
from asem_core.blocks.fill import Run
from asem_core.geometry import Box, Triple
from asem_core.grid.mirror import mirrored_box, read_mirrored
from asem_core.grid.resample import resample, source_box
from asem_core.models.model import Model
from asem_core.predict.choose import hands
from asem_core.predict.grids import Grids
from asem_core.preprocessing.levels import to_grey_range
from asem_core.preprocessing.scale import ScaleLinear
from asem_core.preprocessing.stages import Statistics, Step
from asem_core.preprocessing.statistics import measured, normalised_by
from asem_core.specs import PreprocessorSpec
from asem_core.volume.formats.zarr_array import ZarrArray
from asem_core.volume.staging import staged_bytes
from asem_core.volume.volume import Volume
from asem_core.volume.window import window

_BLOCK: Triple = (64, 256, 256)
_CHUNK: Triple = (64, 64, 64)
_AT_ONCE = 2
"""Blocks that are resampled at once where a processor computes, which they must leave memory to."""


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
    stats: Statistics
    """Of the whole input, what the model needs."""

    def read(self, box: Box) -> npt.NDArray[Any]:
        """The voxels of ``box`` on the 0..255 scale, mirrored where it reaches past the volume's faces."""
        back = [-o for o in self.origin]
        raw = read_mirrored(lambda inner: self.volume.read(inner.shift(back)), self.shape, box)
        return raw if self.is_grey else to_grey_range(raw)


def copy_bytes(volume: Volume, grids: Grids, reads: Sequence[Box], *, model: Model) -> int:
    """Disk that `prepare` needs at most, in bytes."""
    total = staged_bytes(window(volume, read_part(volume, grids, reads, model=model)))
    if grids.resamples:
        total += 4 * _resampled_part(grids, reads).align_out(_CHUNK).size
    return total


def prepare(
    volume: Volume, grids: Grids, reads: Sequence[Box], *, model: Model, run: Run, at_once: int = 1
) -> ModelGridRaw:
    """Make raw readable on the model's grid, after the stages that run over the volume; copies are temporary ones.

    ``reads`` is what the tiles read, voxels of the model's grid; ``at_once`` is of the session that waits for them.
    """
    volume = run.readable(volume, part=read_part(volume, grids, reads, model=model))
    stats = _statistics(volume, model.needs, run)
    if model.before:
        volume = normalised_by(volume, model.before, run.scratch / "statistics.npz", progress=run.progress)
    if not grids.resamples:
        return ModelGridRaw(volume=volume, origin=(0, 0, 0), shape=volume.shape, is_grey=False, stats=stats)
    box = _resampled_part(grids, reads)
    resampled = _resample(volume, grids, box, run, threads=_AT_ONCE if at_once == 1 else hands(at_once))
    return ModelGridRaw(volume=resampled, origin=box.start, shape=grids.model_shape, is_grey=True, stats=stats)


def _statistics(volume: Volume, needs: tuple[str, ...], run: Run) -> Statistics:
    if not needs:
        return {}
    spec = PreprocessorSpec(
        name="measured",
        version="1",
        summary="measured, not applied",
        statistics=needs,
        fn="asem_core.preprocessing.scale:scale_linear",
        params="asem_core.preprocessing.scale:ScaleLinear",
    )
    step = Step(spec=spec, params=ScaleLinear())
    (found,) = measured(volume, [step], run.scratch / "levels.npz", progress=run.progress)
    return found


def read_part(volume: Volume, grids: Grids, reads: Sequence[Box], *, model: Model) -> Box:
    """The voxels of ``volume`` that are read: all of them where the model measures the whole."""
    if model.before or model.needs:
        return volume.box
    part = _resampled_part(grids, reads)
    return mirrored_box(source_box(part, grids.ratio), volume.shape) if grids.resamples else part


def _resampled_part(grids: Grids, reads: Sequence[Box]) -> Box:
    """The model voxels that are read, mirroring included."""
    start = [min(read.start[axis] for read in reads) for axis in range(3)]
    stop = [max(read.stop[axis] for read in reads) for axis in range(3)]
    return mirrored_box(Box(start, stop), grids.model_shape)


def _resample(volume: Volume, grids: Grids, box: Box, run: Run, *, threads: int) -> Volume:
    """``box`` of the model's grid as a temporary copy, float32 on the 0..255 scale."""
    name = "resampled"
    array = run.array(name, shape=box.shape, dtype="float32", chunk=_CHUNK)

    def compute(local: Box) -> npt.NDArray[Any]:
        block = local.shift(box.start)
        needed = source_box(block, grids.ratio)
        raw = to_grey_range(read_mirrored(volume.read, volume.shape, needed))
        return resample(raw, needed.start, block, grids.ratio)

    run.sweep(
        "resample",
        list(Box.of_shape(box.shape).tiles(_BLOCK)),
        Task(read=compute, write=run.writer(array)),
        executor=Threads(threads),
        scratch=True,
    )
    copy = ZarrArray(array, run.scratch / name)
    return attrs.evolve(volume, array=copy, voxel_size=grids.model_size, chunks=_CHUNK)
