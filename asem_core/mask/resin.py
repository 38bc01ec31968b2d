"""The grey level above which a voxel is empty resin, from the image itself.

Otsu's thresholds part three classes (organelles, cytosol, resin) of a sample of sections, smoothed so that noise does
not join them. The level is the bottom of the valley between the upper two; where there is none, no empty resin shows.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from asem_core.preprocessing.levels import to_grey_range
from asem_core.volume.grey import sample_boxes
from asem_core.volume.volume import Volume

_SMOOTHING_NM = 20.0
"""Standard deviation, in the section."""
_TIMES = 4
"""Times the sample that other measurements of grey take: resin may be a few percent of the volume."""
_SMOOTHING_LEVELS = 2.0
_VALLEY = 0.5
"""Bottom of a valley, as a share of the lower peak beside it. Simulated cells: at most 0.1 with resin, 1.0 without."""
_PADDING = 2
"""Levels up to here are no image."""


def resin_level(volume: Volume) -> float | None:
    """Grey level (0..255) that parts cell and empty resin in ``volume``; None where no resin shows.

    Parameters
    ----------
    volume
        ``(z, y, x)``, uint8, uint16, or floats in [0, 1].

    Notes
    -----
    Method: Liao, Chen and Chung (2001), A fast algorithm for multilevel thresholding, by scikit-image.
    """
    from scipy import ndimage

    sigma = [_SMOOTHING_NM / side for side in volume.voxel_size.zyx[1:]]
    counts = np.zeros(256, np.int64)
    for box in sample_boxes(volume, times=_TIMES):
        for section in to_grey_range(volume.read(box)):
            smooth = ndimage.gaussian_filter(section.astype(np.float32), sigma)
            counts += np.bincount(np.rint(smooth).astype(np.uint8).ravel(), minlength=256)
    return upper_valley(counts)


def upper_valley(counts: npt.NDArray[np.int64]) -> float | None:
    """The level between the brightest of three classes and the next.

    Parameters
    ----------
    counts
        ``(256,)``: voxels of each grey level.

    Returns
    -------
    float or None
        None: fewer than three classes, or no valley between them.

    Examples
    --------
    >>> levels = np.arange(256)
    >>> def bell(at: int, size: int) -> npt.NDArray[np.float64]:
    ...     return size * np.exp(-(((levels - at) / 8) ** 2))
    >>> cell = bell(90, 200) + bell(160, 900)
    >>> upper_valley(cell.astype(int)), upper_valley((cell + bell(210, 400)).astype(int))
    (None, 186.0)
    """
    from scipy import ndimage
    from skimage.filters import threshold_multiotsu

    seen = np.where(np.arange(256) > _PADDING, counts, 0)
    if np.count_nonzero(seen) < 3:
        return None
    low, high = (int(level) for level in threshold_multiotsu(hist=seen, classes=3))  # type: ignore[no-untyped-call]
    smooth = ndimage.gaussian_filter1d(seen.astype(np.float64), _SMOOTHING_LEVELS)
    middle = low + 1 + int(np.argmax(smooth[low + 1 : high + 1]))
    bright = high + 1 + int(np.argmax(smooth[high + 1 :]))
    between = smooth[middle : bright + 1]
    if middle == low + 1 or between.min() > _VALLEY * min(smooth[middle], smooth[bright]):
        return None
    return middle + float(np.flatnonzero(between == between.min()).mean())
