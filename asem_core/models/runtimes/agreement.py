"""Whether a device calculates what a processor does: one tile through both, before anything is written.

Libraries of GPUs have been wrong on large tensors, for one precision, in one version (cuDNN 9.10.2 in bfloat16, pytorch
issue 163539): a tile of the size that will run is compared, plane by plane, so that a part that is wrong is not
averaged away.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from asem_core.errors import ModelError

Array = npt.NDArray[np.float32]
BOUNDS = {"f16": 0.05, "f32": 0.005}
"""Of `plane_difference`. Rounding alone gives 0.0003 to 0.003 in f16, with three networks of the zoo."""
_SEED, _PERIOD = 7, 48


def check_agreement(
    run: Callable[[Array], Array],
    reference: Callable[[Array], Array],
    shape: tuple[int, ...],
    *,
    precision: str,
    where: str,
) -> float:
    """The largest mean difference in a plane between ``run`` and ``reference``, on blobs in noise of ``shape``.

    Parameters
    ----------
    precision
        Of ``run``: it says which of `BOUNDS` holds.
    where
        What ``run`` runs on, in words.

    Raises
    ------
    ModelError
        It is beyond the bound.
    """
    tile = blobs(shape)
    found = plane_difference(run(tile), reference(tile))
    bound = BOUNDS[precision]
    if not found <= bound:
        other = "--runtime openvino" if precision == "f32" else "--precision f32"
        raise ModelError(
            f"{where} calculates wrongly in {precision}: on one tile its result differs from that of the processor by "
            f"{found:.3g} in the mean of a plane, {bound:g} is allowed: use {other}"
        )
    return found


def plane_difference(found: Array, expected: Array) -> float:
    """Largest mean absolute difference in a plane across the third axis from the end; nan where one holds nan.

    Voxels that ``expected`` has nothing in, the rim of a tile, do not count. Of probabilities it is the difference of
    log odds: where a network is sure, probabilities would hide that a part is wrong. Of other values it is relative
    to the largest, where that is above 1.

    Examples
    --------
    >>> plane_difference(np.array([[[9.0, 8], [0, 9]]], np.float32), np.array([[[9.0, 10], [0, 9]]], np.float32))
    0.06666666666666667
    """
    counted = np.maximum(np.count_nonzero(expected, axis=(-2, -1)), 1)
    scale = max(1.0, float(np.abs(expected).max()))
    if expected.min() >= 0 and expected.max() <= 1:
        found, expected = _log_odds(found), _log_odds(expected)
    planes = np.abs(found - expected).sum(axis=(-2, -1), dtype=np.float64) / counted
    return float(planes.max() / scale)


def _log_odds(probability: Array) -> Array:
    low, high = np.clip(probability, 1e-30, 1), np.clip(1 - probability, 1e-7, 1)
    return np.asarray(np.log(low) - np.log(high))


def blobs(shape: tuple[int, ...]) -> Array:
    """Smooth dark blobs in noise, -1 to 1: where a network that looks for organelles is unsure in places."""
    rng = np.random.default_rng(_SEED)
    smooth = ndimage.gaussian_filter(rng.normal(size=(_PERIOD,) * 3), 3, mode="wrap")
    spatial = shape[-3:]
    tiled = np.tile(smooth / smooth.std(), [-(-n // _PERIOD) for n in spatial])[tuple(slice(n) for n in spatial)]
    noise = rng.standard_normal(shape, np.float32)
    return np.clip(np.float32(0.35) * tiled.astype(np.float32) + np.float32(0.15) * noise, -1, 1)
