"""Blocks through Dask, and the OME-Zarr that they fill."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dask
import numpy as np
import pytest
from asem_core.blocks.produce import produce

from asem_core.blocks.executors import map_blocks
from asem_core.errors import OutputError, VolumeError
from asem_core.geometry import Box, Triple, VoxelSize
from asem_core.volume import open_labels, open_volume
from asem_core.volume.formats.ome_write import ArrayPlan

SHAPE = (20, 33, 150)
VALUES = np.random.default_rng(0).integers(0, 256, SHAPE).astype(np.uint8)


def make(destination: Path, block: Triple = (16, 16, 16), compute: Any = None, **more: Any) -> None:
    produce(
        destination, compute or (lambda box: {"image": VALUES[box.slices], "er": VALUES[box.slices] > 99}),
        image=ArrayPlan(shape=SHAPE, dtype="uint8", chunk=(16, 16, 16)),
        labels={"er": ArrayPlan(shape=SHAPE, dtype="uint8", chunk=(32, 16, 16))},
        voxel_size=VoxelSize((5, 4, 4)), lower_edge_nm=(50, 0, 8), block=block, provenance={"made_by": "test"},
        stage="making", **more,
    )  # fmt: skip


@pytest.mark.parametrize("block", [(1, 1, 1), (16, 40, 64), (500, 500, 500)])
def test_whatever_the_block(tmp_path: Path, block: Triple) -> None:
    make(tmp_path / "out.zarr", block)
    image, labels = open_volume(tmp_path / "out.zarr"), open_labels(tmp_path / "out.zarr", "er")
    assert np.array_equal(image.read(image.box), VALUES)
    assert np.array_equal(labels.read(labels.box), VALUES > 99)
    assert image.voxel_size == labels.voxel_size == VoxelSize((5, 4, 4))
    assert image.lower_edge_nm == (50, 0, 8)
    assert (tmp_path / "out.zarr" / "1").is_dir()


def test_nothing_is_left_of_a_failure(tmp_path: Path) -> None:
    def broken(box: Box) -> Any:
        if box.start[2] > 100:
            raise VolumeError("bad section")
        return {"image": VALUES[box.slices], "er": VALUES[box.slices]}

    with pytest.raises(VolumeError, match="bad section"):
        make(tmp_path / "out.zarr", compute=broken)
    assert list(tmp_path.iterdir()) == []
    make(tmp_path / "out.zarr")
    with pytest.raises(OutputError, match="--overwrite"):
        make(tmp_path / "out.zarr")
    make(tmp_path / "out.zarr", overwrite=True)


@pytest.mark.parametrize("scheduler", ["threads", "synchronous"])
def test_results_in_order_and_progress_per_block(scheduler: str) -> None:
    seen: list[int] = []
    blocks = list(Box.of_shape((3, 3, 3)).tiles(1))
    with dask.config.set(scheduler=scheduler):
        found = map_blocks(lambda box: box.start, blocks, stage="s", progress=lambda _s, done, _t: seen.append(done))
    assert found == [box.start for box in blocks]
    assert seen == list(range(28))
    assert map_blocks(lambda box: box, [], stage="s") == []
