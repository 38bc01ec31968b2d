"""What is annotated: a part of a volume and the seeds in it, in memory, with the prepared volume of that part."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import attrs
import numpy as np
import numpy.typing as npt

from asem_annotate.labelling import BACKGROUND, NOTHING, Seeds
from asem_annotate.prepared import BYTES_PER_VOXEL, Prepared, prepare
from asem_annotate.settings import Settings
from asem_annotate.store import load_prepared, prepared_path, save_prepared
from asem_core.errors import BudgetError, GeometryError, VolumeError
from asem_core.geometry import Box, BoxNm, VoxelSize
from asem_core.grid import cut, overlap
from asem_core.memory import available_memory
from asem_core.preprocessing import to_grey_range
from asem_core.progress import Progress, silent
from asem_core.registry import Registry
from asem_core.volume import GreyRange, Volume, as_volume, check_values, graded

log = logging.getLogger(__name__)

Grey = GreyRange | Literal["auto"] | None

LARGEST = 512**3
"""Voxels that are cut at once: a cut looks at all of them together."""


@attrs.frozen(kw_only=True, eq=False)
class Scene:
    """A part of a volume with seeds."""

    raw: Volume
    """As it is stored."""
    graded: Volume
    """With its grey levels on 0..255, or on what stands for it."""
    seeds: Volume
    part: Box
    """Voxels of the volume."""
    image: npt.NDArray[Any]
    """``(z, y, x)`` of ``part``, as it is stored."""
    grey: npt.NDArray[np.uint8]
    """The same on 0..255."""
    strokes: Seeds
    """``(z, y, x)`` of ``part``."""

    def of_part(self, volume: Volume) -> Volume:
        """The voxels of another volume on the same grid that lie on ``part``."""
        return cut(volume, self.raw, self.part)

    def prepare(self, settings: Settings, *, progress: Progress = silent) -> tuple[Prepared, bool]:
        """The prepared volume, and whether it was made before: what lies beside local seeds is used again."""
        made_from = self._made_from(settings)
        path = prepared_path(self.seeds.uri, made_from) if Path(self.seeds.uri).exists() else None
        found = load_prepared(path, made_from) if path else None
        if found is not None:
            return found, True
        size = self.raw.voxel_size
        found = prepare(self.grey, box=self.part, voxel_size=size, settings=settings, progress=progress)
        if path:
            self._save(path, found, made_from)
        return found, False

    def _save(self, path: Path, found: Prepared, made_from: Mapping[str, Any]) -> None:
        try:
            save_prepared(path, found, made_from)
        except OSError as error:
            log.warning("%s cannot be written (%s): the volume will be prepared again next time", path, error.strerror)

    def _made_from(self, settings: Settings) -> dict[str, Any]:
        return {
            "volume": dict(self.graded.identity), "voxel_size_nm": list(self.raw.voxel_size.zyx),
            "part": str(self.part), "settings": settings.of_preparation,
        }  # fmt: skip


def open_scene(
    volume: Volume | str | Path,
    seeds: Volume | str | Path,
    *,
    roi: Box | BoxNm | None = None,
    names: Sequence[str],
    registry: Registry | None = None,
    voxel_size: VoxelSize | Sequence[float] | None = None,
    grey: Grey = None,
    progress: Progress = silent,
) -> Scene:
    """Open a volume and read its seeds.

    Parameters
    ----------
    seeds
        Integers on the grid of ``volume``. Where they cover a part of it, that part is annotated.
    roi
        By default all that the seeds cover.
    names
        What the values from 2 up mean.

    Raises
    ------
    GeometryError
        The two do not lie on one grid, or seeds of another shape do not say where they lie.
    BudgetError
        The part is larger than `LARGEST`, or than memory.
    VolumeError
        Seeds that are no integers, or of a value that nothing was named for.
    """
    raw = as_volume(volume, registry=registry, voxel_size=voxel_size)
    given = as_volume(seeds, registry=registry, voxel_size=voxel_size or raw.voxel_size, only_if_unstated=True)
    if given.dtype.kind not in "biu":
        raise VolumeError(f"{given.uri} holds {given.dtype}, not seeds: expected integers (0 nothing, 1 background, 2 "
                          f"{names[0]})")  # fmt: skip
    if given.shape != raw.shape and not given.placed:
        raise GeometryError(
            f"{given.uri} is {given.shape} voxels and says not where it lies in {raw.uri}, which is {raw.shape}: seeds "
            "are of the volume's shape, or an OME-Zarr that states its place"
        )
    part = raw.part(roi) if roi is not None else overlap(given, raw)
    check_size(part, raw)
    found = cut(given, raw, part)
    strokes = found.read(found.box)
    _check_seeds(strokes, given, names)
    levels = graded(raw, grey)
    check_values(levels, box=part, progress=progress)
    return Scene(
        raw=raw,
        graded=levels,
        seeds=given,
        part=part,
        image=raw.read(part),
        grey=to_uint8(levels.read(part)),
        strokes=strokes.astype(np.uint8),
    )


def to_uint8(raw: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Grey levels ``(z, y, x)`` as `asem_core.volume.graded` gives them, on 0..255."""
    return raw if raw.dtype == np.uint8 else np.rint(to_grey_range(raw)).astype(np.uint8)


def check_both(scene: Scene, names: Sequence[str]) -> None:
    """Refuse seeds of which a kind is missing.

    Raises
    ------
    VolumeError
        Says which.
    """
    there = set(np.unique(scene.strokes).tolist())
    for value, name in enumerate(["background", *names], start=BACKGROUND):
        if value not in there:
            raise VolumeError(
                f"{scene.seeds.uri}: no voxel is marked as {name} ({value}) in {scene.part} (z,y,x voxels): mark some; "
                "a cut needs seeds of every kind"
            )


def check_any(scene: Scene) -> None:
    """Refuse seeds that say nothing.

    Raises
    ------
    VolumeError
        There are none.
    """
    if not (scene.strokes != NOTHING).any():
        raise VolumeError(f"{scene.seeds.uri}: nothing is marked in {scene.part} (z,y,x voxels): mark what is wrong")


def check_size(part: Box, volume: Volume, *, remedy: str = "cut a part (--roi), another one after it") -> None:
    """Refuse a part that cannot be cut at once.

    Raises
    ------
    BudgetError
        It is larger than `LARGEST`, or than memory.
    """
    sides = " x ".join(map(str, part.shape))
    if part.size > LARGEST:
        raise BudgetError(f"{volume.uri}: a graph cut takes 512^3 voxels at most, this is {sides}: {remedy}")
    needed, free = part.size * BYTES_PER_VOXEL, available_memory()
    if needed > free:
        raise BudgetError(
            f"{volume.uri}: a graph cut of {sides} voxels needs about {needed / 1e9:.2g} GB of memory, "
            f"{free / 1e9:.2g} GB are free: {remedy}"
        )


def _check_seeds(strokes: npt.NDArray[Any], seeds: Volume, names: Sequence[str]) -> None:
    highest = BACKGROUND + len(names)
    values = np.unique(strokes)
    wrong = values[(values < NOTHING) | (values > highest)]
    if len(wrong):
        known = ", ".join(f"{value} {name}" for value, name in enumerate(["background", *names], start=BACKGROUND))
        raise VolumeError(
            f"{seeds.uri}: seeds are 0 nothing, {known}; found {wrong[0]}: name what it is too (--organelle once for "
            "each value from 2 up), or correct the seeds"
        )
