"""One pore: its en-face view, the plane in the middle of the envelope, and its diameter."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

from asem_analysis_pores.membrane import REACH_NM, fit_membrane
from asem_analysis_pores.params import Pores
from asem_analysis_pores.patch import Patch, sample_patch, tangent_frame
from asem_analysis_pores.ring import Ring, aligned_profile, azimuthal_mean, find_ring
from asem_analysis_pores.throat import find_throat
from asem_core.volume import Volume

Double = npt.NDArray[np.float64]
Float = npt.NDArray[np.float32]

_TURNS = 4
_UPRIGHT = 0.08
"""Slope of a throat that is upright enough (5 degrees)."""
_MOST_TILTED = 0.75
"""Cosine of the tilt against the envelope that is believed (41 degrees)."""
_LEAST_KEPT = 0.5
"""Share of the ring's evenness that turning the view must keep: other dark things beside a pore mislead it."""


@attrs.frozen(kw_only=True, eq=False)
class _View:
    """A pore as it looks in one plane."""

    normal: Double
    height_nm: float
    enface: Float
    ring: Ring


@attrs.frozen(kw_only=True, eq=False)
class Measured:
    """What raw says about one pore. Lengths in nm."""

    centre_nm: Double
    """``(3,)`` z, y, x: middle of the ring, in the middle of the envelope."""
    normal: Double
    """``(3,)`` upright on the throat."""
    plane_offset_nm: float
    """Of that plane along the normal, from the centre of the mask."""
    ring_centre_nm: Double
    """``(2,)`` v, u in the en-face view, from its middle."""
    membrane_nm: Double
    """``(2 lines,)`` from the ring's centre to the middle of the membrane; NaN where none was found."""
    shift_nm: float
    """By how much it lies outside its darkest point; NaN where no blurred membrane could be fitted: then
    `membrane_nm` are the darkest points."""
    blur_nm: float
    contrast: float
    """Of the dark ring; see `Ring.contrast`."""
    enface: Float
    """``(v, u)`` grey."""
    profile: Double
    """``(radius,)`` azimuthal mean of the smoothed grey around the ring's centre, a sample every nm."""

    @property
    def line_diameter_nm(self) -> Double:
        """``(lines,)``; NaN where an end is missing."""
        half = len(self.membrane_nm) // 2
        return self.membrane_nm[:half] + self.membrane_nm[half:]

    @property
    def diameter_nm(self) -> float:
        """Median over the lines; NaN without any."""
        found = self.line_diameter_nm[np.isfinite(self.line_diameter_nm)]
        return float(np.median(found)) if len(found) else np.nan

    @property
    def lines(self) -> int:
        """How many lines have both ends."""
        return int(np.isfinite(self.line_diameter_nm).sum())


def measure_pore(raw: Volume, centre_nm: Double, *, normal: Double, params: Pores) -> Measured | None:
    """Measure the pore at ``centre_nm``; None where there is no raw around it.

    Parameters
    ----------
    raw
        Only the box around the pore is read.
    centre_nm
        ``(3,)`` of the mask, z, y, x in the frame of ``raw``.
    normal
        ``(3,)`` unit vector across the envelope, where the turning of the view begins.

    Notes
    -----
    The diameter is taken between the darkest points of the membrane along each line (Gallusser et al. 2022). Blur draws
    a darkest point towards the darker side of the membrane, here into the pore; that shift is read off the mean profile
    across the membrane (`fit_membrane`) and added at both ends.
    """
    view = _upright(raw, centre_nm, normal, params)
    if np.isnan(view.enface).all():
        return None
    ring = view.ring
    x = np.arange(-REACH_NM, REACH_NM + 1)
    across = aligned_profile(ring, x)
    known = np.isfinite(across).all()
    membrane = fit_membrane(x, across, width_nm=params.membrane_nm) if known else None
    shift = membrane.place_nm if membrane else 0.0
    return Measured(
        centre_nm=centre_nm + np.array([view.height_nm, *ring.centre_nm]) @ tangent_frame(view.normal),
        normal=view.normal,
        plane_offset_nm=view.height_nm,
        ring_centre_nm=ring.centre_nm,
        membrane_nm=ring.radii_nm + shift,
        shift_nm=shift if membrane else np.nan,
        blur_nm=membrane.blur_nm if membrane else np.nan,
        contrast=ring.contrast,
        enface=view.enface,
        profile=azimuthal_mean(ring.rays),
    )


def _upright(raw: Volume, centre_nm: Double, normal: Double, params: Pores) -> _View:
    """The view whose planes are parallel to the pore's throat; where there is no throat, or one that is tilted too far
    against ``normal`` to be believed, or whose ring is seen less well, the view along ``normal`` through the middle of
    the mask."""
    half = params.thickness_nm / 2
    first: _View | None = None
    best: tuple[Patch, Double, float] | None = None
    along = normal
    for _ in range(_TURNS):
        patch = sample_patch(
            raw, centre_nm, normal=along, half_width_nm=params.width_nm / 2, half_height_nm=params.plane_nm + half
        )
        first = first or _see(patch, normal, 0.0, params)
        throat = find_throat(patch, reach_nm=params.plane_nm, half_thickness_nm=half, search_nm=params.search_nm)
        if throat is None:
            return first
        best = (patch, along, throat.height_nm)
        if throat.slope < _UPRIGHT:
            break
        along = throat.upright(tangent_frame(along))
        if along @ normal < _MOST_TILTED:
            return first
    assert best is not None
    assert first is not None
    turned = _see(*best, params)
    return turned if turned.ring.evenness >= _LEAST_KEPT * first.ring.evenness else first


def _see(patch: Patch, normal: Double, height_nm: float, params: Pores) -> _View:
    plane = patch.plane(height_nm, half_thickness_nm=params.thickness_nm / 2)
    ring = find_ring(plane, step_nm=patch.step_nm, lines=params.lines, search_nm=params.search_nm)
    return _View(normal=normal, height_nm=height_nm, enface=plane, ring=ring)
