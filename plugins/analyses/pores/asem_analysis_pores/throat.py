"""The throat of a pore, where the two membranes of the envelope turn into each other: its height and its tilt.

Seen from the side, the membrane comes nearest to the axis half way through the envelope. Where the view is tilted, it
does so higher on one side of the pore than on the other::

        \\           __/
         \\         /          h
          )       (            ^    .  the nearest points lie on the plane
         /    .    \\           |  .
      __/           \\          +----> along the view's plane
"""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

from asem_analysis_pores.patch import Patch
from asem_analysis_pores.ring import azimuthal_mean, membrane_radii, polar, smoothed

Double = npt.NDArray[np.float64]

_DIRECTIONS = 24
_FEWEST = 60
"""Radii (of heights times directions) that must be known."""
_STEEPEST = 0.36
"""Slope that one turn of the view may follow (20 degrees): where the view is tilted, slopes are overestimated."""
_LEAST_BEND = 0.008
"""Per nm, of the radius along the axis (half the curvature of an envelope 125 nm thick). Less is measured where the
view is so much tilted that the throat leaves the reach; the slope's direction is right even then."""
_NEAR_NM = 15.0
_OFF = 3.0
_NORMAL = 1.4826


@attrs.frozen(kw_only=True)
class Throat:
    """The plane ``height_nm + v slope_v + u slope_u`` of a patch."""

    height_nm: float
    slope_v: float
    slope_u: float

    @property
    def slope(self) -> float:
        """Tangent of the tilt."""
        return float(np.hypot(self.slope_v, self.slope_u))

    def upright(self, frame: Double) -> Double:
        """The normal of this plane, ``(3,)``, in the coordinates of the patch's `frame`; at most 20 degrees away."""
        share = min(1.0, _STEEPEST / max(self.slope, 1e-9))
        normal: Double = np.array([1.0, -share * self.slope_v, -share * self.slope_u]) @ frame
        return normal / np.linalg.norm(normal)


def find_throat(
    patch: Patch, *, reach_nm: float, half_thickness_nm: float, search_nm: tuple[float, float]
) -> Throat | None:
    """Fit the throat; None where there is too little of the membrane within ``reach_nm`` of the middle.

    Notes
    -----
    Least squares of radius = r(direction) + p h^2 + (q + a cos + b sin) h over heights h and directions, whose minimum
    along h lies at -(q + a cos + b sin) / 2p; once more without what is 3 standard deviations off.
    """
    heights = patch.heights_nm[np.abs(patch.heights_nm) <= reach_nm + 1e-6][::2]
    radii = _radii([_rays(patch, h, half_thickness_nm, search_nm[1] + 2) for h in heights], search_nm)
    angle = 2 * np.pi * np.arange(_DIRECTIONS) / _DIRECTIONS
    h = np.repeat(heights, _DIRECTIONS)
    direction = np.tile(np.arange(_DIRECTIONS), len(heights))
    terms = np.stack([h * h, h, h * np.cos(angle[direction]), h * np.sin(angle[direction])], axis=1)
    matrix = np.concatenate([terms, np.eye(_DIRECTIONS)[direction]], axis=1)
    keep = np.isfinite(radii.ravel())
    found = np.zeros(matrix.shape[1])
    for _ in range(2):
        if keep.sum() < _FEWEST:
            return None
        found = np.linalg.lstsq(matrix[keep], radii.ravel()[keep], rcond=None)[0]
        residual = radii.ravel() - matrix @ found
        keep &= np.abs(residual) <= _OFF * _NORMAL * np.median(np.abs(residual[keep])) + 1e-9
    bend, level, cosine, sine = found[:4]
    bend, radius = max(float(bend), _LEAST_BEND), float(np.nanmedian(radii))
    height, *slopes = (-float(value) / (2 * bend) for value in (level, sine / radius, cosine / radius))
    return Throat(height_nm=float(np.clip(height, -reach_nm, reach_nm)), slope_v=slopes[0], slope_u=slopes[1])


def _rays(patch: Patch, height_nm: float, half_thickness_nm: float, reach_nm: float) -> Double:
    plane = smoothed(patch.plane(height_nm, half_thickness_nm=half_thickness_nm))
    return polar(plane, np.zeros(2), step_nm=patch.step_nm, directions=_DIRECTIONS, reach_nm=reach_nm, order=1)


def _radii(rays: list[Double], search_nm: tuple[float, float]) -> Double:
    """``(heights, directions)``, near the usual radius: beyond the envelope other dark things are darkest."""
    rough = np.array([membrane_radii(azimuthal_mean(plane)[None], search_nm)[0] for plane in rays])
    if np.isnan(rough).all():
        return np.full((len(rays), _DIRECTIONS), np.nan)
    usual = float(np.nanmedian(rough))
    limits = (max(usual - _NEAR_NM, search_nm[0]), min(usual + _NEAR_NM, search_nm[1]))
    return np.array([membrane_radii(plane, limits) for plane in rays])
