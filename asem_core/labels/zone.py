"""The exclusion zone: voxels so near the boundary of the ground truth that they are not scored.

With D the dilation and E the erosion of ``labels != 0``, the zone is ``D and not E``. On the 5 nm grid of the paper
both iterate the 6-connected cross; `asem_core.labels.ball` says what widths that differ between axes mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.errors import GeometryError
from asem_core.geometry import Triple, triple
from asem_core.labels.ball import dilate_mask


def _triple(values: Sequence[int]) -> Triple:
    return triple([int(v) for v in values])


def _widths(_: object, attribute: attrs.Attribute[Any], value: Triple) -> None:
    if any(w < 0 for w in value):
        raise GeometryError(f"the zone's {attribute.name} widths must be at least 0 voxels, got {value}")


@attrs.frozen(kw_only=True)
class Shell:
    """Parameters of `shell`: widths in voxels of the labels' own grid, z, y, x."""

    dilate: Triple = attrs.field(converter=_triple, validator=_widths)
    erode: Triple = attrs.field(converter=_triple, validator=_widths)


def shell(labels: npt.NDArray[Any], *, params: Shell) -> npt.NDArray[np.bool_]:
    """The shell around the boundary of the labels: ``dilate`` voxels outwards, ``erode`` voxels inwards.

    Parameters
    ----------
    labels
        ``(z, y, x)``; non-zero is the organelle. What lies outside the array counts as 0, so an object cut by a face of
        the array has an inner zone there too.

    Returns
    -------
    ndarray of bool
        Shape of ``labels``; True = not scored.

    Examples
    --------
    >>> labels = np.zeros((1, 1, 7), bool)
    >>> labels[..., 2:5] = True
    >>> shell(labels, params=Shell(dilate=(1, 1, 1), erode=(0, 0, 1))).astype(int).ravel().tolist()
    [0, 1, 1, 0, 1, 1, 0]
    """
    inside = labels != 0
    # One ring of background is enough: the nearest voxel outside the array lies straight across a face.
    eroded = ~dilate_mask(~np.pad(inside, 1), params.erode)[1:-1, 1:-1, 1:-1]
    zone: npt.NDArray[np.bool_] = dilate_mask(inside, params.dilate) & ~eroded
    return zone
