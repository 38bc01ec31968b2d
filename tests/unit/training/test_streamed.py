"""Volumes that are read block by block: the blocks of those in memory, and no more is read than they need."""

from __future__ import annotations

import json
import math
from itertools import product
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pytest
import torch
import zarr

from asem_core.geometry import Box, VoxelSize
from asem_core.registry import make_registry
from asem_core.specs import StageRef
from asem_core.training import memory, volumes
from asem_core.training.loop import train
from asem_core.training.occupancy import Occupancy
from asem_core.training.recipe import Data, Phase, Recipe, structure_recipe
from asem_core.training.sample import Sampler
from asem_core.training.volumes import LabelledVolume, OpenedVolume, load_data, open_all, open_data
from asem_core.volume import Volume
from asem_core.volume.staging import copy_in_chunks

REGISTRY = make_registry()
PADDED, VALID = Phase(iterations=1, side=16, padded=True), Phase(iterations=1, side=100)
VALUES: dict[str, Any] = {
    "organelle": "mito", "voxel_size_nm": [10, 10, 10], "training": [{"raw": "raw", "labels": "labels"}],
    "phases": [{"iterations": 1, "side": 100}], "seed": 3,
    "sampling": {"min_foreground": 0.3, "keep_without": 0.2, "min_inside": 0.4},
}  # fmt: skip


def recipe(**changes: Any) -> Recipe:
    return structure_recipe({**VALUES, **changes}, where="test")


def write_cell(folder: Path, *, chunks: tuple[int, int, int]) -> None:
    """Raw, ids and a mask of 5 nm; the mask is 1 in a ball, ids lie in patches."""
    rng = np.random.default_rng(1)
    shape = (54, 61, 70)
    patches = rng.integers(0, 3, [-(-n // 9) for n in shape])
    ids = np.kron(patches, np.ones((9, 9, 9), int))[: shape[0], : shape[1], : shape[2]]
    at = np.stack(np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij"))
    ball = (at**2).sum(0) < 1.3
    for name, values in (("raw", rng.integers(0, 256, shape)), ("labels", ids), ("mask", ball)):
        zarr.create_array(folder / name, data=values.astype(np.uint8), chunks=chunks).attrs["resolution"] = [5, 5, 5]


def both(folder: Path, data: Data, voxel: tuple[float, float, float], **more: Any) -> list[OpenedVolume]:
    """The volume in memory and the same on disk."""
    known: dict[str, Any] = {"folder": folder, "organelle": "mito", "grid": VoxelSize(voxel), "registry": REGISTRY}
    scratch = folder / "scratch"
    scratch.mkdir()
    return [load_data(data, **known, **more), open_data(data, **known, **more, room=0, scratch=scratch)]


def assert_equal_blocks(held: OpenedVolume, read: OpenedVolume, *, count: int = 6) -> None:
    assert isinstance(held, LabelledVolume)
    assert not isinstance(read, LabelledVolume)
    in_memory, on_disk = (Sampler([volume], recipe(), torch.device("cpu")) for volume in (held, read))
    for phase, number in product((PADDED, VALID), range(count)):
        a, b = in_memory.block(number, phase), on_disk.block(number, phase)
        for name in ("raw", "labels", "mask"):
            assert torch.equal(getattr(a, name), getattr(b, name)), (phase.side, number, name)
        if phase is VALID:
            assert a.raw.std() > 0.01  # it reaches past every face of this volume, which is mirrored there


@pytest.mark.parametrize("voxel", [(5, 5, 5), (10, 10, 10), (8, 8, 8), (2.5, 5, 10)])
def test_blocks_that_are_read_equal_those_in_memory(tmp_path: Path, voxel: tuple[float, float, float]) -> None:
    write_cell(tmp_path, chunks=(16, 16, 16))
    data = Data(
        raw="raw", labels="labels", mask="mask", unlabelled=2, roi="1:54,2:60,3:70", left_out=("3:20,0:61,11:20",)
    )
    held, read = both(tmp_path, data, voxel)
    assert_equal_blocks(held, read)
    part = Box((2, 3, 1), (9, 20, 14)).slices
    for a, b in ((held.raw, read.raw), (held.labels, read.labels), (held.inside, read.inside)):
        assert a is not None
        assert b is not None
        np.testing.assert_array_equal(a[part], b[part])
        assert a.dtype == b.dtype


def test_stages_that_measure_the_whole_volume_give_the_same_blocks(tmp_path: Path) -> None:
    write_cell(tmp_path, chunks=(16, 16, 16))
    stages = (StageRef(name="clahe", params={"kernel": 8}), StageRef(name="scale_linear", params={"gain": 0.5}))
    held, read = both(tmp_path, Data(raw="raw", labels="labels"), (10, 10, 10), stages=stages)
    assert_equal_blocks(held, read, count=2)


def test_sections_are_copied_into_chunks_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_cell(tmp_path, chunks=(1, 61, 70))
    copied = []

    def copy(volume: Volume, *args: Any, **kwargs: Any) -> Volume:
        copied.append(volume.shape)
        return copy_in_chunks(volume, *args, **kwargs)

    monkeypatch.setattr(volumes, "copy_in_chunks", copy)
    held, read = both(tmp_path, Data(raw="raw", labels="labels", mask="mask", roi="4:50,0:61,0:70"), (10, 10, 10))
    assert copied == [(46, 61, 70)] * 3
    assert_equal_blocks(held, read, count=2)


class Recorded:
    """An array that notes how large the pieces were that were read of it."""

    def __init__(self, array: npt.NDArray[Any]) -> None:
        self._array = array
        self.shape, self.dtype = array.shape, array.dtype
        self.pieces: list[int] = []

    def __getitem__(self, key: tuple[slice, slice, slice]) -> npt.NDArray[Any]:
        part = self._array[key]
        self.pieces.append(part.size)
        return part


def long_cell() -> tuple[OpenedVolume, Recorded, Recorded]:
    """4000 sections, one in twenty of which is organelle."""
    labels = np.zeros((4000, 40, 40), np.uint8)
    labels[::20] = 1
    raw, truth = Recorded(np.random.default_rng(2).random(labels.shape, np.float32)), Recorded(labels)
    return OpenedVolume(name="long", raw=raw, labels=truth, share=1.0), raw, truth


def test_no_more_is_read_than_a_block_needs() -> None:
    volume, raw, labels = long_cell()
    draw = Sampler([volume], recipe(sampling={"min_foreground": 0.01}), torch.device("cpu"))
    assert raw.pieces == []
    assert sum(labels.pieces) == math.prod(labels.shape)
    assert max(labels.pieces) <= 64 * 256 * 256
    labels.pieces.clear()
    for number in range(4):
        draw.block(number, PADDED)
    # A cube of 16, turned by 45 degrees and bent: at most 16 sqrt(2) + 12 in two axes.
    assert len(raw.pieces) == 4
    assert max(raw.pieces) < 36**3
    assert sum(labels.pieces) < 8 * 36**3


def test_a_mere_few_blocks_are_read_to_be_rejected() -> None:
    volume, _, labels = long_cell()
    occupancy = Occupancy.of(volume)
    labels.pieces.clear()
    for start in range(0, 3900, 7):
        assert not occupancy.is_scarce(Box((start, 0, 0), (start + 40, 40, 40)), 0.01)
        assert occupancy.is_scarce(Box((start, 0, 0), (start + 40, 40, 40)), 0.2)
    assert labels.pieces == []


def test_occupancy_decides_as_counting_does() -> None:
    rng = np.random.default_rng(3)
    shape = (21, 30, 19)
    labels, inside = ((rng.random(shape) < p).astype(np.uint8) for p in (0.3, 0.8))
    inside[:, :12] = 1
    for counted in (inside, None):
        cell = LabelledVolume(name="noise", raw=np.zeros(shape, np.float32), labels=labels, share=1.0, inside=counted)
        occupancy = Occupancy.of(cell)
        for _ in range(200):
            a, b = np.sort(np.stack([rng.integers(0, n + 1, 2) for n in shape], 1), 0)
            box = Box(a, np.maximum(b, a + 1)).intersect(Box.of_shape(shape))
            if not box.size:
                continue
            number = box.size if counted is None else int(counted[box.slices].sum())
            ones = int((labels if counted is None else labels * counted)[box.slices].sum())
            for voxels in (0, number - 1, number, number + 1, 0.5 * box.size):
                assert occupancy.counts(box, voxels) == (number >= voxels)
            for fraction in (0.0, 0.05, 0.3, 0.31, 1.0):
                assert occupancy.is_scarce(box, fraction) == (ones < fraction * number)


def test_volumes_are_held_while_there_is_room(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_cell(tmp_path, chunks=(16, 16, 16))
    one = {"raw": "raw", "labels": "labels", "roi": "0:20,0:20,0:20"}
    plan = recipe(training=[one, {**one, "name": "large", "roi": None}, {**one, "mask": "mask", "share": 2.0}],
                  validation=[{**one, "name": "held out", "roi": None}])  # fmt: skip
    caplog.set_level("INFO")
    training, validation = open_all(plan, folder=tmp_path, registry=REGISTRY, room=11000, scratch=tmp_path)
    assert [isinstance(volume, LabelledVolume) for volume in training] == [True, False, True]
    assert [volume.memory for volume in training] == [5000, 5 * 27 * 31 * 35, 6000]
    assert isinstance(validation[0], LabelledVolume)
    assert "large: 0.000146 GB on the model's grid, read block by block, 1 % of all blocks" in caplog.text
    (tight, *_), _ = open_all(plan, folder=tmp_path, registry=REGISTRY, room=4999, scratch=tmp_path)
    assert not isinstance(tight, LabelledVolume)
    np.testing.assert_array_equal(tight.held().raw, training[0].raw[:, :, :])
    assert attrs.asdict(tight)["share"] == training[0].share


def test_volumes_may_be_sampled_alike(tmp_path: Path) -> None:
    write_cell(tmp_path, chunks=(16, 16, 16))
    small, large = ({"raw": "raw", "labels": "labels", "roi": roi} for roi in ("0:20,0:20,0:20", "0:40,0:40,0:40"))

    def shares(**changes: Any) -> list[float]:
        plan = recipe(training=[small, large, {**small, "share": 2.5}], **changes)
        return [
            volume.share for volume in open_all(plan, folder=tmp_path, registry=REGISTRY, room=0, scratch=tmp_path)[0]
        ]

    assert shares() == pytest.approx([0.001, 0.008, 2.5])
    assert shares(share="equal") == [1.0, 1.0, 2.5]


def test_a_run_that_reads_gives_the_weights_of_one_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_cell(tmp_path, chunks=(1, 61, 70))
    plan = recipe(base=1, phases=[{"iterations": 3, "side": 16, "padded": True, "rate": [1e-2, 1e-2]}])
    held = train(plan, tmp_path / "held", data_folder=tmp_path, device="cpu").weights
    monkeypatch.setattr(memory, "HELD", 0.0)
    read = train(plan, tmp_path / "read", data_folder=tmp_path, device="cpu").weights
    expected, found = (torch.load(path, weights_only=True) for path in (held, read))
    assert all(torch.equal(value, found[name]) for name, value in expected.items())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["held", "labels", "mask", "raw", "read"]
    lines = [json.loads(line) for line in (tmp_path / "read" / "log.jsonl").read_text().splitlines()]
    assert 0 < lines[0]["waited"] <= lines[-1]["waited"] <= lines[-1]["seconds"]
