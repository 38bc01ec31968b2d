"""Small volumes in several formats."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr

from asem_core import Registry
from asem_core.volume import Volume, open_volume


@pytest.fixture
def opened(registry: Registry) -> Callable[..., Volume]:
    def call(uri: str | Path, **kwargs: Any) -> Volume:
        return open_volume(uri, registry=registry, **kwargs)

    return call


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(7).integers(0, 256, (9, 40, 31)).astype(np.uint8)


@pytest.fixture
def sections(tmp_path: Path, image: np.ndarray) -> Path:
    """A folder whose names sort wrongly as text: s_8, s_9, s_10."""
    folder = tmp_path / "sections"
    folder.mkdir()
    for number, section in enumerate(image):
        tifffile.imwrite(folder / f"cell3_s_{number + 8}.tif", section, compression="zlib", rowsperstrip=7)
    return folder


@pytest.fixture
def published(tmp_path: Path, image: np.ndarray) -> Path:
    """The layout of the published data, Zarr format 2."""
    root = zarr.create_group(tmp_path / "cell_x.zarr", zarr_format=2)
    for name, values in {
        "volumes/raw": image,
        "volumes/labels/mito": (image > 128).astype(np.uint32),
        "volumes/labels/er": (image > 200).astype(np.uint32),
    }.items():
        array = root.create_array(name, data=values, chunks=(8, 8, 8))
        array.attrs.update({"resolution": [5, 4, 4], "offset": [50, 0, 8]})
    return tmp_path / "cell_x.zarr"
