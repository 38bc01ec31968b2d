"""Every pore en face, with what was measured drawn on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from asem_core.draw import BAR_NM, SMOOTH, draw_over
from asem_core.reporting import Card, Gallery, Quality

if TYPE_CHECKING:
    import xarray as xr
    from PIL import ImageDraw

Double = npt.NDArray[np.float64]
Picture = npt.NDArray[np.uint8]

TILE = 224
"""Pixels per edge of a picture; the page shows it at 160 to 224."""
_HALF_NM = 110.0
_LINE, _END = (86, 180, 233), (255, 214, 10)
REASONS = {
    "cut": "cut by a face of the volume", "small": "too small to be a whole pore",
    "outlier": "far from the envelope of its neighbours", "few lines": "too few lines from membrane to membrane",
    "no membrane": "no ring that is darker than its surroundings", "no raw": "no raw around it",
    "blur unknown": "how far blur has moved its membrane cannot be told",
    "axis unsure": "its axis is unsure and its ring not whole",
}  # fmt: skip
"""Why a pore was not measured, by its status."""


def gallery(pores: xr.Dataset) -> Gallery:
    """A card per pore."""
    return Gallery(
        title="Every pore",
        caption="En face: the mean of the planes in the middle of the envelope. Blue: the lines; yellow: where the "
        f"membrane was found. White bar: {BAR_NM:g} nm. Green edge: good; orange edge: fair, for the reason given; "
        "grey edge: not measured.",
        cards=tuple(_card(pores.isel(pore=row)) for row in range(pores.sizes["pore"])),
    )


def _card(pore: xr.Dataset) -> Card:
    status, quality, flags = (str(pore[name].item()) for name in ("status", "quality", "flags"))
    diameter, lines = pore.diameter_nm.item(), pore.lines.item()
    told = f"{lines} line{'' if lines == 1 else 's'}"
    if status == "measured":
        text = (f"{diameter:.1f} nm", f"SD {pore.diameter_sd_nm.item():.1f} nm over {told}", flags)
    else:
        text = (f"not measured: {REASONS.get(status, status)}", told if lines else "", flags)
    grade: Quality = "good" if quality == "good" else "fair" if quality else ""
    return Card(
        title=f"Pore {pore.pore.item()}",
        lines=tuple(line for line in text if line),
        image=draw(pore.enface.values, pore) if np.isfinite(pore.enface.values).any() else None,
        quality=grade,
        tags=tuple(tag for tag in (status, quality, *flags.split("; ")) if tag),
        values={
            "diameter": diameter,
            "SD over lines": pore.diameter_sd_nm.item(),
            "lines": float(lines),
            "contrast": pore.contrast.item(),
        },
    )


def draw(enface: npt.NDArray[np.float32], pore: xr.Dataset) -> Picture:
    """The middle of an en-face view with lines, their ends and a scale bar: ``(TILE, TILE, 3)``.

    Parameters
    ----------
    enface
        ``(v, u)`` grey; NaN: no data.
    pore
        One row of the table: ``v_nm``, ``membrane_nm``, ``angle_degrees``, ``centre_v_nm``, ``centre_u_nm``.
    """
    from PIL import Image

    half = min(_HALF_NM, float(pore.v_nm[-1]))
    grey = Image.fromarray(_bytes(enface)).transform(
        (TILE, TILE), Image.Transform.EXTENT, _corners(pore.v_nm.values, half), Image.Resampling.BICUBIC
    )
    ends = TILE * SMOOTH / (2 * half) * (ends_nm(pore) + half)

    def paint(pen: ImageDraw.ImageDraw) -> None:
        for a, b in zip(ends[: len(ends) // 2], ends[len(ends) // 2 :], strict=True):
            if np.isfinite([a, b]).all():
                pen.line([*a[::-1], *b[::-1]], (*_LINE, 110), SMOOTH)
        for v, u in ends[np.isfinite(ends).all(axis=1)]:
            size = 2.2 * SMOOTH
            pen.ellipse((u - size, v - size, u + size, v + size), (*_END, 255))

    return draw_over(grey, paint, width_nm=2 * half)


def ends_nm(pore: xr.Dataset) -> Double:
    """Where each direction meets the membrane: ``(direction, 2)`` v, u from the middle of the view; NaN: nowhere."""
    angle = np.radians(pore.angle_degrees.values)
    centre = np.array([pore.centre_v_nm.item(), pore.centre_u_nm.item()])
    ends: Double = centre + pore.membrane_nm.values[:, None] * np.stack([np.sin(angle), np.cos(angle)], axis=1)
    return ends


def _bytes(grey: npt.NDArray[np.float32]) -> Picture:
    low, high = np.nanpercentile(grey, (0.5, 99.5))
    scaled = np.nan_to_num((grey - low) / max(high - low, 1e-6), nan=0.0)
    shades: Picture = np.rint(255 * np.clip(scaled, 0, 1)).astype(np.uint8)
    return shades


def _corners(across_nm: Double, half_nm: float) -> tuple[float, float, float, float]:
    """The box of ``half_nm`` around the middle in pixels of a view: left, top, right, bottom edges."""
    step = across_nm[1] - across_nm[0]
    middle = len(across_nm) / 2
    return (middle - half_nm / step, middle - half_nm / step, middle + half_nm / step, middle + half_nm / step)
