"""Pictures of an object for the eye: the section of its ellipse, and for pits the section along their axis."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_analysis_pits.membrane import Frame, Points
from asem_analysis_pits.sample import sample
from asem_analysis_pits.section import Section

Grey = npt.NDArray[np.float32]

PIXEL_NM = 2.5
OFFSETS_NM = np.arange(-160 + PIXEL_NM / 2, 160, PIXEL_NM)
"""Middles of the pixels along either side of a picture, from the object."""
BELOW_NM = OFFSETS_NM + 60
"""Along an axis section's rows: depths below the membrane."""


@attrs.frozen(kw_only=True, eq=False)
class AxisSection:
    """The section that holds a pit's axis; what lies outside the cell is on top."""

    mouth_nm: Points
    """Where the axis meets the plane of the membrane."""
    across: Points
    """Unit vector along the rows."""
    grey: Grey
    """``(below, across)``, at `BELOW_NM` and `OFFSETS_NM`; NaN beyond the volume."""


def cut_about(raw: npt.NDArray[Any], section: Section, centre_nm: Points, *, voxel_nm: npt.ArrayLike) -> Grey:
    """Grey ``(row, column)`` in the plane of ``section``, at `OFFSETS_NM` from ``centre_nm``; NaN beyond ``raw``."""
    middle = np.array(centre_nm, np.float64)
    middle[section.axis] = section.corner_nm[section.axis]
    return _cut(raw, middle, (section.rows, OFFSETS_NM), (section.columns, OFFSETS_NM), voxel_nm)


def cut_along_axis(
    raw: npt.NDArray[Any], frame: Frame, section: Section, middle: Points, *, voxel_nm: npt.ArrayLike
) -> AxisSection:
    """The section through the axis that turns least from ``section``.

    Parameters
    ----------
    raw
        ``(z, y, x)``.
    middle
        Where the axis meets the plane of ``frame``: u, v in nm.
    """
    mouth = frame.place(np.zeros(()), middle[0], middle[1])
    across = np.cross(frame.normal, np.cross(section.rows, section.columns))
    across /= np.linalg.norm(across)
    across *= np.sign(across[np.abs(across).argmax()])
    grey = _cut(raw, mouth, (-frame.normal, BELOW_NM), (across, OFFSETS_NM), voxel_nm)
    return AxisSection(mouth_nm=mouth, across=across, grey=grey)


def _cut(
    raw: npt.NDArray[Any],
    origin_nm: Points,
    down: tuple[Points, Points],
    right: tuple[Points, Points],
    voxel_nm: npt.ArrayLike,
) -> Grey:
    rows, columns = (offsets[:, None] * direction for direction, offsets in (down, right))
    points = origin_nm + rows[:, None, :] + columns[None, :, :]
    there = np.all((points >= 0) & (points <= np.array(raw.shape) * voxel_nm), axis=-1)
    return np.where(there, sample(raw, points, voxel_nm=voxel_nm), np.nan).astype(np.float32)
