"""Where the membrane is, seen through blur: its darkest point is drawn towards the darker side."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares
from scipy.special import ndtr

Double = npt.NDArray[np.float64]

REACH_NM = 20.0
"""The profile is fitted from this far inside the darkest point to this far outside."""
_BLUR_NM = (2.0, 20.0)
_FARTHEST_NM = 15.0


@attrs.frozen(kw_only=True)
class Membrane:
    """A membrane in a profile across it."""

    place_nm: float
    """Of its middle."""
    blur_nm: float
    """Standard deviation of the blur."""


def fit_membrane(x_nm: Double, grey: Double, *, width_nm: float) -> Membrane | None:
    """Fit three grey levels, inside, membrane and outside, blurred with a Gaussian; None where they do not describe it.

    Parameters
    ----------
    x_nm
        ``(n,)`` from the darkest point.
    grey
        ``(n,)``, no NaN.
    width_nm
        Thickness of the membrane, which blur and depth alone do not tell.

    Notes
    -----
    Least squares over place and blur; the three grey levels follow linearly from these (variable projection, Golub and
    Pereyra 1973).
    """
    bounds = ((-_FARTHEST_NM, _BLUR_NM[0]), (_FARTHEST_NM, _BLUR_NM[1]))

    def residual(found: npt.NDArray[Any]) -> Double:
        basis = _basis(x_nm, found[0], found[1], width_nm)
        return grey - basis @ np.linalg.lstsq(basis, grey, rcond=None)[0]

    fit = least_squares(residual, (2.0, 8.0), bounds=bounds)
    place, blur = (float(value) for value in fit.x)
    inside, membrane, outside = np.linalg.lstsq(_basis(x_nm, place, blur, width_nm), grey, rcond=None)[0]
    if not fit.success or abs(place) > 0.98 * _FARTHEST_NM or membrane >= min(inside, outside):
        return None
    return Membrane(place_nm=place, blur_nm=blur)


def _basis(x_nm: Double, place: float, blur: float, width: float) -> Double:
    """Shares ``(n, 3)`` of inside, membrane and outside."""
    first, second = (ndtr((x_nm - place + side) / blur) for side in (width / 2, -width / 2))
    return np.stack([1 - first, first - second, second], axis=1)
