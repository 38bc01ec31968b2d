"""What the objects of a cell are, from their numbers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.cluster.vq import kmeans2

Floats = npt.NDArray[np.float64]
Words = npt.NDArray[np.str_]
Flags = npt.NDArray[np.bool_]

PIT, CAVEOLA, VESICLE, SECRETORY = "endocytic pit", "caveola", "endocytic vesicle", "secretory"
CLASSES = (PIT, CAVEOLA, VESICLE, SECRETORY)
EARLY, LATE = "early", "late"

_LOWEST, _HIGHEST = 1.3, 2.0
"""Where Otsu's threshold must lie. The wall of a caveola is plain membrane, enhancement 1: a split between two groups
of coated pits, or of caveolae, is not wanted."""
_FEWEST = 6
"""Fewer pits are not clustered."""


def coat_threshold(enhancement: Floats) -> float:
    """Where Otsu's threshold parts the enhancements (NaN are left out), half way across the gap, within 1.3 to 2.

    Examples
    --------
    >>> round(coat_threshold(np.array([0.9, 1.0, 1.2, 2.4, 2.6, 3.0])), 2)
    1.8
    >>> coat_threshold(np.array([2.4, 2.6, 3.0]))
    2.0
    """
    known = np.sort(enhancement[np.isfinite(enhancement)])
    if len(known) < 2 or np.ptp(known) == 0:
        return (_LOWEST + _HIGHEST) / 2
    below = np.arange(1, len(known))
    above, mean = len(known) - below, np.cumsum(known)[:-1] / below
    last = int(np.argmax(below / above * (known.mean() - mean) ** 2))  # of the lower group: variance between the two
    return float(np.clip((known[last] + known[last + 1]) / 2, _LOWEST, _HIGHEST))


def classify(distance_nm: Floats, enhancement: Floats, *, touch_nm: float, near_nm: float, coat: float) -> Words:
    """One of `CLASSES` per object.

    Parameters
    ----------
    distance_nm
        To the plasma membrane; NaN is farther than ``near_nm``.
    enhancement
        Of the wall; NaN, where it cannot be told, counts as coated.
    touch_nm, near_nm, coat
        At the membrane up to ``touch_nm``; endocytic up to ``near_nm``; a caveola below ``coat``.
    """
    at = distance_nm <= touch_nm
    return np.select(
        [at & (enhancement < coat), at, distance_nm <= near_nm], [CAVEOLA, PIT, VESICLE], SECRETORY
    ).astype(f"<U{max(map(len, CLASSES))}")


def stages(neck_nm: Floats, *, open_neck_nm: float) -> Words:
    """Early where the neck is wider than ``open_neck_nm``, late where it is not, empty where it is NaN.

    Examples
    --------
    >>> stages(np.array([80.0, 20.0, np.nan]), open_neck_nm=40.0).tolist()
    ['early', 'late', '']
    """
    return np.select([neck_nm > open_neck_nm, neck_nm <= open_neck_nm], [EARLY, LATE], "").astype("<U5")


def clusters(neck_nm: Floats, height_nm: Floats) -> Words:
    """Two groups of pits by neck and height, without a threshold; empty for NaN, and for all of fewer than 6 pits.

    Notes
    -----
    k-means with k = 2 on both, each divided by its standard deviation, from the two pits of widest and narrowest neck.
    The group with the wider necks is early.
    """
    found = np.full(len(neck_nm), "", "<U5")
    known = np.isfinite(neck_nm) & np.isfinite(height_nm)
    if known.sum() < _FEWEST:
        return found
    values = np.stack([neck_nm, height_nm], axis=1)[known]
    values = values / np.maximum(values.std(axis=0), 1e-9)
    seeds = values[[values[:, 0].argmax(), values[:, 0].argmin()]]
    _, group = kmeans2(values, seeds, minit="matrix", missing="raise")
    found[known] = np.where(group == 0, EARLY, LATE)
    return found
