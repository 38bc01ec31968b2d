"""Where one volume lies in another one's frame, from their positions in nm."""

from __future__ import annotations

import logging

import attrs

from asem_core.errors import GeometryError
from asem_core.geometry import WHOLE_VOXEL, Triple, triple
from asem_core.volume.volume import Volume
from asem_core.volume.window import window

log = logging.getLogger(__name__)

SAME_GRID = 1e-3
"""Relative difference of voxel sizes up to which two volumes are on one grid."""


def check_same_grid(volume: Volume, reference: Volume) -> None:
    """Refuse voxel sizes that differ by more than 0.1 %."""
    if not volume.voxel_size.matches(reference.voxel_size, tolerance=SAME_GRID):
        raise GeometryError(
            f"{volume.uri} has voxels of {volume.voxel_size} but {reference.uri} has {reference.voxel_size} (z, y, x); "
            "resample one of them onto the other's grid (asem convert --resample)"
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
    check_same_grid(volume, reference)
    if same_place(volume, reference):
        return volume
    wanted = reference.box.shift([-s for s in whole_voxels(volume, reference)])
    if not volume.box.contains(wanted):
        raise GeometryError(
            f"{volume.uri} ({volume.extent}) does not cover {reference.uri} ({reference.extent}); "
            "cut the latter to the part that both have: asem convert --roi"
        )
    if wanted != volume.box:
        log.warning("%s (%s) is cut to %s (%s)", volume.uri, volume.extent, reference.uri, reference.extent)
    return window(volume, wanted)


def paste(volume: Volume, reference: Volume) -> Volume:
    """``volume`` on the frame of ``reference``: its shape, position and section numbers, 0 outside ``volume``.

    Nothing is read. The voxels keep their values and dtype.

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
    start = whole_voxels(volume, reference)
    if not reference.box.contains(volume.box.shift(start)):
        raise GeometryError(
            f"{volume.uri} ({volume.extent}) reaches outside {reference.uri} ({reference.extent}): "
            f"it would begin at voxel {','.join(map(str, start))}"
        )
    framed = window(volume, reference.box.shift([-s for s in start]))
    at = ",".join(map(str, start))
    return attrs.evolve(
        framed, voxel_size=reference.voxel_size, lower_edge_nm=reference.lower_edge_nm,
        placed=reference.placed, first_section=reference.first_section,
        notes=(*volume.notes, f"placed at voxel {at} (z,y,x) of {reference.uri}"),
    )  # fmt: skip
