"""Sections thicker than a voxel: what they average along z, and how voxels are interpolated from them."""

from __future__ import annotations

import numpy as np
from attrs import frozen

from asem_dataset_simulated.noise import Float, Index


@frozen(eq=False)
class Sections:
    """The sections that some voxels are interpolated from.

    Attributes
    ----------
    numbers : int64 (S,)
        Section n lies from n to n + 1 thicknesses above the lower edge of the volume.
    average : float32 (S, N)
        What each section takes of each of the voxels that are given.
    interpolation : float32 (W, S)
        What each of the voxels that are wanted takes of each section.
    """

    numbers: Index
    average: Float
    interpolation: Float


def cut_sections(given: Index, wanted: Index, *, voxel_nm: float, section_nm: float) -> Sections:
    """Cut sections and interpolate linearly between their middles.

    Parameters
    ----------
    given, wanted : int64 arrays (N,) and (W,)
        Indices of consecutive voxels along z; ``given`` reaches one and a half sections beyond ``wanted``.

    Examples
    --------
    >>> cut = cut_sections(np.arange(-3, 7), np.arange(4), voxel_nm=10, section_nm=20)
    >>> cut.numbers, cut.interpolation[0]
    (array([-1,  0,  1,  2]), array([0.25, 0.75, 0.  , 0.  ], dtype=float32))
    """
    middle = (wanted.astype(np.float64) + 0.5) * voxel_nm / section_nm - 0.5
    first = np.floor(middle).astype(np.int64)
    numbers = np.arange(first[0], first[-1] + 2, dtype=np.int64)
    edges = given * voxel_nm / section_nm
    overlap = np.minimum.outer(numbers + 1.0, edges + voxel_nm / section_nm) - np.maximum.outer(numbers, edges)
    interpolation = np.maximum(1 - np.abs(np.subtract.outer(middle, numbers)), 0)
    return Sections(numbers, np.maximum(overlap, 0).astype(np.float32), interpolation.astype(np.float32))
