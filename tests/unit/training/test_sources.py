"""The volumes of a recipe: what is wrong with one is said in the recipe's words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from asem_core import Registry
from asem_core.errors import VolumeError
from asem_core.training.recipe import Data
from asem_core.training.volumes import sources


def test_a_size_that_is_not_stated_is_asked_for_in_the_recipe(tmp_path: Path, registry: Registry) -> None:
    for name in ("raw", "labels"):
        tifffile.imwrite(tmp_path / f"{name}.tif", np.ones((4, 5, 6), np.uint8), photometric="minisblack")
    data = {"raw": "raw.tif", "labels": "labels.tif"}
    with pytest.raises(VolumeError, match=r"in a recipe that is `voxel_size_nm: \[z, y, x\]` beside `raw:`"):
        sources(Data(**data), folder=tmp_path, organelle="mito", registry=registry)
    raw, labels, mask, _ = sources(
        Data(**data, voxel_size_nm=(5.0, 5.0, 5.0)), folder=tmp_path, organelle="mito", registry=registry
    )
    assert (raw.shape, labels.shape, mask) == ((4, 5, 6), (4, 5, 6), None)
