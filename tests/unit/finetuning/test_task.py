"""What is asked for, file by file: voxel sizes that are stated count, grey levels are those of a whole volume."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr

from asem_core.errors import GeometryError
from asem_core.finetuning.task import Task, set_task
from asem_core.geometry import Box, VoxelSize
from asem_core.registry import Registry, make_registry
from asem_core.training.volumes import LabelledVolume, load_data
from asem_core.volume import open_volume
from asem_core.volume.check import known_grey, settled_range

MODEL = "mito-compact-10nm"
SIZE = VoxelSize((10, 10, 10))


@pytest.fixture(scope="module")
def registry() -> Registry:
    return make_registry()


@pytest.fixture
def cell(tmp_path: Path) -> Path:
    """``raw`` and ``labels``, which state 10 nm; ``raw2`` and ``labels2``, which state nothing; the labels as TIFF."""
    rng = np.random.default_rng(3)
    blobs = np.zeros((40, 60, 90), np.uint8)
    blobs[:, 20:40, ::3] = 1
    raw = np.clip(rng.normal(150, 25, blobs.shape) - 60 * blobs, 0, 255).astype(np.uint8)
    for name, values in (("raw", raw), ("labels", blobs), ("raw2", raw), ("labels2", blobs)):
        array = zarr.create_array(tmp_path / name, data=values)
        if not name.endswith("2"):
            array.attrs["resolution"] = [10, 10, 10]
    tifffile.imwrite(tmp_path / "drawn.tif", blobs, photometric="minisblack")
    return tmp_path


def asked(cell: Path, registry: Registry, *pairs: tuple[str, str], **more: Any) -> Task:
    given: dict[str, Any] = {"organelle": None, "model": MODEL, "rois": [], "unlabelled": None, "voxel_size": None}
    named = [(cell / raw, cell / labels) for raw, labels in pairs]
    return set_task(named, cell / "run", **{**given, "grey": None, "seed": 0, "registry": registry, **more})


def loaded(task: Task, registry: Registry) -> list[LabelledVolume]:
    every = (*task.recipe.training, *task.recipe.validation)
    known: dict[str, Any] = {"folder": Path(), "organelle": "mito", "grid": task.grid, "registry": registry}
    return [load_data(data, **known) for data in every]


def test_labels_that_state_no_voxel_size_have_that_of_their_volume(cell: Path, registry: Registry) -> None:
    task = asked(cell, registry, ("raw", "drawn.tif"))
    assert [each.voxel_size for each in task.opened[0]] == [SIZE, SIZE]
    assert all(volume.labels.any() for volume in loaded(task, registry))


def test_a_given_voxel_size_is_for_volumes_that_state_none(
    cell: Path, registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    given = VoxelSize((20, 20, 20))
    with caplog.at_level(logging.WARNING):
        task = asked(cell, registry, ("raw", "labels"), ("raw2", "labels2"), voxel_size=given)
    assert [raw.voxel_size for raw, _ in task.opened] == [SIZE, given]
    assert f"raw states voxels of {SIZE}: --voxel-size {given} is not used for it" in caplog.text
    sizes = {Path(data.raw).name: data.voxel_size_nm for data in (*task.recipe.training, *task.recipe.validation)}
    assert sizes == {"raw": SIZE.zyx, "raw2": given.zyx}
    assert loaded(task, registry)


def test_labels_that_state_another_voxel_size_are_refused(cell: Path, registry: Registry) -> None:
    half = np.asarray(zarr.open_array(cell / "labels", mode="r")[::2, ::2, ::2])
    zarr.create_array(cell / "half", data=half).attrs["resolution"] = [20, 20, 20]
    with pytest.raises(GeometryError, match=r"half has voxels of 20 x 20 x 20 nm but .*raw has 10 x 10 x 10 nm"):
        asked(cell, registry, ("raw", "half"))


def test_grey_levels_are_settled_once_for_a_volume(cell: Path, registry: Registry) -> None:
    """One half of it is pale: its boxes would be stretched by themselves."""
    raw = zarr.open_array(cell / "raw")
    raw[:, :, 45:] = 100 + np.asarray(raw[:, :, 45:]) // 4
    task = asked(cell, registry, ("raw", "labels"), grey="auto")
    volume = open_volume(cell / "raw", registry=registry)
    levels = settled_range(volume, "auto", trained_on=known_grey(task.parent.spec))
    assert task.greys == (levels,)
    every = (*task.recipe.training, *task.recipe.validation)
    assert {data.grey for data in every} == {str(levels)}
    boxes = [Box.parse(data.roi) for data in every if data.roi]
    assert len(boxes) == len(every) > 1
    for box, found in zip(boxes, loaded(task, registry), strict=True):
        inner = Box.of_shape(found.labels.shape).shift([found.context] * 3)
        expected = np.clip((volume.read(box) - levels.low) / (levels.high - levels.low), 0, 1)
        np.testing.assert_allclose(found.raw[inner.slices], expected, atol=0.01)
