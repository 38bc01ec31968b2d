"""How wide the lumen of a pit is at every depth below the membrane: neck, height, width at half the height.

::

    outside        depth 0 ------.      .------ plane of the membrane
                                  )    (            <- neck: least width above the widest place
                                 /      \\
                                (        )          <- widest
                                 `-.__.-'           <- height: the deepest place
"""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

from asem_analysis_pits.membrane import Frame
from asem_analysis_pits.sample import sample

Array = npt.NDArray[np.float64]

STEP_NM = 2.0
DEEPEST_NM = 300.0
_RIM_NM = 10.0
"""Depth down to which the membrane curves into a pit: the widest place is sought below it."""
_BULGE_NM = 20.0
"""A lumen that widens by more than this below the widest place of its rim has its neck there: that rim is a funnel."""
_AXIS_NM = 8.0
"""Radius round the axis in which the depth is measured."""


@attrs.frozen(kw_only=True, eq=False)
class Profile:
    """Widths of a lumen, nm."""

    width_nm: Array
    """At depths 0, `STEP_NM`, 2 `STEP_NM`, ... below the membrane."""
    neck_nm: float
    neck_depth_nm: float
    height_nm: float
    half_width_nm: float
    """At half the height."""
    middle: Array
    """Where the axis meets the plane of the membrane: u, v in nm."""


def measure_profile(
    openness: npt.NDArray[np.floating], inside: npt.NDArray[np.bool_], frame: Frame, *, voxel_nm: npt.ArrayLike
) -> Profile | None:
    """Widths of the lumen of a pit.

    Parameters
    ----------
    openness
        ``(z, y, x)``, how much of a voxel is lumen or outside of the cell: 0 to 1.
    inside
        ``(z, y, x)``, the object: membrane, coat and lumen.
    frame
        The membrane, in nm from the lower edge of the arrays.

    Returns
    -------
    Profile or None
        None where nothing below the membrane is open.

    Notes
    -----
    The axis is the normal through the middle of the lumen. In the plane at each depth the openness is averaged over
    circles around the axis and integrated from the axis to where it is least, at most to the object's own radius; the
    width is the diameter of a disc of that area. A blur leaves this area as it is, so that a narrow neck keeps its
    width although its grey value never reaches that of the outside. The height is where the openness near the axis
    falls below one half.
    """
    around = frame.local((np.argwhere(inside) + 0.5) * np.asarray(voxel_nm))
    weight = np.clip(openness[inside], 0, 1) * (around[:, 0] > 0)
    if weight.sum() < 1:
        return None
    middle = (around[:, 1:] * weight[:, None]).sum(axis=0) / weight.sum()
    reach = float(np.percentile(np.linalg.norm(around[around[:, 0] > 0, 1:] - middle, axis=1), 99))
    deepest = float(around[:, 0].max())
    depth = np.arange(0.0, min(deepest + 30, DEEPEST_NM), STEP_NM)
    radius = np.arange(STEP_NM / 2, reach, STEP_NM)
    open_ = _circles(openness, frame, middle, depth, radius, voxel_nm)
    height = _height(open_[:, radius < _AXIS_NM].mean(axis=1), depth, deepest)
    if height <= _RIM_NM:
        return None
    width = _widths(open_, radius)
    width[depth > height] = 0
    neck = _neck(width)
    return Profile(
        width_nm=width,
        neck_nm=float(width[neck]),
        neck_depth_nm=float(depth[neck]),
        height_nm=height,
        half_width_nm=float(np.interp(height / 2, depth, width)),
        middle=middle,
    )


def _circles(
    openness: npt.NDArray[np.floating],
    frame: Frame,
    middle: Array,
    depth: Array,
    radius: Array,
    voxel_nm: npt.ArrayLike,
) -> Array:
    """Mean openness ``(depth, radius)`` on circles around the axis."""
    angle = np.arange(0, 2 * np.pi, np.pi / 16)
    d, r, a = np.meshgrid(depth, radius, angle, indexing="ij")
    points = frame.place(d, middle[0] + r * np.cos(a), middle[1] + r * np.sin(a))
    found: Array = sample(openness, points, voxel_nm=voxel_nm).mean(axis=2)
    return found


def _widths(open_: Array, radius: Array) -> Array:
    """Diameter of the disc of equal area at each depth; nothing counts beyond the radius of least openness."""
    counted = np.arange(len(radius)) <= open_.argmin(axis=1)[:, None]
    area = (2 * np.pi * radius * STEP_NM * open_ * counted).sum(axis=1)
    found: Array = 2 * np.sqrt(area / np.pi)
    return found


def _neck(width: Array) -> int:
    """Where the lumen is narrowest above its widest place; or, where the membrane sinks towards a pit as a funnel that
    is wider than it, the place below the funnel from which the lumen widens most."""
    rim = int(_RIM_NM / STEP_NM)
    widest = rim + int(width[rim:].argmax())
    neck = int(width[: widest + 1].argmin())
    widens = np.maximum.accumulate(width[::-1])[::-1] - width
    deeper = widest + int(widens[widest:].argmax())
    return deeper if widens[deeper] > max(_BULGE_NM, width[widest] - width[neck]) else neck


def _height(on_axis: Array, depth: Array, deepest: float) -> float:
    """Depth at which ``on_axis`` falls below one half towards the bottom wall, the least open place in the lower half
    of the object; 0 where it is nowhere open above that."""
    lower = depth >= deepest / 2
    bottom = int(np.flatnonzero(lower)[on_axis[lower & (depth <= deepest + STEP_NM)].argmin()])
    open_ = np.flatnonzero(on_axis[: bottom + 1] >= 0.5)
    if not len(open_) or open_[-1] == bottom:
        return 0.0
    above, below = on_axis[open_[-1] : open_[-1] + 2]
    return float(depth[open_[-1]] + STEP_NM * (above - 0.5) / (above - below))
