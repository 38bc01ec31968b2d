from __future__ import annotations

import numpy as np
import pytest

from asem_core.geometry import Box, VoxelSize
from asem_core.preprocessing.scale import ScaleLinear, scale_linear

FIVE = VoxelSize((5, 5, 5))


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_the_default_brings_0_to_255_to_minus_1_to_1(dtype: type) -> None:
    raw = np.array([[[0, 51, 255]]], dtype)
    before = raw.copy()
    scaled = scale_linear(raw, box=Box.of_shape((1, 1, 3)), voxel_size=FIVE, stats={}, params=ScaleLinear())
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaled, [[[-1, -0.6, 1]]], atol=1e-6)
    np.testing.assert_array_equal(raw, before)


def test_gain_and_offset() -> None:
    params = ScaleLinear(gain=2, offset=0.5)
    scaled = scale_linear(
        np.full((1, 1, 1), 3.0), box=Box.of_shape((1, 1, 1)), voxel_size=FIVE, stats={}, params=params
    )
    assert scaled.item() == 6.5
