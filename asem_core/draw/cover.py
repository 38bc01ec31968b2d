"""The cover picture of a package: the raw image, and beside it the prediction drawn over it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

_COLOUR = np.array([255.0, 140.0, 0.0], np.float32)
_OPACITY = 0.45


def cover_picture(raw: npt.NDArray[np.float32], probability: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Raw left, raw with the prediction in orange right.

    Parameters
    ----------
    raw
        One section ``(y, x)``, 0..255.
    probability
        The prediction, same shape, 0..1; drawn where >= 0.5, with an outline.

    Returns
    -------
    ndarray
        uint8 ``(y, 2 x, 3)``: for a square section the 2:1 that bioimage.io asks for.
    """
    from scipy import ndimage

    grey = np.repeat(np.clip(raw, 0, 255)[..., None], 3, axis=-1).astype(np.float32)
    inside = probability >= 0.5
    outline = inside & ~ndimage.binary_erosion(inside)
    painted = grey.copy()
    painted[inside] += _OPACITY * (_COLOUR - painted[inside])
    painted[outline] = _COLOUR
    picture: npt.NDArray[np.uint8] = np.rint(np.concatenate([grey, painted], axis=1)).astype(np.uint8)
    return picture


def write_cover(path: Path, raw: npt.NDArray[np.float32], probability: npt.NDArray[np.float32]) -> None:
    """Write `cover_picture` as PNG."""
    from PIL import Image

    Image.fromarray(cover_picture(raw, probability)).save(path, optimize=True)
