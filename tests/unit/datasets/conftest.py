"""A data set in the published layout on disk: an image, labels of a part of it, and its spec."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import zarr

from asem_core.specs import DatasetBlock, DatasetSpec


@pytest.fixture
def cell(tmp_path: Path) -> Path:
    """A container of 100 x 90 x 130 voxels of 5 nm; labels of er from voxel 20,10,0 on, reaching past the image."""
    rng = np.random.default_rng(5)
    path = tmp_path / "source" / "cell.zarr"
    root = zarr.create_group(path, zarr_format=2)
    raw = root.create_array("volumes/raw", data=rng.integers(0, 256, (100, 90, 130)).astype(np.uint8), chunks=(32,) * 3)
    raw.attrs.update({"resolution": [5, 5, 5], "offset": [0, 0, 0]})
    er = root.create_array("volumes/labels/er", data=rng.integers(0, 2, (90, 80, 140), np.uint32), chunks=(32,) * 3)
    er.attrs.update({"resolution": [5, 5, 5], "offset": [100, 50, 0]})
    return path


@pytest.fixture
def spec(cell: Path) -> DatasetSpec:
    """The data set ``toy``."""
    blocks = (
        DatasetBlock(name="er-training-1", organelle="er", role="training", start=(25, 15, 10), shape=(70, 70, 70)),
        DatasetBlock(name="er-training-2", organelle="er", role="training", shape=(9, 9, 9), ordered=False),
    )
    return DatasetSpec(
        name="toy",
        uri=str(cell),
        image="volumes/raw",
        voxel_size_nm=(5, 5, 5),
        blocks=blocks,
        labels={"er": {"path": "volumes/labels/er"}},
        licence="CC0",
        citation="nobody",
        fixation="CF",
    )
