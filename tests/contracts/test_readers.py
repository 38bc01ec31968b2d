"""A reader of a plugin: it states facts, and size, unit and order of axes are decided as for core's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asem_core import Registry, Volume, VoxelSize, open_volume
from asem_core.errors import VolumeError
from asem_core.specs import ReaderSpec

from .readers import write
from .toys import plugin, registry_of

HERE = f"{__name__.rpartition('.')[0]}.readers"
IMAGE = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
GOOD = {"size": [8, 4, 5], "unit": "nm"}


def registry(name: str = "toy", opens: str = "open_toy", **more: Any) -> Registry:
    spec = ReaderSpec(name=name, summary="", accepts=f"{HERE}:accepts", open=f"{HERE}:{opens}", **more)
    return registry_of(**{name: plugin(asem_register_readers=lambda: [spec])})


def opened(path: Path, **size: Any) -> Volume:
    return open_volume(path, registry=registry(), **size)


def test_what_it_states_is_used(tmp_path: Path) -> None:
    volume = opened(write(tmp_path / "a.toy", IMAGE, **GOOD, edge=[80, 40, 50], axes=["z", "y", "x"]))
    np.testing.assert_array_equal(volume.read(volume.box), IMAGE)
    assert (volume.format, volume.voxel_size, volume.lower_edge_nm) == ("toy", VoxelSize((8, 4, 5)), (80, 40, 50))


@pytest.mark.parametrize(("unit", "times"), [("micrometer", 1e-3), ("\u00c5", 10), ("Microns", 1e-3), ("mm", 1e-6)])
def test_units_are_those_of_every_reader(tmp_path: Path, unit: str, times: float) -> None:
    volume = opened(write(tmp_path / "a.toy", IMAGE, size=[s * times for s in (8, 4, 5)], unit=unit))
    np.testing.assert_allclose(volume.voxel_size.zyx, (8, 4, 5))


def test_named_axes_are_turned_with_their_numbers(tmp_path: Path) -> None:
    volume = opened(write(tmp_path / "a.toy", IMAGE.T, size=[5, 4, 8], unit="nm", axes=["x", "y", "z"]))
    np.testing.assert_array_equal(volume.read(volume.box), IMAGE)
    assert volume.voxel_size == VoxelSize((8, 4, 5))


@pytest.mark.parametrize(
    "said", [{**GOOD, "unit": "pixel"}, {**GOOD, "size": [8, 0, 5]}, {**GOOD, "size": "big"}, {**GOOD, "size": [8, 4]}]
)
def test_what_is_no_size_is_not_stated(tmp_path: Path, said: Any) -> None:
    path = write(tmp_path / "a.toy", IMAGE, **said)
    with pytest.raises(VolumeError, match=r"does not state its voxel size \('size' is .*--voxel-size"):
        opened(path)
    volume = opened(path, voxel_size=(5, 5, 5))
    assert (volume.voxel_size, "taken as not stated" in volume.notes[0]) == (VoxelSize((5, 5, 5)), True)


@pytest.mark.parametrize(
    ("voxels", "axes", "says"),
    [
        (IMAGE[0], None, "expected a 3D image"),
        (IMAGE, ["slice", "y", "x"], "axes are z,y,x, found slice,y,x"),
        (IMAGE[None], ["c", "z"], "2 axes are named"),
        (IMAGE[:0], None, "expected a 3D image|the volume is empty"),
    ],
)
def test_what_is_no_3d_image_is_refused(tmp_path: Path, voxels: Any, axes: Any, says: str) -> None:
    with pytest.raises(VolumeError, match=says):
        opened(write(tmp_path / "a.toy", voxels, **GOOD, axes=axes))


def test_its_own_error_is_shown_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a.toy").write_text("{}")
    with pytest.raises(VolumeError, match=r"a\.toy: it holds no voxels$"):
        opened(tmp_path / "a.toy")


@pytest.mark.parametrize(
    ("opens", "says"),
    [
        ("gives_an_array", "the reader toy returned ndarray, expected a Source"),
        ("crashes", "damaged, or not understood by the reader toy: IndexError: header too short"),
    ],
)
def test_a_wrong_one_is_named(tmp_path: Path, opens: str, says: str) -> None:
    path = write(tmp_path / "a.toy", IMAGE, **GOOD)
    with pytest.raises(VolumeError, match=says):
        open_volume(path, registry=registry(opens=opens))


def test_what_it_needs_is_named_with_the_command(tmp_path: Path) -> None:
    path = write(tmp_path / "a.toy", IMAGE, **GOOD)
    with pytest.raises(VolumeError, match=r"reading toy needs toylib: pip install 'asem-toy\[toys\]'"):
        open_volume(path, registry=registry(requires=("toylib: asem-toy[toys]",)))


def test_two_that_accept_one_file_are_both_named(tmp_path: Path) -> None:
    path = write(tmp_path / "a.toy", IMAGE, **GOOD)
    specs = [
        ReaderSpec(name=name, summary="", accepts=f"{HERE}:accepts", open=f"{HERE}:open_toy") for name in ("one", "two")
    ]
    both = registry_of(toys=plugin(asem_register_readers=lambda: specs))
    with pytest.raises(VolumeError, match="the readers one and two both accept it"):
        open_volume(path, registry=both)
