"""Lines over a grey picture of a gallery, with smooth edges and a scale bar."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from PIL import Image, ImageDraw

BAR_NM = 50.0
SMOOTH = 3
"""Pixels of the pen per pixel of the picture, for smooth edges."""
_MARGIN, _THICK = 10, 4


def draw_over(
    grey: Image.Image, paint: Callable[[ImageDraw.ImageDraw], None], *, width_nm: float
) -> npt.NDArray[np.uint8]:
    """``grey`` with what ``paint`` draws and a white bar of `BAR_NM` at the lower left: ``(y, x, 3)``.

    Parameters
    ----------
    paint
        Gets a pen for a layer that is `SMOOTH` times as large as ``grey``.
    width_nm
        Of the picture.
    """
    from PIL import Image, ImageDraw

    layer = Image.new("RGBA", (grey.width * SMOOTH, grey.height * SMOOTH))
    pen = ImageDraw.Draw(layer)
    paint(pen)
    left, bottom = _MARGIN * SMOOTH, layer.height - _MARGIN * SMOOTH
    pen.rectangle((left, bottom - _THICK * SMOOTH, left + BAR_NM * layer.width / width_nm, bottom), (255, 255, 255))
    picture: npt.NDArray[np.uint8] = np.asarray(
        Image.alpha_composite(grey.convert("RGBA"), layer.reduce(SMOOTH)).convert("RGB")
    )
    return picture
