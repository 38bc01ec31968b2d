"""An image that looks like tissue."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy import ndimage
from scipy.spatial import cKDTree


@pytest.fixture(scope="session")
def membranes() -> npt.NDArray[np.uint8]:
    """Cells with dark outlines 30 nm thick on a bright ground, ``(6, 200, 200)`` of 10 nm, with noise."""
    rng = np.random.default_rng(1)
    near, _ = cKDTree(rng.uniform(0, 200, (150, 2))).query(np.argwhere(np.ones((200, 200))), k=2)
    wall = (near[:, 1] - near[:, 0] < 3).reshape(200, 200)
    image = ndimage.gaussian_filter(np.where(wall, 60.0, 170.0), 0.7) + rng.normal(0, 6, (6, 200, 200))
    return np.clip(image, 1, 254).astype(np.uint8)
