"""One picture of a gallery: a stored section with lines, in nanometres, drawn on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.draw import SMOOTH, draw_over

if TYPE_CHECKING:
    from PIL import Image, ImageDraw

Double = npt.NDArray[np.float64]
Picture = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]

TILE = 256
"""Pixels per edge."""
_END = 5.0
"""Half a bar across the end of a line, pixels."""
_BEYOND: Colour = (233, 237, 241)
"""Where the volume ends."""


@attrs.frozen(kw_only=True, eq=False)
class Stroke:
    """A line through points."""

    points_nm: Double
    """``(n, 2)``: row, column."""
    colour: Colour
    width: int = 2
    """Pixels."""
    closed: bool = False
    ends: bool = False
    """Whether a bar marks where it ends: its length is a number of the table."""


def draw(
    grey: npt.NDArray[np.float32],
    strokes: tuple[Stroke, ...],
    *,
    rows_nm: Double,
    columns_nm: Double,
    black_white: tuple[float, float],
) -> Picture:
    """``grey`` with ``strokes`` and a scale bar: ``(TILE, TILE, 3)``.

    Parameters
    ----------
    grey
        ``(row, column)``, a square; NaN: beyond the volume.
    rows_nm, columns_nm
        Middles of its pixels, in the frame of the strokes.
    black_white
        Grey values that become black and white.
    """
    step = columns_nm[1] - columns_nm[0]
    corner = np.array([rows_nm[0], columns_nm[0]]) - step / 2
    width_nm = step * len(columns_nm)

    def paint(pen: ImageDraw.ImageDraw) -> None:
        for stroke in strokes:
            for line in _lines(TILE * SMOOTH / width_nm * (stroke.points_nm - corner), stroke):
                pen.line([tuple(point) for point in line[:, ::-1]], stroke.colour, stroke.width * SMOOTH)

    return draw_over(_background(grey, black_white), paint, width_nm=width_nm)


def _lines(points: Double, stroke: Stroke) -> list[Double]:
    if stroke.closed:
        return [np.concatenate([points, points[:1]])]
    if not stroke.ends:
        return [points]
    along = points[-1] - points[0]
    across = _END * SMOOTH * along[::-1] * (-1, 1) / max(float(np.linalg.norm(along)), 1e-9)
    return [points, *(np.stack([end - across, end + across]) for end in (points[0], points[-1]))]


def _background(grey: npt.NDArray[np.float32], black_white: tuple[float, float]) -> Image.Image:
    from PIL import Image

    low, high = black_white
    scaled = np.clip((np.nan_to_num(grey, nan=high) - low) / max(high - low, 1e-6), 0, 1)
    levels = Image.fromarray(np.rint(255 * scaled).astype(np.uint8)).resize((TILE, TILE), Image.Resampling.BICUBIC)
    beyond = Image.fromarray(np.isnan(grey)).resize((TILE, TILE))
    picture = levels.convert("RGBA")
    picture.paste((*_BEYOND, 255), mask=beyond.convert("L"))
    return picture
