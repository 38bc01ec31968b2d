"""`asem_core.instances`: what is read, what is written, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import tifffile
import zarr

from asem_core import instances, make_registry, open_volume
from asem_core.blocks.verify import verify
from asem_core.errors import AsemError, OutputError, VolumeError
from asem_core.geometry import VoxelSize
from asem_core.specs import Separation
from asem_core.volume.volume import Volume

from .test_blocks import separate_all, two_balls

REGISTRY = make_registry()
SEPARATION = Separation(persistence=0.1, persistence_nm=5.0)


def volume(array: Any) -> Volume:
    return Volume(
        array=array, voxel_size=VoxelSize((5, 5, 5)), uri="memory", format="memory", chunks=array.shape,
        lower_edge_nm=(0.0, 50.0, 0.0), states_place=True, identity={"uri": "memory"},
    )  # fmt: skip


def made(array: Any, folder: Path, **more: Any) -> Any:
    options = {"organelle": "mito", "registry": REGISTRY, "separation": SEPARATION, **more}
    return instances(volume(array), folder / "out.zarr", **options)


@pytest.mark.parametrize(
    ("dtype", "kind"), [("uint8", "probabilities"), ("float32", None), ("bool", None), ("uint16", None)]
)
def test_probabilities_and_labels(tmp_path: Path, dtype: str, kind: Any) -> None:
    mask = two_balls(apart=20)
    high = {"uint8": 128, "float32": 0.5}.get(dtype, 1)
    given = np.where(mask, high, 0).astype(dtype)
    found = made(given, tmp_path, kind=kind, block=(16, 32, 16))
    expected, objects = separate_all(mask, (5, 5, 5), SEPARATION, block=mask.shape)
    assert (found.objects, found.basins, found.labels) == (2, objects.basins, "mito_instances")
    assert found.largest_nm3 == objects.voxels.max() * 125
    ids = open_volume(found.path / "labels" / found.labels, registry=REGISTRY)
    np.testing.assert_array_equal(ids.read(ids.box), expected)
    assert (ids.dtype, ids.lower_edge_nm) == (np.uint32, (0.0, 50.0, 0.0))
    image = open_volume(found.path, registry=REGISTRY)
    np.testing.assert_array_equal(image.read(image.box), given)
    assert verify(found.path).sound
    assert "2 objects" in str(found)


def test_a_threshold_of_its_own_and_that_of_the_organelle(tmp_path: Path) -> None:
    given = np.where(two_balls(apart=20), np.float32(0.6), np.float32(0))
    strict = attrs.evolve(REGISTRY.organelles["mito"], threshold=0.7)
    assert made(given, tmp_path / "a", organelle=strict).objects == 0
    assert made(given, tmp_path / "b", organelle=strict, threshold=0.5).objects == 2


def test_parts_of_the_organelles_separation_are_replaced(tmp_path: Path) -> None:
    mask = two_balls(apart=20)
    assert made(mask, tmp_path / "a", separation={"persistence": 1.0}).objects == 1
    assert made(mask, tmp_path / "b", separation={"persistence": 0.1, "persistence_nm": 5.0}).objects == 2
    said = zarr.open_group(tmp_path / "a" / "out.zarr", mode="r").attrs["asem"]
    own = REGISTRY.organelles["mito"].separation
    assert said["separation"] == attrs.asdict(attrs.evolve(own, persistence=1.0))


def test_the_organelles_that_have_objects_have_numbers_for_them() -> None:
    for organelle in REGISTRY.organelles.values():
        assert organelle.instances == (organelle.name != "er")
        assert organelle.separation.min_volume_nm3 > 0


@pytest.mark.parametrize(
    ("more", "error", "says"),
    [
        ({"organelle": "er"}, AsemError, "er .* is one network, .*; .* `instances: true` in a file"),
        ({"separation": {"persistence": 2.0}}, AsemError, "separation of mito: 'persistence' must be <= 1"),
        ({"separation": {"reach_nm": 501.0}}, AsemError, "'reach_nm' must be <= 500"),
        ({"separation": {"depth": 2.0}}, AsemError, "separation of mito: .*depth"),
        ({"threshold": 0.0}, VolumeError, "threshold .* lies above 0"),
        ({"kind": None}, VolumeError, "uint8, which may be labels or probabilities"),
    ],
)  # fmt: skip
def test_refused_before_anything_is_written(tmp_path: Path, more: Any, error: type[AsemError], says: str) -> None:
    with pytest.raises(error, match=says):
        made(np.zeros((4, 5, 6), np.uint8), tmp_path, **{"kind": "labels", **more})
    assert not list(tmp_path.iterdir())


def test_values_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(VolumeError, match=r"is 2\.0"):
        made(np.full((4, 5, 6), 2, np.float32), tmp_path)
    with pytest.raises(VolumeError, match="labels are integers >= 0, found -1"):
        made(np.full((4, 5, 6), -1, np.int16), tmp_path)
    with pytest.raises(OutputError, match=r"name it NAME\.zarr"):
        instances(volume(np.zeros((4, 5, 6), bool)), tmp_path / "out.tif", organelle="mito", registry=REGISTRY)
    assert not list(tmp_path.iterdir())


def test_sections(tmp_path: Path) -> None:
    """Stored plane by plane: read through a chunked copy, which is gone at the end."""
    mask = two_balls(apart=20)
    (tmp_path / "in").mkdir()
    for z, section in enumerate(mask.view(np.uint8)):
        tifffile.imwrite(tmp_path / "in" / f"s_{z:03d}.tif", section)
    found = instances(
        tmp_path / "in", tmp_path / "out.zarr", organelle="mito", kind="labels", voxel_size=(5, 5, 5),
        separation=SEPARATION, registry=REGISTRY,
    )  # fmt: skip
    assert found.objects == 2
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in", "out.zarr", "out.zarr.journal.jsonl"]
