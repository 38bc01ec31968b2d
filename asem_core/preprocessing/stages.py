"""Preprocessors in a written order: measured once on the whole volume, then applied to any part of it.

A stage names the statistics that it needs as functions of a volume (`PreprocessorSpec.statistics`). They are measured
on what the stages before it give, so the second of two stages sees the volume that the first one makes.

A stage with statistics or a halo is given voxels in their stored type. One without judges a voxel by its value alone,
over a volume or inside a tile: it is given float32 on the 0..255 scale in both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.errors import ModelError, PluginError
from asem_core.geometry import Box, Triple, VoxelSize, triple
from asem_core.grid.mirror import read_mirrored
from asem_core.params import make_params
from asem_core.preprocessing.levels import to_grey_range
from asem_core.progress import Progress, silent
from asem_core.registry import Registry, resolve
from asem_core.specs import PreprocessorSpec, StageRef
from asem_core.volume.volume import Volume

Statistics = Mapping[str, npt.NDArray[Any]]

_HISTOGRAM = "asem_core.preprocessing.intensity:histogram"


@attrs.frozen(kw_only=True)
class Step:
    """A stage with its parameters."""

    spec: PreprocessorSpec
    params: Any

    @property
    def by_voxel(self) -> bool:
        """Whether it judges a voxel by its value alone, and so may run inside a tile."""
        return self.spec.halo is None and not self.spec.statistics

    @property
    def any_range(self) -> bool:
        """Whether it finds black and white in the volume's histogram, wherever in the range of the type they lie."""
        return _HISTOGRAM in self.spec.statistics

    @property
    def settings(self) -> dict[str, Any]:
        """Name, version and parameters: what the result depends on, for provenance."""
        return {"name": self.spec.name, "version": self.spec.version, "params": attrs.asdict(self.params)}

    def apply(self, raw: npt.NDArray[Any], *, box: Box, voxel_size: VoxelSize, stats: Statistics) -> npt.NDArray[Any]:
        """The stage's result for ``raw``, which is ``box`` of the volume; `by_voxel`: on the 0..255 scale."""
        if self.by_voxel:
            raw = raw.astype(np.float32, copy=False)
        result: npt.NDArray[Any] = resolve(self.spec.fn)(
            raw, box=box, voxel_size=voxel_size, stats=stats, params=self.params
        )
        if (result.dtype, result.shape) != (np.dtype(self.spec.dtype_out), raw.shape):
            raise PluginError(
                f"the preprocessor {self.spec.name} must give {self.spec.dtype_out} {raw.shape}, "
                f"got {result.dtype} {result.shape}"
            )
        return result

    def halo(self, voxel_size: VoxelSize) -> Triple:
        """Voxels of context, z, y, x, that a block needs."""
        if self.spec.halo is None:
            return (0, 0, 0)
        return triple(resolve(self.spec.halo)(voxel_size, self.params))


def make_steps(stages: Sequence[StageRef], registry: Registry) -> list[Step]:
    """Look up stages by name and check their parameters.

    Raises
    ------
    PluginError
        Unknown stage or parameter; or a stage with a halo or statistics is not given uint8 by those before it.
    """
    specs = [registry.preprocessors[stage.name] for stage in stages]
    steps = [Step(spec=spec, params=make_params(spec, stage.params)) for spec, stage in zip(specs, stages, strict=True)]
    over_volume = _over_volume(steps)
    for step in over_volume[:-1]:
        if step.spec.dtype_out != "uint8":
            raise PluginError(
                f"the stage {step.spec.name!r} gives {step.spec.dtype_out}, but {over_volume[-1].spec.name!r} after it "
                "must be given uint8, 0 to 255: put it after that one"
            )
    return steps


def split_steps(steps: Sequence[Step]) -> tuple[list[Step], list[Step]]:
    """The model's steps that run over the volume, on the input's grid, and those that run inside a tile.

    Those up to the last one that needs statistics or context run over the volume as it is stored.

    Raises
    ------
    ModelError
        The last step over the volume does not give uint8, the 0..255 scale that the steps inside a tile expect.
    """
    before = _over_volume(steps)
    if before and before[-1].spec.dtype_out != "uint8":
        raise ModelError(
            f"the model's stage {before[-1].spec.name!r} runs over the whole volume: it must give uint8, 0 to 255, "
            f"got {before[-1].spec.dtype_out}"
        )
    return before, list(steps[len(before) :])


def _over_volume(steps: Sequence[Step]) -> list[Step]:
    """The steps up to the last one that is not `Step.by_voxel`."""
    return list(steps[: max((n for n, step in enumerate(steps, start=1) if not step.by_voxel), default=0)])


def measure(
    volume: Volume, steps: Sequence[Step], *, known: Sequence[Statistics] = (), progress: Progress = silent
) -> list[Statistics]:
    """The statistics of every step, from the whole of ``volume``.

    Parameters
    ----------
    volume
        As stored; readable by blocks.
    known
        What an earlier call with the same volume and steps gave: taken over, not measured again.

    Returns
    -------
    list
        Per step, its statistics by the name of their function; an empty mapping where it needs none.
    """
    found: list[Statistics] = list(known)
    for step in steps[len(known) :]:
        before = normalised(volume, steps[: len(found)], found)
        wanted = {path.partition(":")[2]: resolve(path) for path in step.spec.statistics}
        found.append({name: fn(before, params=step.params, progress=progress) for name, fn in wanted.items()})
    return found


def normalised(volume: Volume, steps: Sequence[Step], stats: Sequence[Statistics]) -> Volume:
    """``volume`` after ``steps``, computed when it is read; every part is bit-equal to that of the whole.

    Examples
    --------
    >>> import numpy as np
    >>> from asem_core import VoxelSize
    >>> from asem_core.registry import make_registry
    >>> ramp = np.arange(64, dtype=np.uint8).reshape(4, 4, 4)
    >>> cell = Volume(array=ramp, voxel_size=VoxelSize((5, 5, 5)), uri="ramp", format="memory", chunks=(4, 4, 4))
    >>> steps = make_steps([StageRef(name="equalize_histogram")], make_registry())
    >>> normalised(cell, steps, measure(cell, steps)).read(Box((3, 3, 0), (4, 4, 4))).tolist()
    [[[243, 247, 251, 255]]]
    """
    for step, values in zip(steps, stats, strict=True):
        volume = attrs.evolve(volume, array=_Applied(volume, step, values))
    return volume


class _Applied:
    """A `LazyArray` that runs a step on what it reads."""

    def __init__(self, volume: Volume, step: Step, stats: Statistics) -> None:
        self._volume = volume
        self._step = step
        self._stats = stats
        self.shape: Triple = volume.shape
        self.dtype: np.dtype[Any] = np.dtype(step.spec.dtype_out)

    def __getitem__(self, key: tuple[slice, slice, slice]) -> npt.NDArray[Any]:
        spans = [part.indices(n) for part, n in zip(key, self.shape, strict=True)]
        box = Box([start for start, _, _ in spans], [stop for _, stop, _ in spans])
        wide = box.grow(self._step.halo(self._volume.voxel_size))
        raw = read_mirrored(self._volume.read, self.shape, wide)
        if self._step.by_voxel and not isinstance(self._volume.array, _Applied):
            raw = to_grey_range(raw)
        result = self._step.apply(raw, box=wide, voxel_size=self._volume.voxel_size, stats=self._stats)
        return result[box.shift([-a for a in wide.start]).slices]
