"""The masks of pores in numbers, and which of them are pores to measure."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

Double = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

_NORMAL = 1.4826
"""Standard deviation of a normal distribution over its median absolute deviation."""
_FEWEST_FOR_PLANE = 6


@attrs.frozen(kw_only=True, eq=False)
class Masks:
    """One entry per mask."""

    volume_nm3: Double
    centre_nm: Double
    """``(n, 3)`` z, y, x."""
    covariance_nm2: Double
    """``(n, 3, 3)`` of the voxels, the spread within a voxel included."""
    at_border: Bool
    """Whether a face of the volume cuts the mask."""
    parts: npt.NDArray[np.int64]
    """Of how many connected parts it was put together."""

    def __len__(self) -> int:
        return len(self.volume_nm3)

    @property
    def axes(self) -> tuple[Double, Double]:
        """Full lengths ``(n, 3)``, longest first, of the ellipsoid of the same moments (semi-axis a: variance
        a^2 / 5), and the direction ``(n, 3)`` of its shortest axis."""
        variance, vectors = np.linalg.eigh(self.covariance_nm2)
        return 2 * np.sqrt(5 * np.maximum(variance[:, ::-1], 0)), vectors[:, :, 0]


def merge_fragments(masks: Masks, within_nm: float) -> Masks:
    """Masks whose centres are nearer than ``within_nm``, directly or over others, as one mask each.

    Returns
    -------
    Masks
        In the order of their first fragments. Volumes add up, moments are those of the union.
    """
    if len(masks) < 2:
        return masks
    pairs = cKDTree(masks.centre_nm).query_pairs(np.nextafter(within_nm, 0), output_type="ndarray")
    graph = coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(masks),) * 2)
    label = connected_components(graph, directed=False)[1]
    first = np.unique(label, return_index=True)[1]
    number = np.argsort(np.argsort(first))[label]

    def added(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        total = np.zeros((len(first), *values.shape[1:]), values.dtype)
        np.add.at(total, number, values)
        return total

    volume = added(masks.volume_nm3)
    centre = added(masks.volume_nm3[:, None] * masks.centre_nm) / volume[:, None]
    apart = masks.centre_nm - centre[number]
    spread = masks.covariance_nm2 + np.einsum("ni,nj->nij", apart, apart)
    return Masks(
        volume_nm3=volume,
        centre_nm=centre,
        covariance_nm2=added(masks.volume_nm3[:, None, None] * spread) / volume[:, None, None],
        at_border=added(masks.at_border.astype(np.int64)) > 0,
        parts=added(masks.parts),
    )


def small_masks(masks: Masks, *, min_volume: float, min_axis: float) -> Bool:
    """Masks of less volume, or with a shorter long axis, than these shares of the median of uncut masks."""
    if not len(masks):
        return np.zeros(0, np.bool_)
    whole = ~masks.at_border if (~masks.at_border).any() else np.ones(len(masks), np.bool_)
    length = masks.axes[0][:, 0]
    small: Bool = (masks.volume_nm3 < min_volume * np.median(masks.volume_nm3[whole])) | (
        length < min_axis * np.median(length[whole])
    )
    return small


def off_surface(points_nm: Double, *, neighbours: int, mad: float, steepness: float) -> Bool:
    """Points far from the plane of their neighbours: ``(n,)`` bool; none where there are fewer than six.

    Notes
    -----
    The plane has the direction of the neighbours' two largest principal components, and their median height. The
    distance from it is taken as a share of the mean distance to the neighbours, since the envelope is curved. A point
    is off where that is above ``steepness`` and above the median of all points by ``mad`` median absolute deviations
    (scaled to the standard deviation). Neighbours are sought among points that are not off, until nothing changes.
    """
    off = np.zeros(len(points_nm), np.bool_)
    for _ in range(10):
        kept = np.flatnonzero(~off)
        if len(kept) < _FEWEST_FOR_PLANE:
            break
        distance = _from_plane(points_nm, kept, min(neighbours, len(kept) - 2))
        usual = np.median(distance[kept])
        limit = max(usual + mad * _NORMAL * np.median(np.abs(distance[kept] - usual)), steepness)
        before, off = off, distance > limit
        if (off == before).all():
            break
    return off


def _from_plane(points: Double, kept: npt.NDArray[np.intp], neighbours: int) -> Double:
    """Distance of every point from the plane of its nearest neighbours among ``kept``, itself left out, as a share of
    its mean distance from them."""
    near = cKDTree(points[kept]).query(points, k=neighbours + 1)[1]
    own = np.full(len(points), -1)
    own[kept] = np.arange(len(kept))
    itself = near == own[:, None]
    itself[~itself.any(axis=1), -1] = True  # not among them: leave out the farthest
    near = near[~itself].reshape(len(points), neighbours)
    around = points[kept][near]
    middle = around.mean(axis=1, keepdims=True)
    normal = np.linalg.svd(around - middle, full_matrices=False)[2][:, 2]
    heights = np.einsum("nki,ni->nk", around - middle, normal)
    distance = np.abs(np.einsum("ni,ni->n", points - middle[:, 0], normal) - np.median(heights, axis=1))
    share: Double = distance / np.linalg.norm(around - points[:, None], axis=2).mean(axis=1)
    return share
