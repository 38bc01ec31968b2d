"""Scale bar and legend on a picture of a film."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from asem_core.draw import round_length
from asem_mesh.film.scene import Surfaces

_INK = {"dark": (235, 238, 243), "light": (32, 32, 36)}


def label(
    picture: npt.NDArray[np.uint8], surfaces: Sequence[Surfaces], *, um_per_pixel: float, ground: str
) -> npt.NDArray[np.uint8]:
    """``picture`` with the names of organelles at the upper left and a scale bar at the lower left."""
    image = Image.fromarray(picture)
    draw, ink = ImageDraw.Draw(image), _INK[ground]
    unit = max(10, image.height // 36)
    font = ImageFont.load_default(unit)
    for row, each in enumerate(surfaces):
        top = unit + row * round(1.7 * unit)
        draw.rounded_rectangle((unit, top, 2 * unit, top + unit), unit // 4, tuple(round(255 * c) for c in each.colour))
        draw.text((round(2.5 * unit), top + unit / 2), each.organelle, ink, font, anchor="lm")
    length = round_length(1000 * um_per_pixel * image.width / 5)
    bottom = image.height - unit
    draw.rectangle((unit, bottom - unit // 4, unit + length / 1000 / um_per_pixel, bottom), ink)
    text = f"{length / 1000:g} um" if length >= 1000 else f"{length:g} nm"
    draw.text((unit, bottom - unit // 2), text, ink, font, anchor="lb")
    return np.asarray(image)
