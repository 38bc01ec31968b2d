"""What is annotated at once: a region in memory, with its prepared volume."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_annotate.labelling import Seeds
from asem_annotate.prepared import Prepared, bytes_per_voxel, prepare
from asem_annotate.region import Grey, Region, check_named, kinds_of, open_region, to_uint8
from asem_annotate.settings import Settings
from asem_annotate.store import load_prepared, prepared_path, save_prepared
from asem_core.errors import BudgetError
from asem_core.geometry import Box, BoxNm, VoxelSize
from asem_core.memory import available_memory
from asem_core.progress import Progress, silent
from asem_core.registry import Registry
from asem_core.volume import Volume, check_grey

log = logging.getLogger(__name__)

LARGEST = 512**3
"""Voxels that are cut at once: a cut looks at all of them together."""


@attrs.frozen(kw_only=True, eq=False)
class Scene(Region):
    """A region that was read."""

    image: npt.NDArray[Any]
    """``(z, y, x)`` of ``part``, as it is stored."""
    grey: npt.NDArray[np.uint8]
    """The same on 0..255."""
    strokes: Seeds
    """``(z, y, x)`` of ``part``."""

    @property
    def kinds(self) -> set[int]:
        """The values that occur in `strokes`."""
        return kinds_of(self.strokes)

    def prepare(self, settings: Settings, *, progress: Progress = silent) -> tuple[Prepared, bool]:
        """The prepared volume, and whether it was made before: what lies beside local seeds is used again.

        Raises
        ------
        BudgetError
            Not enough memory for so many supervoxels.
        """
        check_memory(self.part, self.raw, settings)
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
    settings: Settings,
    registry: Registry | None = None,
    voxel_size: VoxelSize | Sequence[float] | None = None,
    grey: Grey = None,
    progress: Progress = silent,
) -> Scene:
    """Open a volume and its seeds, and read them; parameters as of `open_region`. ``settings`` are to be cut with.

    Raises
    ------
    AsemError
        As `open_region` and `read_scene`.
    """
    region = open_region(volume, seeds, roi=roi, names=names, registry=registry, voxel_size=voxel_size, grey=grey)
    return read_scene(region, names=names, settings=settings, progress=progress)


def read_scene(region: Region, *, names: Sequence[str], settings: Settings, progress: Progress = silent) -> Scene:
    """Read a region.

    Raises
    ------
    BudgetError
        It is larger than `LARGEST`, or than memory.
    VolumeError
        Seeds of a value that nothing was named for, or grey levels that cannot be.
    """
    raw, part = region.raw, region.part
    check_size(part, raw)
    check_memory(part, raw, settings)
    found = region.of_part(region.seeds)
    strokes = found.read(found.box)
    check_named(region, kinds_of(strokes), names)
    check_grey(raw, grey=region.levels, box=part, progress=progress)
    return Scene(
        raw=raw,
        levels=region.levels,
        seeds=region.seeds,
        part=part,
        image=raw.read(part),
        grey=to_uint8(region.graded.read(part)),
        strokes=strokes.astype(np.uint8),
    )


def fits_at_once(part: Box) -> bool:
    """Whether a cut may look at all of it together."""
    return part.size <= LARGEST


def check_size(part: Box, volume: Volume, *, remedy: str = "cut a part (--roi), another one after it") -> None:
    """Refuse a part that cannot be cut at once.

    Raises
    ------
    BudgetError
        It is larger than `LARGEST`.
    """
    if not fits_at_once(part):
        raise BudgetError(
            f"{volume.uri}: a graph cut takes 512^3 voxels at most at once, this is {_sides(part)}: {remedy}"
        )


def check_memory(
    part: Box,
    volume: Volume,
    settings: Settings,
    *,
    remedy: str = "cut a part (--roi), or take larger supervoxels (--edge)",
) -> None:
    """Refuse a part for which there is not enough memory.

    Raises
    ------
    BudgetError
        Says how much there would have to be.
    """
    needed, free = part.size * bytes_per_voxel(settings, volume.voxel_size), available_memory()
    if needed > free:
        raise BudgetError(
            f"{volume.uri}: a graph cut of {_sides(part)} voxels needs about {needed / 1e9:.2g} GB of memory, "
            f"{free / 1e9:.2g} GB are free: {remedy}"
        )


def _sides(part: Box) -> str:
    return " x ".join(map(str, part.shape))
