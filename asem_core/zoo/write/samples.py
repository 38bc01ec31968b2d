"""What a package shows of its model: a parity cube, the test tensors and the cover, all cut from one sample volume."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.errors import ModelError
from asem_core.network import LEAST_SIDE, POOLING, RIM, TILE_HALO
from asem_core.zoo.write.parity import PARITY_SIDE

Array = npt.NDArray[np.float32]
TEST_SIDE = LEAST_SIDE
"""The test tensors are this small so that the package is."""
_LARGEST_CUBE = 200
_LARGEST_COVER = 248
_VALID = TEST_SIDE - 2 * RIM
"""Voxels per axis of the test output that are not zero padding."""


@attrs.frozen(kw_only=True, eq=False)
class Samples:
    """Arrays of a package; raw is float32 in 0..255, predictions are probabilities."""

    test_input: Array
    """``(z, y, x)``, 112 voxels a side."""
    test_output: Array
    cover: tuple[Array, Array]
    """One section ``(y, x)`` and its prediction."""


def parity_cube(sample: Array) -> Array:
    """The central cube of ``sample`` ``(z, y, x)`` on which runtimes are compared: 160 to 200 voxels a side, 0 mod 8.

    Raises
    ------
    ModelError
        The sample is too small.
    """
    side = min(_LARGEST_CUBE, min(sample.shape) // POOLING * POOLING)
    if side < PARITY_SIDE:
        raise ModelError(
            f"the sample is {sample.shape} voxels; expected at least {PARITY_SIDE} on each axis: "
            "give a larger one, such as `asem simulate cell.zarr --seed 5` makes"
        )
    return _centre(sample, (side, side, side))


def cut_samples(sample: Array, probability: Array, predict: Callable[[Array], Array], *, cover: bool = True) -> Samples:
    """Choose the test tensor and the cover.

    Parameters
    ----------
    sample
        ``(z, y, x)``, 0..255, on the model's grid.
    probability
        What the package graph gives for ``parity_cube(sample)``.
    predict
        The package: ``(z, y, x)``, 0..255, to probabilities of the same shape.
    cover
        Whether the sample is worth a large picture; otherwise the cover is a section of the test tensors.

    Notes
    -----
    Of the test output only the inner 14^3 voxels are predictions. The cut is placed where their mean is nearest to one
    half: where the test output holds both the organelle and its surroundings.
    """
    test_input = _most_telling(parity_cube(sample), probability)
    test_output = predict(test_input)
    middle = TEST_SIDE // 2
    picture = _section(sample, predict) if cover else (test_input[middle], test_output[middle])
    return Samples(test_input=test_input, test_output=test_output, cover=picture)


def texture() -> Array:
    """A cube of smooth noise ``(z, y, x)``, `PARITY_SIDE` a side, with about as many voxels of every grey value 0..255.

    It stands in for tissue where there is none to publish: enough to compare runtimes, and a picture of nothing.
    """
    from scipy import ndimage, special

    noise = np.random.default_rng(0).normal(size=(PARITY_SIDE,) * 3).astype(np.float32)
    smooth = ndimage.gaussian_filter(noise, 2.0, mode="wrap")
    grey: Array = np.minimum(256 * special.ndtr(smooth / smooth.std()), 255).astype(np.float32)
    return grey


def _most_telling(cube: Array, probability: Array) -> Array:
    from scipy import ndimage

    half = _VALID // 2
    mean = ndimage.uniform_filter(probability, _VALID)
    inner = slice(TILE_HALO + half, cube.shape[0] - TILE_HALO - half)
    distance = np.abs(mean[inner, inner, inner] - 0.5)
    centre = np.array(np.unravel_index(np.argmin(distance), distance.shape)) + TILE_HALO + half
    z, y, x = (slice(c - TEST_SIDE // 2, c + TEST_SIDE // 2) for c in centre)
    return np.ascontiguousarray(cube[z, y, x])


def _section(sample: Array, predict: Callable[[Array], Array]) -> tuple[Array, Array]:
    """The middle section and its prediction, from one slab that is as thin as the graph allows."""
    side = min(_LARGEST_COVER, min(sample.shape[1:]) // POOLING * POOLING)
    slab = _centre(sample, (TEST_SIDE, side, side))
    wide = np.pad(slab, [(0, 0), (TILE_HALO, TILE_HALO), (TILE_HALO, TILE_HALO)], mode="reflect")
    middle = TEST_SIDE // 2
    inner = slice(TILE_HALO, TILE_HALO + side)
    return slab[middle], predict(wide)[middle, inner, inner]


def _centre(sample: Array, sides: tuple[int, int, int]) -> Array:
    starts = [(have - want) // 2 for have, want in zip(sample.shape, sides, strict=True)]
    z, y, x = (slice(start, start + side) for start, side in zip(starts, sides, strict=True))
    return np.ascontiguousarray(sample[z, y, x], np.float32)
