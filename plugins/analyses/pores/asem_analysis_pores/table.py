"""The table: one row per mask."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from asem_analysis_pores.masks import Masks
from asem_analysis_pores.membrane import REACH_NM
from asem_analysis_pores.normals import Axes
from asem_analysis_pores.params import Pores
from asem_analysis_pores.pore import Measured
from asem_core.geometry import AXES
from asem_core.volume import Volume

if TYPE_CHECKING:
    import xarray as xr

UNEVEN = 0.15
"""Standard deviation over the lines, as a share of the diameter, above which a pore is flagged."""
Texts = npt.NDArray[np.str_]


def make_table(
    masks: Masks,
    axes: Axes,
    pores: Mapping[int, Measured | None],
    *,
    status: Texts,
    cluster: Texts,
    nearest_nm: npt.NDArray[np.float64],
    raw: Volume,
    params: Pores,
) -> xr.Dataset:
    """Everything about every mask; NaN where a pore was not measured."""
    import xarray as xr

    measured = {row: pore for row, pore in pores.items() if pore is not None}
    flags = flag(masks, axes, measured, params)
    centre, normal = np.array(masks.centre_nm), np.array(axes.normal)
    tilt, contrast = np.full(len(masks), np.nan), np.full(len(masks), np.nan)
    for row, pore in measured.items():
        centre[row], normal[row], contrast[row] = pore.centre_nm, pore.normal, pore.contrast
        tilt[row] = np.degrees(np.arccos(np.clip(pore.normal @ axes.normal[row], -1, 1)))
    length = masks.axes[0]
    columns: dict[str, Any] = {
        "status": status,
        "quality": np.where(status != "measured", "", np.where(flags == "", "good", "fair")),
        "flags": flags,
        **_numbers(len(masks), {row: pore for row, pore in measured.items() if status[row] == "measured"}),
        "lines": np.array([measured[row].lines if row in measured else 0 for row in range(len(masks))], np.int64),
        "contrast": contrast,
        **{f"{axis}_nm": centre[:, a] for a, axis in enumerate(AXES)},
        **{f"normal_{axis}": normal[:, a] for a, axis in enumerate(AXES)},
        "normal_from": np.array(axes.source, "U10"),
        "tilt_degrees": tilt,
        "nucleus": axes.nucleus + 1,
        "nearest_nm": nearest_nm,
        "cluster": cluster,
        "volume_nm3": masks.volume_nm3,
        "axis1_nm": length[:, 0],
        "axis3_nm": length[:, 2],
        "parts": masks.parts,
    }
    found = xr.Dataset({name: ("pore", values) for name, values in columns.items()})
    found = found.assign(_views(len(masks), measured, step_nm=min(raw.voxel_size.zyx), params=params))
    found = found.assign_coords(pore=np.arange(1, len(masks) + 1))
    for name in found.variables:
        if str(name).endswith("_nm"):
            found[name].attrs["units"] = "nanometer"
    return found


def flag(masks: Masks, axes: Axes, measured: Mapping[int, Measured], params: Pores) -> Texts:
    """What is unusual about each pore, separated by ``; ``; ``""`` where nothing is.

    ``large mask``: more than one pore may be in it. ``axis from neighbours``, ``axis from mask``: the surface of the
    envelope did not tell the direction. ``lines missing``: not all lines have both ends. ``uneven``: the lines differ.
    """
    texts = []
    usual = np.median(masks.volume_nm3[~masks.at_border]) if (~masks.at_border).any() else np.inf
    for row, volume in enumerate(masks.volume_nm3):
        found = ["large mask"] if volume > params.max_volume * usual else []
        pore = measured.get(row)
        if pore is not None:
            lines = pore.line_diameter_nm[np.isfinite(pore.line_diameter_nm)]
            found += [f"axis from {axes.source[row]}"] if axes.source[row] != "surface" else []
            found += ["lines missing"] if len(lines) < params.lines else []
            found += ["uneven"] if len(lines) and lines.std() > UNEVEN * np.median(lines) else []
        texts.append("; ".join(found))
    return np.array(texts, dtype=f"U{max([1, *map(len, texts)])}")


def _numbers(count: int, measured: Mapping[int, Measured]) -> dict[str, npt.NDArray[np.float64]]:
    """Columns with one number per measured pore."""
    names = ("diameter_nm", "diameter_mean_nm", "diameter_sd_nm", "diameter_minima_nm", "plane_offset_nm", "blur_nm")
    found = {name: np.full(count, np.nan) for name in names}
    for row, pore in measured.items():
        lines = pore.line_diameter_nm[np.isfinite(pore.line_diameter_nm)]
        values = (
            pore.diameter_nm,
            lines.mean(),
            lines.std(),
            pore.diameter_nm - 2 * np.nan_to_num(pore.shift_nm),
            pore.plane_offset_nm,
            pore.blur_nm,
        )
        for name, value in zip(names, values, strict=True):
            found[name][row] = value
    return found


def _views(count: int, measured: Mapping[int, Measured], *, step_nm: float, params: Pores) -> dict[str, Any]:
    """What is drawn of each pore: lines, profile and en-face view."""
    half = round(params.width_nm / 2 / step_nm)
    across = step_nm * np.arange(-half, half + 1)
    radius = np.arange(int(params.max_radius_nm + REACH_NM + 1) + 1, dtype=np.float64)
    angle = 180 / params.lines * np.arange(2 * params.lines)
    line = np.full((count, params.lines), np.nan)
    membrane = np.full((count, len(angle)), np.nan)
    profile = np.full((count, len(radius)), np.nan)
    enface = np.full((count, len(across), len(across)), np.nan, np.float32)
    centre = np.full((count, 2), np.nan)
    for row, pore in measured.items():
        line[row], membrane[row], profile[row] = pore.line_diameter_nm, pore.membrane_nm, pore.profile[: len(radius)]
        enface[row], centre[row] = pore.enface, pore.ring_centre_nm
    return {
        "line_diameter_nm": (("pore", "line"), line),
        "membrane_nm": (("pore", "direction"), membrane),
        "profile": (("pore", "radius_nm"), profile),
        "enface": (("pore", "v_nm", "u_nm"), enface),
        "centre_v_nm": ("pore", centre[:, 0]),
        "centre_u_nm": ("pore", centre[:, 1]),
        "angle_degrees": ("direction", angle),
        "radius_nm": ("radius_nm", radius),
        "v_nm": ("v_nm", across),
        "u_nm": ("u_nm", across),
    }
