"""A part of a volume and the seeds on it, opened and checked; `asem_annotate.scene` reads them into memory."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Literal

import attrs
import numpy as np
import numpy.typing as npt

from asem_annotate.labelling import BACKGROUND, NOTHING
from asem_core.blocks import map_blocks
from asem_core.errors import GeometryError, VolumeError
from asem_core.geometry import Box, BoxNm, VoxelSize
from asem_core.grid import cut, overlap
from asem_core.preprocessing import to_grey_range
from asem_core.progress import Progress, silent
from asem_core.registry import Registry
from asem_core.volume import GreyRange, Volume, as_volume, graded, settled_range, slabs_of

Grey = GreyRange | Literal["auto"] | None


@attrs.frozen(kw_only=True, eq=False)
class Region:
    """Where there are seeds. Nothing is read."""

    raw: Volume
    """As it is stored."""
    levels: GreyRange | None
    """Grey levels that become 0 and 255; None: the type says which."""
    seeds: Volume
    """As they were given."""
    part: Box
    """Voxels of the volume."""

    @property
    def graded(self) -> Volume:
        """`raw` with its grey levels on 0..255, or on what stands for it."""
        return graded(self.raw, self.levels)

    def of_part(self, volume: Volume) -> Volume:
        """The voxels of another volume on the same grid that lie on ``part``."""
        return cut(volume, self.raw, self.part)


def open_region(
    volume: Volume | str | Path,
    seeds: Volume | str | Path,
    *,
    roi: Box | BoxNm | None = None,
    names: Sequence[str],
    registry: Registry | None = None,
    voxel_size: VoxelSize | Sequence[float] | None = None,
    grey: Grey = None,
) -> Region:
    """Open a volume and its seeds.

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
    VolumeError
        Seeds that are no integers.
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
    return Region(raw=raw, levels=settled_range(raw, grey), seeds=given, part=part)


def find_kinds(seeds: Volume, *, progress: Progress = silent) -> set[int]:
    """The values that occur in seeds; they are streamed."""
    found = map_blocks(lambda box: kinds_of(seeds.read(box)), slabs_of(seeds), sweep="reading seeds", progress=progress)
    return set().union(*found)


def kinds_of(seeds: npt.NDArray[Any]) -> set[int]:
    """The values that occur in seeds."""
    return set(np.unique(seeds).astype(int).tolist())


def check_named(region: Region, kinds: Collection[int], names: Sequence[str]) -> None:
    """Refuse seeds of a value that nothing was named for.

    Raises
    ------
    VolumeError
        Says which.
    """
    wrong = sorted(set(kinds) - set(range(BACKGROUND + len(names) + 1)))
    if wrong:
        known = ", ".join(f"{value} {name}" for value, name in enumerate(["background", *names], start=BACKGROUND))
        raise VolumeError(
            f"{region.seeds.uri}: seeds are 0 nothing, {known}; found {wrong[0]}: name what it is too (--organelle "
            "once for each value from 2 up), or correct the seeds"
        )


def check_both(region: Region, kinds: Collection[int], names: Sequence[str]) -> None:
    """Refuse seeds of which a kind is missing.

    Raises
    ------
    VolumeError
        Says which.
    """
    for value, name in enumerate(["background", *names], start=BACKGROUND):
        if value not in kinds:
            raise VolumeError(
                f"{region.seeds.uri}: no voxel is marked as {name} ({value}) in {region.part} (z,y,x voxels): mark "
                "some; a cut needs seeds of every kind"
            )


def check_any(region: Region, kinds: Collection[int]) -> None:
    """Refuse seeds that say nothing.

    Raises
    ------
    VolumeError
        There are none.
    """
    if not set(kinds) - {NOTHING}:
        raise VolumeError(f"{region.seeds.uri}: nothing is marked in {region.part} (z,y,x voxels): mark what is wrong")


def to_uint8(raw: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Grey levels ``(z, y, x)`` as `asem_core.volume.graded` gives them, on 0..255."""
    return raw if raw.dtype == np.uint8 else np.rint(to_grey_range(raw)).astype(np.uint8)
