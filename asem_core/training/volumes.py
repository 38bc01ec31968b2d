"""What a run trains on: each volume's raw and labels on the recipe's grid, in memory or read block by block."""

from __future__ import annotations

import logging
import math
import tempfile
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.errors import RecipeError, VolumeError
from asem_core.geometry import Box, VoxelSize, resampled_shape
from asem_core.grid.place import SAME_GRID, cut
from asem_core.network import TILE_HALO
from asem_core.preprocessing.stages import Step, make_steps, measure, normalised, split_steps
from asem_core.progress import Progress, silent
from asem_core.registry import Registry
from asem_core.specs import StageRef
from asem_core.training.gridded import Counted, OnGrid, covering, make_grey, make_ones
from asem_core.training.recipe import Data, Recipe
from asem_core.volume import Volume, as_volume
from asem_core.volume.address import beside
from asem_core.volume.check import check_grey, graded, settled_range
from asem_core.volume.grey import GreyLevels, levels_on_scale, on_grey_range, parse_grey
from asem_core.volume.staging import copy_in_chunks
from asem_core.volume.volume import LazyArray
from asem_core.volume.window import window

log = logging.getLogger(__name__)

_WHOLE = (slice(None),) * 3
_THICK = 1.5


@attrs.frozen(kw_only=True, eq=False)
class OpenedVolume:
    """Raw and labels of one ROI on the recipe's grid, read where they are sliced."""

    name: str
    raw: LazyArray
    """``(z, y, x)`` float32, 0..1; at each face ``context`` voxels larger than the labels."""
    labels: LazyArray
    """``(z, y, x)`` uint8, 0 or 1."""
    share: float
    """Relative probability of being sampled."""
    inside: LazyArray | None = None
    """``(z, y, x)`` uint8, 1 where training and scores count: in the mask, where somebody has judged; None:
    everywhere."""
    context: int = 0
    thick: bool = False
    """Whether its sections are so thick that z is not interchanged with y and x; see `is_thick`."""
    levels: GreyLevels | None = None
    """Of the stored image, on the 0..255 scale."""

    @property
    def memory(self) -> int:
        """Bytes that it takes in memory."""
        parts = [part for part in (self.raw, self.labels, self.inside) if part is not None]
        return sum(math.prod(part.shape) * part.dtype.itemsize for part in parts)

    def held(self) -> LabelledVolume:
        """The same in memory."""
        return LabelledVolume(
            name=self.name,
            raw=self.raw[_WHOLE],
            labels=self.labels[_WHOLE],
            share=self.share,
            inside=None if self.inside is None else self.inside[_WHOLE],
            context=self.context,
            thick=self.thick,
            levels=self.levels,
        )


@attrs.frozen(kw_only=True, eq=False)
class LabelledVolume(OpenedVolume):
    """An `OpenedVolume` in memory."""

    raw: npt.NDArray[np.float32]
    labels: npt.NDArray[np.uint8]
    inside: npt.NDArray[np.uint8] | None = None

    def held(self) -> LabelledVolume:
        """Itself."""
        return self


def open_all(
    recipe: Recipe, *, folder: Path, registry: Registry, room: int, scratch: Path, progress: Progress = silent
) -> tuple[list[OpenedVolume], list[LabelledVolume]]:
    """What ``recipe`` trains on, in memory as far as it has ``room`` (bytes); and what it validates on, in memory."""
    grid = VoxelSize(recipe.voxel_size_nm)
    known: dict[str, Any] = {"folder": folder, "organelle": recipe.organelle, "grid": grid, "registry": registry}
    known["stages"] = recipe.preprocess or ()
    every, training = len(recipe.training) + len(recipe.validation), []
    progress("read", 0, every)
    for data in recipe.training:
        if recipe.share == "equal" and data.share is None:
            data = attrs.evolve(data, share=1.0)
        volume = open_data(data, **known, room=room, scratch=scratch, progress=progress)
        if isinstance(volume, LabelledVolume):
            room -= volume.memory
        training.append(volume)
        progress("read", len(training), every)
    total = sum(volume.share for volume in training)
    for volume in training:
        where = "in memory" if isinstance(volume, LabelledVolume) else "read block by block"
        gigabytes, share = volume.memory / 1e9, volume.share / total
        log.info(
            "%s: %.3g GB on the model's grid, %s, %.0f %% of all blocks", volume.name, gigabytes, where, 100 * share
        )
    validation = []
    for data in recipe.validation:
        validation.append(load_data(data, **known))
        progress("read", len(training) + len(validation), every)
    return training, validation


def load_data(
    data: Data, *, folder: Path, organelle: str, grid: VoxelSize, registry: Registry, stages: Sequence[StageRef] = ()
) -> LabelledVolume:
    """The ROI of ``data`` in memory; see `open_data`."""
    with tempfile.TemporaryDirectory() as scratch:
        return open_data(
            data,
            folder=folder,
            organelle=organelle,
            grid=grid,
            registry=registry,
            stages=stages,
            room=math.inf,
            scratch=Path(scratch),
        ).held()


def open_data(
    data: Data,
    *,
    folder: Path,
    organelle: str,
    grid: VoxelSize,
    registry: Registry,
    stages: Sequence[StageRef] = (),
    room: float,
    scratch: Path,
    progress: Progress = silent,
) -> OpenedVolume:
    """The ROI of ``data`` on ``grid``, raw by area-weighted mean, labels by mode: in memory where that has ``room``.

    Raw goes through ``stages`` as in `asem segment`: what they measure is of the whole volume, whatever the ROI.

    Parameters
    ----------
    room
        Bytes. What is larger is read block by block, and every block equals that of the array in memory.
    scratch
        Folder for chunked copies of sections, which cannot be read by blocks; it stays as long as the volume is read.

    Raises
    ------
    RecipeError
        The ROI reaches outside; where labels are read, here or later: negative ones other than ``unlabelled``.
    GeometryError
        Labels or mask do not cover the ROI, or their voxel sizes differ.
    VolumeError
        A file is missing or unreadable, or an image that a model cannot be given (`check_grey`).
    """
    raw, labels, mask, roi = sources(data, folder=folder, organelle=organelle, registry=registry)
    if data.voxel_size_nm and not raw.voxel_size.matches(VoxelSize(data.voxel_size_nm), tolerance=SAME_GRID):
        log.warning("%s states voxels of %s: the recipe's voxel_size_nm is not used for it", raw.uri, raw.voxel_size)
    part = window(raw, roi)
    range_ = settled_range(raw, parse_grey(data.grey) if data.grey else None, option="grey: ")
    check_grey(raw, grey=range_, option="grey: ", box=roi, progress=progress)
    shape = resampled_shape(roi.shape, raw.voxel_size, grid)
    context = TILE_HALO if data.context else 0
    some = mask is not None or data.unlabelled is not None or bool(data.left_out)
    held = math.prod(n + 2 * context for n in shape) * 4 + math.prod(shape) * (1 + some) <= room
    steps = make_steps(stages, registry)
    with tempfile.TemporaryDirectory(dir=scratch) if held else nullcontext(str(scratch)) as place:
        by_blocks = partial(_by_blocks, scratch=Path(place), progress=progress)
        image = _image(graded(raw, range_), roi, grid, steps, context=context, by_blocks=by_blocks, held=held)
        if not held:
            labels, mask = by_blocks(labels, labels.box), None if mask is None else by_blocks(mask, mask.box)
        chosen = make_ones(partial(_checked_organelle, data=data))
        opened = OpenedVolume(
            name=data.name or f"{data.raw}[{roi}]",
            raw=image,
            labels=OnGrid(volume=labels, roi=labels.box, grid=grid, make=chosen, dtype=np.uint8),
            inside=_inside(data, labels, mask, roi, grid) if some else None,
            context=context,
            thick=is_thick(raw.voxel_size),
            levels=levels_on_scale(part if range_ is None else on_grey_range(part, range_)),
            share=math.prod(shape) * grid.volume_nm3 / 1e9 if data.share is None else data.share,
        )
        return opened.held() if held else opened


def image_on_grid(volume: Volume, roi: Box, grid: VoxelSize, steps: Sequence[Step]) -> npt.NDArray[np.float32]:
    """The ROI on ``grid`` after ``steps``, ``(z, y, x)``, 0..1; what ``steps`` measure is of all of ``volume``."""
    with tempfile.TemporaryDirectory() as scratch:
        by_blocks = partial(_by_blocks, scratch=Path(scratch), progress=silent)
        return _image(volume, roi, grid, steps, context=0, by_blocks=by_blocks, held=True)[_WHOLE]


def is_thick(voxel_size: VoxelSize) -> bool:
    """Whether axes of such voxels are too unlike to be interchanged: a section of 70 nm does not look like one of 10.

    >>> is_thick(VoxelSize((70, 10, 10))), is_thick(VoxelSize((5.2, 4, 4)))
    (True, False)
    """
    return max(voxel_size.zyx) > _THICK * min(voxel_size.zyx)


def is_organelle(labels: npt.NDArray[Any], *, unlabelled: int | None = None) -> npt.NDArray[np.bool_]:
    """Which of ``labels``, of any shape, are the organelle; see `asem_core.training.recipe.Data.unlabelled`.

    >>> is_organelle(np.array([0, 1, 2, 3]), unlabelled=0), is_organelle(np.array([0, 1, 2, 255]), unlabelled=255)
    (array([False, False,  True,  True]), array([False,  True,  True, False]))
    """
    if unlabelled == 0:
        return np.asarray(labels > 1)
    return np.asarray(labels != 0 if unlabelled is None else (labels != 0) & (labels != unlabelled))


def check_not_negative(labels: npt.NDArray[Any], name: str, *, unlabelled: int | None, option: str) -> None:
    """Refuse ``labels``, of any shape, that are below 0 and not ``unlabelled``; ``option`` is how one says the latter.

    Raises
    ------
    RecipeError
        There are such.
    """
    negative = [int(value) for value in np.unique(labels[labels < 0]) if value != unlabelled]
    if negative:
        raise RecipeError(
            f"{name} holds {negative[0]}, but labels are 0 and above: if nobody has judged those voxels, say so with "
            f"{option} {negative[0]}, else write the labels without it"
        )


def _checked_organelle(labels: npt.NDArray[Any], *, data: Data) -> npt.NDArray[np.bool_]:
    check_not_negative(labels, data.labels, unlabelled=data.unlabelled, option="unlabelled:")
    return is_organelle(labels, unlabelled=data.unlabelled)


def sources(
    data: Data, *, folder: Path, organelle: str, registry: Registry
) -> tuple[Volume, Volume, Volume | None, Box]:
    """Raw; labels and mask, cut to the ROI; the ROI in raw. Labels and mask that state no voxel size have that of raw.

    Raises
    ------
    RecipeError, GeometryError, VolumeError
        As `open_data`; nothing is read.
    """
    opened = partial(as_volume, registry=registry, only_if_unstated=True)
    try:
        raw = opened(beside(folder, data.raw), voxel_size=data.voxel_size_nm)
        named = data.organelle or organelle
        drawn = opened(beside(folder, data.labels), labels=named, voxel_size=raw.voxel_size)
    except VolumeError as exc:
        hint = "; in a recipe that is `voxel_size_nm: [z, y, x]` beside `raw:`" if "--voxel-size" in str(exc) else ""
        raise VolumeError(f"{exc}{hint}") from exc
    roi = Box.parse(data.roi) if data.roi else raw.box
    if not raw.box.contains(roi):
        raise RecipeError(f"the ROI {roi} reaches outside {data.raw}, which is {raw.shape} voxels")
    labels = cut(drawn, raw, roi)
    if data.mask is None:
        return raw, labels, None, roi
    mask = opened(beside(folder, data.mask), voxel_size=raw.voxel_size)
    return raw, labels, cut(mask, raw, roi), roi


def _image(
    volume: Volume,
    roi: Box,
    grid: VoxelSize,
    steps: Sequence[Step],
    *,
    context: int,
    by_blocks: Callable[[Volume, Box], Volume],
    held: bool,
) -> OnGrid:
    before, inside = split_steps(steps)
    if before:
        source = by_blocks(volume, volume.box)
        volume = normalised(source, before, measure(source, before))
    elif not held:
        volume = by_blocks(volume, volume.box if context else roi)
    return OnGrid(volume=volume, roi=roi, grid=grid, make=make_grey(inside, grid), dtype=np.float32, context=context)


def _inside(data: Data, labels: Volume, mask: Volume | None, roi: Box, grid: VoxelSize) -> Counted:
    on_grid = partial(OnGrid, roi=labels.box, grid=grid, dtype=np.uint8)
    parts = [] if mask is None else [on_grid(volume=mask, roi=mask.box, make=make_ones(is_organelle))]
    if data.unlabelled is not None:
        parts.append(on_grid(volume=labels, make=make_ones(lambda ids: ids != data.unlabelled)))
    size = labels.voxel_size
    left_out = [covering(Box.parse(box), roi, size, grid) for box in data.left_out]
    return Counted(shape=resampled_shape(roi.shape, size, grid), parts=parts, left_out=left_out)


def _by_blocks(volume: Volume, part: Box, *, scratch: Path, progress: Progress) -> Volume:
    """``volume``, or where it is stored as sections one of which ``part`` alone, copied into chunks, can be read."""
    if not volume.planewise:
        return volume
    copy = copy_in_chunks(window(volume, part), Path(tempfile.mkdtemp(dir=scratch)) / "copy", progress=progress)
    return window(copy, volume.box.shift([-s for s in part.start]))
