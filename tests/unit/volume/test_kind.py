"""What a volume says of the image that it was drawn on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asem_core import Volume, VoxelSize, open_labels, open_volume
from asem_core.errors import VolumeError
from asem_core.volume import ArrayPlan, create_ome_zarr, holds_probabilities, image_of_labels
from asem_core.volume.kind import Kind, kind_of, stated_kind


def write(path: Path, **provenance: Any) -> Path:
    plan = ArrayPlan(shape=(4, 5, 6), dtype=np.uint8, chunk=(4, 5, 6))
    create_ome_zarr(
        path, image=plan, labels={"mito": plan}, voxel_size=VoxelSize((5, 5, 5)), lower_edge_nm=(0, 0, 0),
        provenance=provenance,
    )  # fmt: skip
    return path


def test_labels_know_their_image(tmp_path: Path) -> None:
    path = write(tmp_path / "a.zarr")
    assert image_of_labels(open_labels(path, "mito")) == str(path)
    assert image_of_labels(open_volume(path / "labels/mito/0")) == str(path)
    assert image_of_labels(open_volume(path)) is None
    (path / "labels/mito").rename(tmp_path / "alone.zarr")
    assert image_of_labels(open_volume(tmp_path / "alone.zarr")) is None


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ({"made_by": "asem segment"}, True),
        ({"made_by": "asem instances", "kind": "probabilities"}, True),
        ({"made_by": "asem instances", "kind": "labels"}, False),
        ({"made_by": "asem annotate cut"}, False),
    ],
)
def test_who_made_an_image_says_whether_it_holds_probabilities(tmp_path: Path, stated: Any, expected: bool) -> None:
    assert holds_probabilities(str(write(tmp_path / "a.zarr", **stated))) is expected


def volume(dtype: str) -> Volume:
    array = np.zeros((4, 4, 4), dtype)
    return Volume(array=array, voxel_size=VoxelSize((5, 5, 5)), uri="here", format="memory", chunks=array.shape)


@pytest.mark.parametrize(
    ("dtype", "can_be"),
    [
        ("u1", {"labels", "probabilities"}), ("u2", {"labels", "probabilities"}), ("u4", {"labels"}),
        ("i2", {"labels"}), ("?", {"labels"}), ("f4", {"probabilities"}),
    ],
)  # fmt: skip
def test_what_is_said_must_be_possible(dtype: str, can_be: set[Kind]) -> None:
    for kind in ("labels", "probabilities"):
        if kind in can_be:
            assert stated_kind(volume(dtype), kind) == kind
        else:
            with pytest.raises(VolumeError, match=rf"which is {kind_of(volume(dtype))}: leave --kind {kind} out"):
                stated_kind(volume(dtype), kind)


def test_bytes_anywhere_must_be_said() -> None:
    with pytest.raises(VolumeError, match="say --other-kind er=labels or --other-kind er=probabilities"):
        stated_kind(volume("u1"), None, option="--other-kind er=")
