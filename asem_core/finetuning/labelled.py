"""What of a volume is labelled, and whether a network can learn from it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.errors import RecipeError
from asem_core.geometry import AXES, Box, BoxNm, VoxelSize
from asem_core.grid.place import cut, overlap
from asem_core.training.volumes import check_not_negative, is_organelle
from asem_core.volume.volume import Volume

log = logging.getLogger(__name__)

UNLABELLED, BACKGROUND, ORGANELLE = range(3)
LEAST_SIDE_NM = 100.0
"""Of a box in which every voxel counts: a smaller one shows no organelle."""


@attrs.frozen(kw_only=True, eq=False)
class Labelled:
    """A box of a volume that somebody has labelled."""

    source: int
    """Number of the pair of volume and labels that it belongs to."""
    volume: str
    """Address of the image: pairs that share it have labels in one place."""
    box: Box
    """Voxels of the volume."""
    voxel_size: VoxelSize
    state: npt.NDArray[np.uint8]
    """``(z, y, x)`` of ``box``: `UNLABELLED`, `BACKGROUND` or `ORGANELLE`."""
    left_out: tuple[Box, ...] = ()
    """Boxes in it, voxels of the volume, whose labels are held back: there it is `UNLABELLED`."""

    @property
    def background(self) -> int:
        """Voxels that are labelled as not the organelle."""
        return int(np.count_nonzero(self.state == BACKGROUND))

    @property
    def organelle(self) -> int:
        """Voxels that are labelled as the organelle."""
        return int(np.count_nonzero(self.state == ORGANELLE))

    @property
    def um3(self) -> float:
        """Labelled volume in cubic micrometres."""
        return int(np.count_nonzero(self.state)) * self.voxel_size.volume_nm3 / 1e9

    @property
    def covered_um3(self) -> float:
        """Cubic micrometres of ``box``, labelled or not, but for `left_out`."""
        covered = np.ones(self.state.shape, np.bool_)
        for box in self.left_out:
            covered[box.shift([-s for s in self.box.start]).slices] = False
        return int(np.count_nonzero(covered)) * self.voxel_size.volume_nm3 / 1e9

    def part(self, box: Box) -> Labelled:
        """``box`` (voxels of the volume) of it."""
        inner = box.shift([-s for s in self.box.start])
        return attrs.evolve(self, box=box, state=self.state[inner.slices])


def find_labelled(
    raw: Volume,
    labels: Volume,
    *,
    source: int = 0,
    rois: Sequence[Box | BoxNm] = (),
    unlabelled: int | None = None,
) -> list[Labelled]:
    """The labelled boxes of ``raw``: ``rois``, else all that ``labels`` cover; cut to what anybody has judged.

    Parameters
    ----------
    raw, labels
        On one grid; the labels may cover a part only. Of the labels the boxes are read.
    rois
        In voxels of ``raw``, or nm.
    unlabelled
        Value of voxels that nobody has judged, see `asem_core.training.recipe.Data.unlabelled`.

    Raises
    ------
    GeometryError
        The two do not lie on one grid or do not overlap, or a box reaches outside.
    RecipeError
        Labels that are no integers, or negative ones other than ``unlabelled``; a box without labels; one that is
        thinner than `LEAST_SIDE_NM` although every voxel counts.
    """
    if labels.dtype.kind not in "biu":
        raise RecipeError(f"{labels.uri} holds {labels.dtype}, not labels: expected integers, 0 for background")
    boxes = [raw.part(roi) for roi in rois] or [overlap(labels, raw)]
    return [_read(raw, labels, box, source=source, unlabelled=unlabelled) for box in boxes]


def check_both(found: Sequence[Labelled]) -> None:
    """Refuse labels that are all background, or all organelle.

    Raises
    ------
    RecipeError
        Says which is missing, and what may be the reason.
    """
    if not any(each.organelle for each in found):
        raise RecipeError(
            "nothing is labelled as the organelle: label some of it, or check --roi and --unlabelled (with "
            "--unlabelled 0, 1 is background and 2 the organelle)"
        )
    if not any(each.background for each in found):
        raise RecipeError(
            "nothing is labelled as background: label what is not the organelle too (as 1 with --unlabelled 0, else as "
            "0)"
        )


def _read(raw: Volume, labels: Volume, box: Box, *, source: int, unlabelled: int | None) -> Labelled:
    part = cut(labels, raw, box)
    values = part.read(part.box)
    _check_values(values, labels.uri, unlabelled=unlabelled)
    state = np.where(is_organelle(values, unlabelled=unlabelled), ORGANELLE, BACKGROUND).astype(np.uint8)
    if unlabelled is not None:
        state[values == unlabelled] = UNLABELLED
    planes = [np.flatnonzero((state != UNLABELLED).any(tuple({0, 1, 2} - {axis}))) for axis in range(3)]
    if not all(len(found) for found in planes):
        raise RecipeError(f"{labels.uri}: nothing is labelled in {box} (z,y,x voxels of {raw.uri})")
    whole = Labelled(source=source, volume=raw.uri, box=box, voxel_size=raw.voxel_size, state=state)
    start = [s + int(found[0]) for s, found in zip(box.start, planes, strict=True)]
    stop = [s + int(found[-1]) + 1 for s, found in zip(box.start, planes, strict=True)]
    tight = whole.part(Box(start, stop))
    sides = [n * v for n, v in zip(tight.box.shape, raw.voxel_size.zyx, strict=True)]
    short = [f"{axis} {side:g} nm" for axis, side in zip(AXES, sides, strict=True) if side < LEAST_SIDE_NM]
    if short and unlabelled is None:
        raise RecipeError(
            f"{labels.uri}: the labelled box {tight.box} (z,y,x voxels) is too thin to learn from "
            f"({', '.join(short)}): label at least {LEAST_SIDE_NM:g} nm along each axis, better a micrometre"
        )
    return tight


def _check_values(values: npt.NDArray[Any], uri: str, *, unlabelled: int | None) -> None:
    """Refuse values that are no labels, and warn of those that may mean something else than they are taken for."""
    highest = int(values.max())
    check_not_negative(values, uri, unlabelled=unlabelled, option="--unlabelled")
    if unlabelled is None and highest == 2 and (values == 1).any():
        log.warning(
            "%s holds 0, 1 and 2: if these are strokes (0 not labelled, 1 background, 2 the organelle), say so with "
            "--unlabelled 0; as it is, 1 and 2 are the organelle",
            uri,
        )
    if unlabelled == 0 and highest > 2:
        log.warning(
            "%s holds values up to %d: with --unlabelled 0 all above 1 are the organelle; if 3 and up are others, as "
            "in strokes of several organelles, write them as 1",
            uri,
            highest,
        )
