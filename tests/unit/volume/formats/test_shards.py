"""Many chunks in one file: the same voxels, whole shards a block, and what cannot be."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorstore
import zarr

from asem_core.blocks.fill import whole_chunks
from asem_core.blocks.verify import verify
from asem_core.conversion.convert import convert
from asem_core.errors import OutputError
from asem_core.geometry import Triple, VoxelSize
from asem_core.volume import open_volume, with_levels
from asem_core.volume.formats.ome_write import ArrayPlan, OmePlan

from ....conftest import make_volume

SHAPE = (150, 90, 140)


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 255, SHAPE, dtype=np.uint8)


def plan(shape: Triple = SHAPE, chunk: Triple = (64, 64, 64), dtype: str = "uint8", **more: Any) -> OmePlan:
    array = ArrayPlan(shape=shape, dtype=dtype, chunk=chunk)
    return OmePlan(image=array, voxel_size=VoxelSize((5, 5, 5)), lower_edge_nm=(0, 0, 0), **more)


def test_voxels_and_levels_are_those_without_shards(image: np.ndarray, tmp_path: Path, registry: Any) -> None:
    volume = make_volume(image)
    for name, shard in (("chunks.zarr", None), ("shards.zarr", 128)):
        convert(volume, tmp_path / name, ome_version="0.5", shard=shard, registry=registry)
    one, other = (
        with_levels(open_volume(tmp_path / name, registry=registry), registry=registry)
        for name in ("chunks.zarr", "shards.zarr")
    )
    for found, expected in zip(other, one, strict=True):
        np.testing.assert_array_equal(found.read(found.box), expected.read(expected.box))
    array = zarr.open_array(tmp_path / "shards.zarr" / "0", mode="r")
    assert (array.shards, array.chunks) == ((128, 128, 128), (64, 64, 64))
    files = sorted(file.name for file in (tmp_path / "shards.zarr" / "0" / "c").rglob("*") if file.is_file())
    assert len(files) == math.prod(-(-n // 128) for n in SHAPE) == 4
    assert verify(tmp_path / "shards.zarr").sound
    spec = {"driver": "zarr3", "kvstore": {"driver": "file", "path": str(tmp_path / "shards.zarr" / "0")}}
    np.testing.assert_array_equal(tensorstore.open(spec).result().read().result(), image, "others read it too")


def test_a_damaged_shard_is_made_again(image: np.ndarray, tmp_path: Path, registry: Any) -> None:
    out = convert(make_volume(image), tmp_path / "out.zarr", shard=128, registry=registry)
    shard = tmp_path / "out.zarr" / "0" / "c" / "1" / "0" / "0"
    before = shard.read_bytes()
    shard.write_bytes(before[:-1])
    assert verify(out).changed == ("0/c/1/0/0",)
    convert(make_volume(image), tmp_path / "out.zarr", shard=128, registry=registry)
    assert shard.read_bytes() == before


def test_a_block_is_whole_shards() -> None:
    found = whole_chunks(plan((600, 100, 600), shard=(256, 128, 128)), (64, 64, 200))
    assert {box.start[0] % 256 for box in found} == {box.start[2] % 128 for box in found} == {0}
    assert found[0].shape == (256, 100, 256)


def test_a_shard_is_no_larger_than_the_volume() -> None:
    array = plan((40, 300, 40), chunk=(40, 64, 64), shard=256).arrays["image"]
    assert array.shard == (40, 256, 64)


def test_shards_are_of_version_05() -> None:
    assert plan().version == "0.4"
    assert plan(shard=128).version == "0.5"
    with pytest.raises(
        OutputError, match=r"shards are written as OME-Zarr 0\.5: leave --ome-version 0\.4 out, or --shard"
    ):
        plan(shard=128, ome_version="0.4")


@pytest.mark.parametrize(
    ("sides", "dtype", "told"),
    [
        (100, "uint8", r"a shard is whole chunks, here of 64,64,64 voxels, got 100,100,100: choose a multiple"),
        ((128, 128, 0), "uint8", r"got 128,128,0"),
        (-64, "uint8", r"got -64,-64,-64"),
        (1024, "uint8", r"a shard of 1024,1024,1024 voxels \(uint8\) takes 1074 MB; .* up to 537 MB: choose a smaller"),
        (576, "uint32", r"\(uint32\) takes 764 MB"),
    ],
)
def test_shards_that_cannot_be(sides: Any, dtype: str, told: str) -> None:
    with pytest.raises(OutputError, match=told) as refused:
        plan((2000, 2000, 2000), dtype=dtype, shard=sides)
    assert "\n" not in str(refused.value)


def test_tiff_has_no_shards(image: np.ndarray, tmp_path: Path, registry: Any) -> None:
    with pytest.raises(OutputError, match=r"only an OME-Zarr, NAME\.zarr, has shards"):
        convert(make_volume(image), tmp_path / "out.tif", shard=128, registry=registry)
    assert list(tmp_path.iterdir()) == []
