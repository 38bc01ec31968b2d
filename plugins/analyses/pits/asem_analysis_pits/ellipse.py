"""The ellipse through the middle of a dark wall: Otsu threshold, skeleton, robust fit."""

from __future__ import annotations

import math

import attrs
import numpy as np
import numpy.typing as npt
from scipy import ndimage
from skimage.filters import threshold_otsu
from skimage.measure import EllipseModel
from skimage.morphology import skeletonize

Image = npt.NDArray[np.float64]
Points = npt.NDArray[np.float64]

FEWEST_POINTS = 20
FULL_ARC_DEG = 200.0
"""An ellipse of which less is seen is not sure."""
_AROUND_NM = 12.0
"""Rim about the outline in which the wall may lie."""
_TOLERANCE_NM = 5.0
_SAMPLE = 8
_TRIALS = 300
_LARGEST_RATIO = 3.0
_LARGEST_NM = 200.0
"""Of a semi-axis."""


@attrs.frozen(kw_only=True, eq=False)
class Ellipse:
    """An ellipse in a plane, nm."""

    centre: Points
    """``(2,)``"""
    major_nm: float
    """Full length of the longer axis."""
    minor_nm: float
    angle: float
    """From the first coordinate to the longer axis, radians."""
    points: int
    """How many points of the skeleton lie on it."""
    arc_deg: float
    """How much of it they cover, in bins of 10 degrees."""
    residual_nm: float
    """Root mean square distance of those points from it."""

    def outline(self, count: int) -> Points:
        """``count`` points ``(n, 2)`` on it."""
        turn = np.linspace(0, 2 * np.pi, count, endpoint=False)
        along = np.stack([self.major_nm / 2 * np.cos(turn), self.minor_nm / 2 * np.sin(turn)], axis=1)
        c, s = math.cos(self.angle), math.sin(self.angle)
        found: Points = self.centre + along @ np.array([[c, s], [-s, c]])
        return found


def wall_skeleton(image: Image, outline: npt.NDArray[np.bool_], *, pixel_nm: float) -> Points:
    """Points ``(n, 2)`` in nm along the middle of the dark wall of an object.

    Parameters
    ----------
    image, outline
        The grey values of a section, and the object in it.
    """
    around = ndimage.distance_transform_edt(~outline, sampling=pixel_nm) <= _AROUND_NM
    if not outline.any() or np.ptp(image[around]) == 0:
        return np.empty((0, 2))
    smooth = ndimage.gaussian_filter(image, 1.0)
    threshold = threshold_otsu(smooth[around])  # type: ignore[no-untyped-call,unused-ignore]
    thin = skeletonize((smooth < threshold) & around)  # type: ignore[no-untyped-call,unused-ignore]
    found: Points = (np.argwhere(thin) + 0.5).astype(np.float64) * pixel_nm
    return found


def fit_ellipse(points: Points, *, seed: int = 0) -> Ellipse | None:
    """Direct least squares (Halir and Flusser 1998) within RANSAC; None with fewer than 20 points on an ellipse.

    Parameters
    ----------
    points
        ``(n, 2)`` in nm.
    seed
        Of the random choices.

    Examples
    --------
    >>> turn = np.linspace(0, 2 * np.pi, 60)
    >>> found = fit_ellipse(np.stack([50 * np.cos(turn), 40 * np.sin(turn)], axis=1))
    >>> round(found.major_nm), round(found.minor_nm), found.arc_deg
    (100, 80, 360.0)
    """
    if len(points) < FEWEST_POINTS:
        return None
    inliers = _largest_consensus(points, np.random.default_rng(seed))
    model = _fit(points[inliers]) if inliers.sum() >= FEWEST_POINTS else None
    if model is None:
        return None
    kept = points[inliers]
    (a, b), across = model.axis_lengths, kept - model.center
    bins = np.unique(np.floor(np.degrees(np.arctan2(across[:, 1], across[:, 0])) / 10).astype(int) % 36)
    return Ellipse(
        centre=np.asarray(model.center),
        major_nm=2 * float(max(a, b)),
        minor_nm=2 * float(min(a, b)),
        angle=float(model.theta + (np.pi / 2 if b > a else 0)),
        points=len(kept),
        arc_deg=10.0 * len(bins),
        residual_nm=float(np.sqrt(np.mean(_distance(model, kept) ** 2))),
    )


def _largest_consensus(points: Points, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Which points lie on the ellipse, fitted to a few of them, that most lie on (RANSAC, Fischler and Bolles 1981).

    scikit-image's `ransac` warns where there is none, and takes the distance of every point by minimisation.
    """
    best = np.zeros(len(points), np.bool_)
    wanted, trial = math.inf, 0
    while trial < min(wanted, _TRIALS):
        trial += 1
        model = _fit(points[rng.choice(len(points), _SAMPLE, replace=False)])
        if model is None:
            continue
        near = _distance(model, points) < _TOLERANCE_NM
        if near.sum() > best.sum():
            best = near
            # So many trials hold one without a stray point, with a chance of 1 in 1,000 that none does.
            wanted = math.log(1e-3) / math.log(max(1 - near.mean() ** _SAMPLE, 1e-12))
    return best


def _fit(points: Points) -> EllipseModel | None:
    """The least-squares ellipse; None where the points are on none, or on one that no vesicle has."""
    with np.errstate(all="ignore"):
        try:
            model = EllipseModel.from_estimate(points)  # type: ignore[no-untyped-call,unused-ignore]
        except TypeError:  # points on a line give complex axes
            return None
    if not model:
        return None
    short, long = sorted(model.axis_lengths)
    return model if short > 0 and long < min(_LARGEST_RATIO * short, _LARGEST_NM) else None


def _distance(model: EllipseModel, points: Points) -> Points:
    """Distance ``(n,)`` of points ``(n, 2)`` from an ellipse, to first order."""
    c, s = math.cos(model.theta), math.sin(model.theta)
    along = (points - model.center) @ np.array([[c, -s], [s, c]])
    norm = np.sqrt(((along / model.axis_lengths) ** 2).sum(axis=1))
    slope = np.sqrt(((along / model.axis_lengths**2) ** 2).sum(axis=1))
    found: Points = norm * np.abs(norm - 1) / np.maximum(slope, 1e-9)
    return found
