"""Where one volume lies in the voxels of another."""

from __future__ import annotations

import attrs
import numpy as np

from asem_core.errors import GeometryError, VolumeError
from asem_core.geometry import Box, Triple, triple
from asem_core.volume.placement import check_same_grid, same_place, whole_voxels
from asem_core.volume.volume import Volume


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


@attrs.frozen(kw_only=True)
class Laid:
    """Prediction, labels and mask in the frame of the labels."""

    prediction: Placed
    labels: Placed
    mask: Placed | None

    @property
    def region(self) -> Box:
        """What prediction and labels have in common."""
        return self.labels.box.intersect(self.prediction.box)


def lay(prediction: Volume, labels: Volume, mask: Volume | None = None) -> Laid:
    """Lay what is to be scored on the ground truth.

    Raises
    ------
    GeometryError
        As `place`.
    VolumeError
        Prediction or labels hold real numbers.
    """
    _check_labels("labels", labels)
    _check_labels("prediction", prediction)
    placed = place(prediction, labels)
    frame = Placed(volume=labels, start=(0, 0, 0), by=placed.by)
    return Laid(
        prediction=placed, labels=frame, mask=place_beside(mask, frame, placed) if mask is not None else None
    )  # fmt: skip


def _check_labels(role: str, volume: Volume) -> None:
    if not (np.issubdtype(volume.dtype, np.integer) or volume.dtype == np.bool_):
        raise VolumeError(
            f"{volume.uri} holds {volume.dtype}, but {role} must be whole numbers, 0 for background; "
            "threshold probabilities or convert the volume first"
        )


def _where(volume: Volume) -> str:
    lower, upper = volume.box.to_nm(volume.voxel_size, origin_nm=volume.lower_edge_nm)
    spans = ", ".join(f"{a:g} to {b:g}" for a, b in zip(lower, upper, strict=True))
    return f"{volume.uri} ({spans} nm in z, y, x)"
