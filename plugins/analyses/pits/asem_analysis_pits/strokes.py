"""What was measured of one object, as lines on its sections, and both sections as one picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from asem_analysis_pits.tile import Picture, Stroke, draw
from asem_core.geometry import AXES

if TYPE_CHECKING:
    import xarray as xr

PLANE, LUMEN, NECK, HEIGHT, WIDTH = (170, 110, 255), (86, 180, 233), (255, 145, 20), (255, 214, 10), (80, 220, 130)
ELLIPSE, ELLIPSE_AXIS = (255, 90, 160), (255, 190, 215)
AXIS_CAPTION = (
    "The section through the pit's axis: violet, the plane of the membrane; orange, the neck; yellow, the height; "
    "green, the width at half the height; blue, the width at every depth. A width is that of a disc of the lumen's "
    "area, drawn about the axis: it need not follow a wall that is not round."
)
ELLIPSE_CAPTION = (
    "The section with the largest outline: pink, the ellipse through the wall, with its axes; violet, the plane of "
    "the membrane."
)
_GAP = 4
_FAR_NM = 400.0


def picture(pit: xr.Dataset, black_white: tuple[float, float]) -> Picture | None:
    """The section of the ellipse, and of a pit above it the section along its axis; None where there is neither."""
    tiles = [
        draw(pit[name].values, strokes(pit), rows_nm=pit[rows].values, columns_nm=pit[columns].values,
             black_white=black_white)
        for name, rows, columns, strokes in (
            ("axis_section", "below_nm", "across_nm", along_axis), ("section", "row_nm", "column_nm", of_ellipse),
        )
        if np.isfinite(pit[name].values).any()
    ]  # fmt: skip
    if len(tiles) < 2:
        return tiles[0] if tiles else None
    return np.concatenate([tiles[0], np.full((_GAP, *tiles[0].shape[1:]), 255, np.uint8), tiles[1]])


def along_axis(pit: xr.Dataset) -> tuple[Stroke, ...]:
    """What was measured of the lumen: depth below the membrane, and offset from the axis."""
    plane = Stroke(points_nm=np.array([[0.0, -_FAR_NM], [0.0, _FAR_NM]]), colour=PLANE, width=1)
    height = pit.measured_height_nm.item()
    if not np.isfinite(height):
        return (plane,)
    width = pit.width_profile_nm.values
    open_ = np.flatnonzero(width > 0)
    depth, half = pit.depth_nm.values[open_], width[open_] / 2
    lumen = [Stroke(points_nm=np.stack([depth, side * half], axis=1), colour=LUMEN, width=1) for side in (-1, 1)]
    lengths = (
        ([0.0, 0.0], [height, 0.0], HEIGHT),
        *(
            ([at, -long / 2], [at, long / 2], colour)
            for at, long, colour in (
                (pit.neck_depth_nm.item(), pit.measured_neck_nm.item(), NECK),
                (height / 2, pit.width_nm.item(), WIDTH),
            )
        ),
    )
    return (plane, *lumen, *(Stroke(points_nm=np.array([a, b]), colour=colour, ends=True) for a, b, colour in lengths))


def of_ellipse(pit: xr.Dataset) -> tuple[Stroke, ...]:
    """The ellipse, its axes and the membrane's plane: offsets from the centroid along rows and columns."""
    seen_along = AXES.index(pit.view_axis.item())
    kept = [axis for axis in range(3) if axis != seen_along]
    centre = _zyx(pit, "{}_nm")
    found = []
    normal, plane = _zyx(pit, "normal_{}"), _zyx(pit, "membrane_{}_nm") - centre
    if np.isfinite(normal).all():
        plane[seen_along] -= pit.view_nm.item() - centre[seen_along]
        slope = normal[kept]
        foot = slope * (normal @ plane) / (slope @ slope)
        along = np.array([-slope[1], slope[0]]) / np.linalg.norm(slope)
        found.append(Stroke(points_nm=foot + np.array([[-_FAR_NM], [_FAR_NM]]) * along, colour=PLANE, width=1))
    outline = (pit.outline_nm.values - centre)[:, kept]
    if np.isfinite(outline).all():
        half, quarter = len(outline) // 2, len(outline) // 4
        ends = ([start, start + half] for start in (0, quarter))
        found += [Stroke(points_nm=outline[pair], colour=ELLIPSE_AXIS, width=1, ends=True) for pair in ends]
        found.append(Stroke(points_nm=outline, colour=ELLIPSE, closed=True))
    return tuple(found)


def _zyx(pit: xr.Dataset, name: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array([pit[name.format(axis)].item() for axis in AXES], np.float64)
