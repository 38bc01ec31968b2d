"""Where one volume lies in the voxels of another: placed by shape or position, cut to its frame, pasted into it."""

from __future__ import annotations

import logging

import attrs

from asem_core.errors import GeometryError
from asem_core.geometry import WHOLE_VOXEL, Box, Triple, triple
from asem_core.volume.volume import Volume
from asem_core.volume.window import window

log = logging.getLogger(__name__)

SAME_GRID = 1e-3
"""Relative difference of voxel sizes up to which two volumes are on one grid."""


@attrs.frozen(kw_only=True)
class Placed:
    """A volume and the voxel of the reference frame at which its voxel 0 lies."""

    volume: Volume
    start: Triple
    by: str
    """``"shape"`` or ``"position"``: what it was aligned by."""

    @property
    def box(self) -> Box:
        """The volume's box in the reference frame."""
        return self.volume.box.shift(self.start)

    def local(self, box: Box) -> Box:
        """``box`` of the reference frame in the volume's own voxels."""
        return box.shift([-s for s in self.start])


def place(volume: Volume, reference: Volume) -> Placed:
    """Align ``volume`` with ``reference``.

    Two volumes of one shape lie on each other if at least one of them states no position, as most TIFF. In every other
    case their positions in nm decide.

    Raises
    ------
    GeometryError
        The voxel sizes differ by more than 0.1 %, the positions differ by a broken number of voxels, or the volumes
        do not overlap.
    """
    check_same_grid(volume, reference)
    if same_place(volume, reference):
        return Placed(volume=volume, start=(0, 0, 0), by="shape")
    placed = Placed(volume=volume, start=whole_voxels(volume, reference), by="position")
    if placed.box.intersect(reference.box).size == 0:
        raise GeometryError(
            f"nothing to compare: {_where(volume)} and {_where(reference)} do not overlap; "
            "check that both are of the same cell and in the same frame"
        )
    return placed


def overlap(volume: Volume, reference: Volume) -> Box:
    """The voxels of ``reference`` that ``volume`` covers.

    Raises
    ------
    GeometryError
        As `place`.
    """
    return place(volume, reference).box.intersect(reference.box)


def place_beside(volume: Volume, labels: Placed, prediction: Placed) -> Placed:
    """A mask or raw volume in the labels' frame: aligned with the one of the two whose shape it has, else the labels.

    Raises
    ------
    GeometryError
        As `place`.
    """
    if volume.shape == prediction.volume.shape != labels.volume.shape:
        beside = place(volume, prediction.volume)
        return attrs.evolve(beside, start=triple([a + b for a, b in zip(beside.start, prediction.start, strict=True)]))
    return place(volume, labels.volume)


def check_same_grid(volume: Volume, reference: Volume) -> None:
    """Refuse voxel sizes that differ by more than 0.1 %."""
    if not volume.voxel_size.matches(reference.voxel_size, tolerance=SAME_GRID):
        raise GeometryError(
            f"{volume.uri} has voxels of {volume.voxel_size} but {reference.uri} has {reference.voxel_size} (z, y, x); "
            "resample one of them onto the other's grid (asem convert --resample)"
            f"{volume.voxel_size.unit_question(reference.voxel_size)}"
        )


def whole_voxels(volume: Volume, reference: Volume) -> Triple:
    """The voxel of ``reference`` at which voxel 0 of ``volume`` lies; may lie outside.

    Raises
    ------
    GeometryError
        The two lie a broken number of voxels apart.
    """
    offset = [
        (a - b) / v
        for a, b, v in zip(volume.lower_edge_nm, reference.lower_edge_nm, reference.voxel_size.zyx, strict=True)
    ]
    whole = triple([round(o) for o in offset])
    if any(abs(o - w) > WHOLE_VOXEL for o, w in zip(offset, whole, strict=True)):
        raise GeometryError(
            f"{volume.uri} lies {', '.join(f'{o:.2f}' for o in offset)} voxels (z, y, x) from {reference.uri}: "
            "expected whole voxels; resample one of them onto the other's grid"
        )
    return whole


def same_place(volume: Volume, reference: Volume) -> bool:
    """Whether two volumes lie on each other by their shape: equal, and one of them states no position, as TIFF does."""
    return volume.shape == reference.shape and not (volume.placed and reference.placed)


def clip(volume: Volume, reference: Volume) -> Volume:
    """``volume`` (labels, a mask) cut to the frame of ``reference`` (raw), with a warning where it reaches outside.

    Nothing is read. Label boxes of the public ASEM data are larger than raw.

    Returns
    -------
    Volume
        Of the shape of ``reference``.

    Raises
    ------
    GeometryError
        The voxel sizes differ by more than 0.1 %, the two lie a broken number of voxels apart, or ``volume`` does not
        cover ``reference``.
    """
    return cut(volume, reference, reference.box)


def cut(volume: Volume, reference: Volume, box: Box) -> Volume:
    """The part of ``volume`` that lies on ``box`` of ``reference``, with a warning where it reaches outside of that.

    Nothing is read.

    Raises
    ------
    GeometryError
        As `clip`, for ``box`` in the place of all of ``reference``.
    """
    check_same_grid(volume, reference)
    start = (0, 0, 0) if same_place(volume, reference) else whole_voxels(volume, reference)
    wanted = box.shift([-s for s in start])
    if not volume.box.contains(wanted):
        part = "" if box == reference.box else f"{box} of "
        raise GeometryError(
            f"{volume.uri} ({volume.extent}) does not cover {part}{reference.uri} ({reference.extent}); "
            "cut the latter to the part that both have: asem convert --roi"
        )
    if not reference.box.contains(volume.box.shift(start)):
        log.warning("%s (%s) is cut to %s (%s)", volume.uri, volume.extent, reference.uri, reference.extent)
    return volume if wanted == volume.box else window(volume, wanted)


def paste(volume: Volume, reference: Volume) -> Volume:
    """``volume`` on the frame of ``reference``: its shape, position and section numbers, 0 outside ``volume``.

    Nothing is read. The voxels keep their values and dtype. A crop that states no position is put where ``reference``
    begins.

    Parameters
    ----------
    volume
        A crop, or what was computed on one.
    reference
        The acquisition; of it only shape, voxel size, position and section numbers are used.

    Raises
    ------
    GeometryError
        The voxel sizes differ by more than 0.1 %, the two lie a broken number of voxels apart, or ``volume`` reaches
        outside ``reference``.
    """
    check_same_grid(volume, reference)
    at_its_start = not volume.placed or same_place(volume, reference)
    start = (0, 0, 0) if at_its_start else whole_voxels(volume, reference)
    if not reference.box.contains(volume.box.shift(start)):
        raise GeometryError(
            f"{volume.uri} ({volume.extent}) reaches outside {reference.uri} ({reference.extent}): "
            f"it would begin at voxel {','.join(map(str, start))}"
        )
    framed = window(volume, reference.box.shift([-s for s in start]))
    at = ",".join(map(str, start))
    return attrs.evolve(
        framed,
        voxel_size=reference.voxel_size,
        lower_edge_nm=reference.lower_edge_nm,
        states_place=reference.placed,
        first_section=reference.first_section,
        notes=(*volume.notes, f"placed at voxel {at} (z,y,x) of {reference.uri}"),
    )


def _where(volume: Volume) -> str:
    lower, upper = volume.box.to_nm(volume.voxel_size, origin_nm=volume.lower_edge_nm)
    spans = ", ".join(f"{a:g} to {b:g}" for a, b in zip(lower, upper, strict=True))
    return f"{volume.uri} ({spans} nm in z, y, x)"
