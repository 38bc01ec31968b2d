"""Normalisation as scikit-image does it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import ndimage
from skimage.exposure import equalize_adapthist, equalize_hist

from asem_core import Registry, Volume
from asem_core.geometry import Box
from asem_core.preprocessing.clahe import Clahe, equalise, tile_mappings
from asem_core.preprocessing.stages import make_steps, measure, normalised
from asem_core.specs import StageRef


@pytest.fixture(scope="module")
def full_range() -> np.ndarray:
    """Smooth noise ``(64, 96, 64)`` uint8 that holds 0 and 255."""
    noise = ndimage.gaussian_filter(np.random.default_rng(2).normal(size=(64, 96, 64)), 2)
    image = np.clip(120 + 40 * noise / noise.std(), 0, 255).astype(np.uint8)
    image[0, 0, :2] = 0, 255
    return image


@pytest.mark.parametrize("clip", [0.01, 0.02, 0.03])
def test_clahe_on_a_full_range_block(full_range: np.ndarray, as_volume: Callable[..., Volume], clip: float) -> None:
    """Within 2 of 16383 levels.

    scikit-image's tiles begin at the block's first voxel, as ours do at the volume's, so on a block of whole tiles both
    have the same lattice. It takes the block's minimum and maximum as the range, which here are those of the dtype, and
    stretches the result to 0..1 at the end; we do not, so ours is stretched here. What remains is rounding: it sums 8
    products as float32, we interpolate along one axis after the other, and both truncate to whole levels: a value next
    to a whole level falls on either side (one level), and the stretch moves with its two extremes (another).
    """
    volume = as_volume(full_range)
    mappings = tile_mappings(volume, params=Clahe(kernel=32, clip=clip))
    levels = equalise(full_range, volume.box, mappings, 32).astype(float)
    stretched = (levels - levels.min()) / (levels.max() - levels.min())
    expected = equalize_adapthist(full_range, kernel_size=32, clip_limit=clip, nbins=256)
    assert np.abs(stretched - expected).max() <= 2 / (levels.max() - levels.min())
    assert np.mean(np.abs(stretched - expected) < 1e-6) > 0.99


def test_histogram_equalisation(full_range: np.ndarray, as_volume: Callable[..., Volume], registry: Registry) -> None:
    """Equal after rounding to uint8: integers have one bin per value in scikit-image, too."""
    volume = as_volume(full_range)
    steps = make_steps([StageRef(name="equalize_histogram")], registry)
    found = normalised(volume, steps, measure(volume, steps)).read(Box.of_shape(full_range.shape))
    np.testing.assert_array_equal(found, np.rint(255 * equalize_hist(full_range)))
