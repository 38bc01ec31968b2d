"""One figure: title, panels side by side or stacked, scale bar, legend."""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs
from PIL import Image, ImageDraw, ImageFont

from asem_core.draw.paint import Colour, Picture, round_length

MARGIN = 28
GAP = 16
HEAD = 84
CAPTION = 30
LINE = 30
INK: Colour = (32, 32, 36)
FAINT: Colour = (104, 104, 112)
PAPER: Colour = (255, 255, 255)
OUTLINED_INSIDE: Colour = (110, 110, 116)


@attrs.frozen(kw_only=True)
class LegendEntry:
    """A swatch: filled with ``colour``, or a line of it on grey if ``outlined``."""

    text: str
    colour: Colour
    outlined: bool = False


@attrs.frozen(kw_only=True)
class Panel:
    """A picture and the words above it."""

    caption: str
    picture: Picture


WIDE = 1.6
"""Panels wider than this many times their height are stacked."""


def compose(
    panels: Sequence[Panel], *, title: str, subtitle: str, legend: Sequence[LegendEntry], nm_per_pixel: float
) -> Image.Image:
    """Lay out panels of one size, wide ones below each other, and below them the scale bar, which so hides nothing."""
    height, width = panels[0].picture.shape[:2]
    columns, rows = (1, len(panels)) if width > WIDE * height else (len(panels), 1)
    column = max(width, *(_text_width(panel.caption, 17) for panel in panels)) + GAP
    inner = max(
        columns * column - GAP,
        _text_width(title, 28),
        _text_width(subtitle, 19),
        *(_entry_width(entry) for entry in legend),
    )
    legend_rows = _legend_rows(legend, inner)
    panels_top, row_height = MARGIN + HEAD, CAPTION + height + GAP
    legend_top = panels_top + rows * row_height + LINE
    sheet = Image.new("RGB", (inner + 2 * MARGIN, legend_top + LINE * len(legend_rows) + MARGIN), PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((MARGIN, MARGIN - 4), title, INK, _font(28))
    draw.text((MARGIN, MARGIN + 36), subtitle, FAINT, _font(19))
    for number, panel in enumerate(panels):
        x = MARGIN + number % columns * column
        y = panels_top + number // columns * row_height
        draw.text((x, y), panel.caption, FAINT, _font(17))
        sheet.paste(Image.fromarray(panel.picture), (x, y + CAPTION))
    _scale_bar(draw, top=legend_top - LINE, width=width, nm_per_pixel=nm_per_pixel)
    _legend(draw, legend_rows, top=legend_top)
    return sheet


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _text_width(text: str, size: int) -> int:
    return math.ceil(_font(size).getlength(text))


def _scale_bar(draw: ImageDraw.ImageDraw, *, top: int, width: int, nm_per_pixel: float) -> None:
    """A bar of a round length, at most a quarter of a panel's ``width``, and its length in words."""
    length_nm = round_length(width * nm_per_pixel / 4)
    right = MARGIN + round(length_nm / nm_per_pixel)
    draw.rectangle((MARGIN, top + 9, right - 1, top + 14), INK)
    draw.text((right + 10, top), f"{length_nm:g} nm", INK, _font(18))


def _entry_width(entry: LegendEntry) -> int:
    return 30 + _text_width(entry.text, 18) + 32


def _legend_rows(legend: Sequence[LegendEntry], width: int) -> list[list[LegendEntry]]:
    rows: list[list[LegendEntry]] = [[]]
    for entry in legend:
        if rows[-1] and sum(_entry_width(e) for e in [*rows[-1], entry]) > width:
            rows.append([])
        rows[-1].append(entry)
    return rows


def _legend(draw: ImageDraw.ImageDraw, rows: Sequence[Sequence[LegendEntry]], *, top: int) -> None:
    for number, row in enumerate(rows):
        x, y = MARGIN, top + number * LINE
        for entry in row:
            draw.rectangle((x, y + 2, x + 20, y + 22), OUTLINED_INSIDE if entry.outlined else entry.colour)
            if entry.outlined:
                draw.rectangle((x + 4, y + 6, x + 16, y + 18), OUTLINED_INSIDE, entry.colour, 2)
            draw.text((x + 30, y), entry.text, INK, _font(18))
            x += _entry_width(entry)
