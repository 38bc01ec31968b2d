"""Measured objects as an `xarray.Dataset`: one row per ``pit``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from asem_analysis_pits.ellipse import FULL_ARC_DEG
from asem_analysis_pits.measure import OUTLINE_POINTS, Measured
from asem_analysis_pits.picture import BELOW_NM, OFFSETS_NM
from asem_analysis_pits.profile import DEEPEST_NM, STEP_NM
from asem_core.geometry import AXES

if TYPE_CHECKING:
    import xarray as xr

Row = dict[str, Any]
DEPTHS = np.arange(0.0, DEEPEST_NM, STEP_NM)
UNEVEN_NM = 10.0
"""A membrane farther than this from the sheet fitted to it (root mean square) has no sure plane to count depth from."""
_WORDS = {"lumen_from": 5, "view_axis": 1, "flags": 80}


def row_of(found: Measured) -> Row:
    """The columns of one object; NaN and empty text are what it does not have."""
    profile, ellipse, frame, section = found.profile, found.ellipse, found.frame, found.section
    nothing = np.full(3, np.nan)
    plane = frame.origin_nm + found.shift_nm if frame else nothing
    return {
        **_place("", found.centre_nm),
        "volume_nm3": found.volume_nm3,
        "distance_nm": found.distance_nm,
        "enhancement": found.enhancement,
        "neck_nm": profile.neck_nm if profile else np.nan,
        "neck_depth_nm": profile.neck_depth_nm if profile else np.nan,
        "height_nm": profile.height_nm if profile else np.nan,
        "width_nm": profile.half_width_nm if profile else np.nan,
        "lumen_from": found.lumen_from,
        "major_nm": ellipse.major_nm if ellipse else np.nan,
        "minor_nm": ellipse.minor_nm if ellipse else np.nan,
        "aspect_ratio": ellipse.major_nm / ellipse.minor_nm if ellipse else np.nan,
        "arc_deg": ellipse.arc_deg if ellipse else np.nan,
        "ellipse_points": ellipse.points if ellipse else 0,
        "ellipse_residual_nm": ellipse.residual_nm if ellipse else np.nan,
        "view_axis": AXES[section.axis] if section else "",
        "view_nm": float(section.corner_nm[section.axis] + found.shift_nm[section.axis]) if section else np.nan,
        **_place("membrane_", plane),
        **{f"normal_{axis}": value for axis, value in zip(AXES, frame.normal if frame else nothing, strict=True)},
        "membrane_residual_nm": frame.residual_nm if frame else np.nan,
        "flags": " ".join(_flags(found)),
    }


def to_dataset(rows: Sequence[Row], measured: Sequence[Measured], pits: Any) -> xr.Dataset:
    """Columns of ``rows``, and what is drawn of each object: its profile, its ellipse, and sections with their place.

    Parameters
    ----------
    pits
        Their numbers.
    """
    import xarray as xr

    names = list(rows[0]) if rows else list(row_of(_NOTHING))
    columns = {name: ("pit", _column(name, [row[name] for row in rows])) for name in names}
    dataset = xr.Dataset(
        {**columns, **_drawn(measured)},
        {
            "pit": np.asarray(pits, np.int64),
            "depth_nm": DEPTHS,
            "axis": list(AXES),
            "row_nm": OFFSETS_NM,
            "column_nm": OFFSETS_NM,
            "below_nm": BELOW_NM,
            "across_nm": OFFSETS_NM,
        },
    )
    for name in dataset.variables:
        unit = {"nm": "nanometer", "nm3": "nanometer^3", "deg": "degree"}.get(str(name).rpartition("_")[2], "1")
        dataset[name].attrs["units"] = unit
    return dataset


def _drawn(measured: Sequence[Measured]) -> dict[str, Any]:
    count, side = len(measured), len(OFFSETS_NM)
    profile = np.full((count, len(DEPTHS)), np.nan)
    section, axis_section = (np.full((count, side, side), np.nan, np.float32) for _ in range(2))
    mouth, across = (np.full((count, 3), np.nan) for _ in range(2))
    for row, found in enumerate(measured):
        if found.profile is not None:
            width = found.profile.width_nm[: len(DEPTHS)]
            profile[row, : len(width)] = width
        if found.section_grey is not None:
            section[row] = found.section_grey
        if found.axis_section is not None:
            mouth[row] = found.axis_section.mouth_nm + found.shift_nm
            across[row], axis_section[row] = found.axis_section.across, found.axis_section.grey
    outline = np.array([found.outline_nm for found in measured]).reshape(-1, OUTLINE_POINTS, 3)
    return {
        "width_profile_nm": (("pit", "depth_nm"), profile),
        "outline_nm": (("pit", "point", "axis"), outline),
        "section": (("pit", "row_nm", "column_nm"), section),
        "axis_section": (("pit", "below_nm", "across_nm"), axis_section),
        "mouth_nm": (("pit", "axis"), mouth),
        "across": (("pit", "axis"), across),
    }


def _flags(found: Measured) -> list[str]:
    """What a person should know of the object, in words without spaces."""
    if found.cut:
        return ["touches-border"]
    if found.too_long:
        return ["too-long"]
    ellipse = found.ellipse
    checks = {
        "no-membrane-plane": found.at_membrane and found.frame is None,
        "uneven-membrane": found.frame is not None and found.frame.residual_nm > UNEVEN_NM,
        "no-lumen": found.frame is not None and found.profile is None,
        "no-ellipse": ellipse is None,
        "short-arc": ellipse is not None and ellipse.arc_deg < FULL_ARC_DEG,
        "border-near": found.border_near,
    }
    return [flag for flag, raised in checks.items() if raised]


def _place(prefix: str, point: Any) -> Row:
    return {f"{prefix}{axis}_nm": float(value) for axis, value in zip(AXES, point, strict=True)}


def _column(name: str, values: list[Any]) -> Any:
    if name in _WORDS:
        return np.array(values, f"<U{_WORDS[name]}")
    return np.array(values, np.int64 if name == "ellipse_points" else np.float64)


_NOTHING = Measured(
    centre_nm=np.full(3, np.nan), shift_nm=np.zeros(3), volume_nm3=0.0, distance_nm=np.nan, at_membrane=False, cut=True
)
