"""Volumes as layers, without a window."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from asem_annotate.viewer.layers import contrast, layers_of

from asem_core.registry import make_registry
from asem_core.volume import IMAGE, ArrayPlan, Volume, create_ome_zarr

from .cells import VOXELS, make_cell

GREY, TRUTH = make_cell()


def without_units(found: Any) -> Any:
    if isinstance(found, dict):
        return {key: without_units(value) for key, value in found.items() if key != "unit"}
    return [without_units(each) for each in found] if isinstance(found, list) else found


@pytest.mark.parametrize("of_labels", [False, True], ids=["no unit", "a unit of the labels alone"])
def test_labels_come_along_where_no_voxel_size_is_stated(tmp_path: Path, of_labels: bool) -> None:
    plan = ArrayPlan(shape=GREY.shape, dtype="uint8", chunk=(16, 16, 16))
    made = create_ome_zarr(
        tmp_path / "cell.zarr",
        image=plan,
        labels={"mito": plan},
        voxel_size=VOXELS,
        lower_edge_nm=(0, 0, 0),
        provenance={"made_by": "asem convert", "asem_core": "0"},
    )
    made.levels[IMAGE][0][...], made.levels["mito"][0][...] = GREY, TRUTH > 0
    for file in (tmp_path / "cell.zarr").rglob(".zattrs"):
        if not (of_labels and file.parent.name == "mito"):
            file.write_text(json.dumps(without_units(json.loads(file.read_text()))))
    image, labels = layers_of(tmp_path / "cell.zarr", registry=make_registry())
    assert (image[2], labels[2]) == ("image", "labels")
    assert image[1]["units"] == labels[1]["units"] == ("pixel",) * 3


def test_contrast_is_that_of_the_numbers() -> None:
    def of(values: np.ndarray) -> tuple[float, float]:
        return contrast(Volume(array=values.astype(np.float32), voxel_size=VOXELS, uri="memory", format="memory",
                               chunks=(16, 16, 16)))  # fmt: skip

    low, high = of(np.where(GREY > 200, np.nan, GREY / 255))
    assert 0 <= low < high <= 1
    assert of(np.full_like(GREY, np.nan, dtype=np.float32)) == (0, 1)
