"""Painting on pictures ``(height, width, 3)`` uint8: grey levels, fills, outlines. Pure functions."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage

Picture = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Colour = tuple[int, int, int]


def display_shape(
    shape: tuple[int, int], pixel_nm: tuple[float, float], *, max_height: int, max_width: int
) -> tuple[tuple[int, int], float]:
    """The largest height and width in square pixels that fit, and nanometres per pixel."""
    height_nm, width_nm = (n * v for n, v in zip(shape, pixel_nm, strict=True))
    nm_per_pixel = max(height_nm / max_height, width_nm / max_width)
    return (max(1, round(height_nm / nm_per_pixel)), max(1, round(width_nm / nm_per_pixel))), nm_per_pixel


def grey(plane: npt.NDArray[Any], shape: tuple[int, int], *, black_white: tuple[float, float] | None = None) -> Picture:
    """A plane of any dtype as a grey picture of ``shape``; by default between its 0.5 and 99.5 percentiles."""
    values = plane.astype(np.float32)
    low, high = np.percentile(values, [0.5, 99.5]) if black_white is None else black_white
    scaled = (values - low) / (high - low or 1)
    levels = (scaled.clip(0, 1) * 255).astype(np.uint8)
    resized = Image.fromarray(levels).resize(shape[::-1], Image.Resampling.BICUBIC)
    return np.stack([np.asarray(resized)] * 3, axis=-1)


def resize_mask(mask: Mask, shape: tuple[int, int]) -> Mask:
    """A mask at display size, its edge smooth: where at least half a pixel is covered."""
    image = Image.fromarray(mask.astype(np.uint8) * 255)
    return np.asarray(image.resize(shape[::-1], Image.Resampling.BILINEAR)) >= 128


def fill(picture: Picture, mask: Mask, colour: Colour, *, opacity: float) -> Picture:
    """``picture`` with ``mask`` tinted."""
    tinted = picture.astype(np.float32)
    tinted[mask] = (1 - opacity) * tinted[mask] + opacity * np.array(colour, np.float32)
    return tinted.round().astype(np.uint8)


def outline(picture: Picture, mask: Mask, colour: Colour, *, width: int = 2) -> Picture:
    """``picture`` with the inner edge of ``mask`` drawn ``width`` pixels wide; open at the picture's border."""
    painted = picture.copy()
    painted[mask & ~ndimage.binary_erosion(mask, iterations=width, border_value=1)] = colour
    return painted


def round_length(length_nm: float) -> float:
    """The largest of 1, 2, 5, 10, 20, 50 ... that is not above ``length_nm``.

    >>> round_length(1300)
    1000.0
    """
    decade = 10.0 ** np.floor(np.log10(length_nm))
    return float(max(step * decade for step in (1, 2, 5) if step * decade <= length_nm * (1 + 1e-9)))
