"""What tells an input from what it was before, without reading it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asem_core.errors import VolumeError
from asem_core.geometry import VoxelSize
from asem_core.volume import LazyArray, Volume, as_volume
from asem_core.volume.identity import array_digest, change_in_words, files_digest

VALUES = np.arange(24, dtype=np.uint16).reshape(2, 3, 4)


def test_every_file_counts_at_any_depth(tmp_path: Path) -> None:
    for name in ("0", "c/1/2", "c/1/3"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"voxels")
    found = {files_digest(tmp_path, b""), files_digest(tmp_path, b"metadata")}
    (tmp_path / "c/1/3").write_bytes(b"voxel")
    found.add(files_digest(tmp_path, b""))
    os.utime(tmp_path / "0", ns=(0, 5))
    found.add(files_digest(tmp_path, b""))
    (tmp_path / "c/1/3").rename(tmp_path / "c/1/4")
    found.add(files_digest(tmp_path, b""))
    assert len(found) == 5
    before = files_digest(tmp_path, b"")
    (tmp_path / "c/.DS_Store").touch()
    assert files_digest(tmp_path, b"") == before
    assert before.startswith("3 files ")


def test_a_folder_that_is_not_there_has_no_files(tmp_path: Path) -> None:
    assert files_digest(tmp_path / "none", b"").startswith("0 files ")


@pytest.mark.parametrize("other", [VALUES + 1, VALUES.astype(">u2"), VALUES.astype("u4"), VALUES.reshape(3, 2, 4)])
def test_arrays_in_memory_are_told_apart(other: Any) -> None:
    assert array_digest(VALUES) == array_digest(VALUES.copy()) == array_digest(np.asfortranarray(VALUES))
    assert array_digest(VALUES) != array_digest(other)


class Unread:
    shape, dtype = VALUES.shape, VALUES.dtype

    def __getitem__(self, key: Any) -> Any:
        pytest.fail("read")


def test_what_is_not_in_memory_is_not_read_and_never_the_same(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", VALUES)
    for array in (Unread(), np.load(tmp_path / "a.npy", mmap_mode="r")):
        assert array_digest(array) != array_digest(array)


def test_only_a_volume_without_an_identity_is_given_one() -> None:
    def of(array: LazyArray, **identity: Any) -> Volume:
        size = VoxelSize((5, 5, 5))
        return Volume(array=array, voxel_size=size, uri="m", format="memory", chunks=(2, 3, 4), identity=identity)

    known = of(Unread(), sha256="a")
    assert as_volume(known) is known
    one, same, other = (as_volume(of(array)).identity for array in (VALUES, VALUES.copy(), VALUES + 1))
    assert one == same != other


def test_what_is_in_memory_is_held_to_what_a_file_is() -> None:
    def of(array: Any) -> Volume:
        return Volume(array=array, voxel_size=VoxelSize((5, 5, 5)), uri="m", format="memory", chunks=(1, 1, 1))

    for dtype in (">u2", ">f4", ">i4"):
        found = as_volume(of(VALUES.astype(dtype)))
        assert found.dtype.isnative
        assert found.dtype == found.read(found.box).dtype
        np.testing.assert_array_equal(found.read(found.box), VALUES)
    with pytest.raises(VolumeError, match=r"m: the volume is empty, its shape is \(0, 5, 5\)"):
        as_volume(of(np.zeros((0, 5, 5), np.uint8)))
    with pytest.raises(VolumeError, match="expected integers, floats or booleans, found complex"):
        as_volume(of(np.zeros((5, 5, 5), complex)))


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        ("17 5", "17 6", "changed on disk"),
        ("9 files ab", "9 files cd", "changed on disk"),
        ("ab", "9 files cd", "may have changed: an earlier version"),
        ("", "array ab", "may have changed: an earlier version"),
        ("array ab", "array cd", "changed"),
        ("unknown ab", "unknown cd", "has no `identity`"),
    ],
)
def test_a_change_is_told_for_what_it_is(before: str, now: str, told: str) -> None:
    assert change_in_words(before, now).startswith(told)
