"""The ring of dark membrane in an en-face view of a pore: where it lies along radial lines, and how wide it is."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from asem_analysis_pores.membrane import REACH_NM

Double = npt.NDArray[np.float64]
Float = npt.NDArray[np.float32]

_SAMPLE_NM = 1.0
_NEAR_NM = 25.0
"""How far the membrane of one direction may lie from the ring's rough radius."""
_WITHIN = round(_NEAR_NM / _SAMPLE_NM)
_RECENTRE = 3
_SETTLED_NM = 0.5


@attrs.frozen(kw_only=True, eq=False)
class Ring:
    """The membrane of one pore along lines through its centre."""

    centre_nm: Double
    """``(2,)`` v, u in the plane, from its middle voxel."""
    radii_nm: Double
    """``(2 lines,)`` distance of the membrane from the centre in each direction, NaN where none was found. Direction
    i is at i * 180 / lines degrees from u towards v; line i ends in the directions i and i + lines."""
    rays: Double
    """``(2 lines, radius)`` smoothed grey in each direction, a sample every nm from the centre."""

    @property
    def diameters_nm(self) -> Double:
        """``(lines,)`` from membrane to membrane; NaN where one end is missing."""
        return self.radii_nm[: len(self.radii_nm) // 2] + self.radii_nm[len(self.radii_nm) // 2 :]

    @property
    def lines(self) -> int:
        """How many lines have both ends."""
        return int(np.isfinite(self.diameters_nm).sum())

    @property
    def contrast(self) -> float:
        """By how many standard errors over the directions the ring, at its median radius, is darker than what is within
        25 nm on either side, whichever is less. Noise has a minimum along every line, but not at one radius."""
        return min((_standard_errors(side - ring) for side, ring in self._sides()), default=0.0)

    @property
    def evenness(self) -> float:
        """The same depth in standard errors of the grey along the ring: low where the ring is not dark all around."""
        return min((_standard_errors(ring, float(np.mean(side - ring))) for side, ring in self._sides()), default=0.0)

    def _sides(self) -> list[tuple[Double, Double]]:
        """Grey where it is brightest inside and outside the ring, and in it, in the directions that have both."""
        if np.isnan(self.radii_nm).all():
            return []
        mean, radius = azimuthal_mean(self.rays), round(float(np.nanmedian(self.radii_nm)) / _SAMPLE_NM)
        found = []
        for first, last in ((max(radius - _WITHIN, 0), radius), (radius, min(radius + _WITHIN, len(mean) - 1))):
            if np.isnan(mean[first : last + 1]).all():
                return []
            pair = self.rays[:, [first + int(np.nanargmax(mean[first : last + 1])), radius]]
            side, ring = pair[np.isfinite(pair).all(axis=1)].T
            found.append((side, ring))
        return found


def find_ring(plane: Float, *, step_nm: float, lines: int, search_nm: tuple[float, float]) -> Ring:
    """Find the membrane along ``lines`` lines, and move their crossing to the middle of the ring.

    Parameters
    ----------
    plane
        ``(v, u)`` float32, any grey values with a dark membrane; the pore is near the middle. NaN: no data.
    step_nm
        Edge of a voxel of ``plane``.
    search_nm
        Least and largest radius.

    Notes
    -----
    The plane is smoothed with a Gaussian of one voxel. The azimuthal mean gives a rough radius; in each direction the
    membrane is the lowest local minimum within 25 nm of it, placed between samples by a parabola. The centre is moved
    to that of the circle fitted to the membrane, at most three times.
    """
    smooth = smoothed(plane)
    reach = search_nm[1] + REACH_NM + 1
    centre = np.zeros(2)
    for turn in range(_RECENTRE + 1):
        rays = polar(smooth, centre, step_nm=step_nm, directions=2 * lines, reach_nm=reach)
        radii = membrane_radii(rays, search_nm)
        shift = _circle_centre(radii)
        if turn == _RECENTRE or not _SETTLED_NM < np.hypot(*shift) < search_nm[1] / 2:
            break
        centre = centre + shift
    return Ring(centre_nm=centre, radii_nm=radii, rays=rays)


def smoothed(plane: Float) -> Float:
    """``plane`` smoothed with a Gaussian of one voxel; where it has no data it has none afterwards."""
    missing = np.isnan(plane)
    if missing.all():
        return plane
    smooth: Float = ndimage.gaussian_filter(np.where(missing, np.nanmean(plane), plane), 1.0)
    return np.where(missing, np.float32(np.nan), smooth)


def _standard_errors(values: Double, mean: float | None = None) -> float:
    """``mean``, by default that of ``values``, over the standard error of ``values``; 0 where that is undetermined."""
    if len(values) < 2 or np.ptp(values) == 0:
        return 0.0
    return float((np.mean(values) if mean is None else mean) / (values.std() / np.sqrt(len(values))))


def azimuthal_mean(rays: Double) -> Double:
    """Mean over the directions that have data: ``(radius,)``; NaN where none has."""
    known = np.isfinite(rays)
    count = known.sum(axis=0)
    total = np.where(known, rays, 0).sum(axis=0)
    mean: Double = np.divide(total, count, out=np.full(rays.shape[1], np.nan), where=count > 0)
    return mean


def aligned_profile(ring: Ring, x_nm: Double) -> Double:
    """Mean grey across the membrane at ``x_nm`` from its darkest point, positive outwards; NaN where unknown."""
    radius = _SAMPLE_NM * np.arange(ring.rays.shape[1])
    rows = [
        np.interp(x_nm + at, radius, ray, left=np.nan, right=np.nan)
        for at, ray in zip(ring.radii_nm, ring.rays, strict=True)
        if np.isfinite(at)
    ]
    return azimuthal_mean(np.array(rows)) if rows else np.full(len(x_nm), np.nan)


def polar(
    plane: Float, centre_nm: Double, *, step_nm: float, directions: int, reach_nm: float, order: int = 3
) -> Double:
    """``plane`` along rays from a point: ``(directions, radius)``, a sample every nm from 0 to ``reach_nm``; NaN
    where the plane has no data."""
    angle = 2 * np.pi * np.arange(directions)[:, None] / directions
    radius = np.arange(0, reach_nm + _SAMPLE_NM / 2, _SAMPLE_NM)
    places = [centre_nm[0] + radius * np.sin(angle), centre_nm[1] + radius * np.cos(angle)]
    index = np.stack([p / step_nm + (n - 1) / 2 for p, n in zip(places, plane.shape, strict=True)])
    missing = np.isnan(plane)
    grey: Double = ndimage.map_coordinates(np.where(missing, 0, plane), index, np.float64, order=order, mode="nearest")
    if missing.any():
        grey[ndimage.map_coordinates(missing.astype(float), index, order=1, mode="nearest") > 0] = np.nan
    return grey


def membrane_radii(rays: Double, search_nm: tuple[float, float]) -> Double:
    """Radius of the membrane on each of the ``rays``, samples every nm from 0: ``(directions,)``, NaN where none."""
    rough = _lowest_minimum(azimuthal_mean(rays)[None], np.array([search_nm]))
    limits = np.clip([rough[0] - _NEAR_NM, rough[0] + _NEAR_NM], *search_nm)
    return _lowest_minimum(rays, np.tile(limits, (len(rays), 1)))


def _lowest_minimum(rays: Double, limits_nm: Double) -> Double:
    """Per row the place of the lowest local minimum within ``limits_nm`` ``(n, 2)``, by a parabola through three
    samples (the vertex lies at half a step of the slopes' ratio)."""
    radius: Double = _SAMPLE_NM * np.arange(1, rays.shape[1] - 1, dtype=np.float64)
    left, middle, right = rays[:, :-2], rays[:, 1:-1], rays[:, 2:]
    within = (radius >= limits_nm[:, :1]) & (radius <= limits_nm[:, 1:])
    lowest = np.where(within & (middle <= left) & (middle < right), middle, np.inf)
    at = np.argmin(lowest, axis=1)
    row = np.arange(len(rays))
    a, b, c = left[row, at], middle[row, at], right[row, at]
    with np.errstate(invalid="ignore", divide="ignore"):
        place = radius[at] + _SAMPLE_NM * 0.5 * (a - c) / (a - 2 * b + c)
    return np.where(np.isfinite(lowest[row, at]), place, np.nan)


def _circle_centre(radii: Double) -> Double:
    """``(2,)`` centre v, u of the circle through the membrane (Kasa 1976: linear least squares); 0 if undetermined."""
    known = np.isfinite(radii)
    angle = 2 * np.pi * np.arange(len(radii))[known] / len(radii)
    if known.sum() < 3:
        return np.zeros(2)
    v, u = radii[known] * np.sin(angle), radii[known] * np.cos(angle)
    matrix = np.stack([2 * v, 2 * u, np.ones_like(u)], axis=1)
    found = np.linalg.lstsq(matrix, v * v + u * u, rcond=None)[0]
    centre: Double = found[:2].astype(np.float64)
    return centre
