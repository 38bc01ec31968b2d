"""Where one volume lies in the voxels of another."""

from __future__ import annotations

import attrs

from asem_core.errors import GeometryError
from asem_core.geometry import Box, Triple, triple
from asem_core.volume.volume import Volume

SAME_GRID = 1e-3
"""Relative difference of voxel sizes up to which two volumes are on one grid."""
WHOLE_VOXEL = 0.05
"""Part of a voxel by which an offset may miss a whole number (translations are stored rounded)."""


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

    Two volumes of one shape lie on each other if at least one of them starts at 0: folders of TIFF carry no position.
    In every other case their positions in nm decide.

    Raises
    ------
    GeometryError
        The voxel sizes differ by more than 0.1 %, the positions differ by a broken number of voxels, or the volumes
        do not overlap.
    """
    _check_voxel_sizes(volume, reference)
    if volume.shape == reference.shape and not (any(volume.lower_edge_nm) and any(reference.lower_edge_nm)):
        return Placed(volume=volume, start=(0, 0, 0), by="shape")
    placed = Placed(volume=volume, start=_whole_voxels(volume, reference), by="position")
    if placed.box.intersect(reference.box).size == 0:
        raise GeometryError(
            f"nothing to compare: {_where(volume)} and {_where(reference)} do not overlap; "
            "check that both are of the same cell and in the same frame"
        )
    return placed


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


def _check_voxel_sizes(volume: Volume, reference: Volume) -> None:
    if not volume.voxel_size.matches(reference.voxel_size, tolerance=SAME_GRID):
        raise GeometryError(
            f"{volume.uri} has voxels of {volume.voxel_size} but {reference.uri} has {reference.voxel_size} (z, y, x); "
            "resample one of them onto the other's grid"
        )


def _whole_voxels(volume: Volume, reference: Volume) -> Triple:
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


def _where(volume: Volume) -> str:
    lower, upper = volume.box.to_nm(volume.voxel_size, origin_nm=volume.lower_edge_nm)
    spans = ", ".join(f"{a:g} to {b:g}" for a, b in zip(lower, upper, strict=True))
    return f"{volume.uri} ({spans} nm in z, y, x)"
