"""Sections that are written field by field are read, in their order; what is damaged or contradicts itself is named."""

from __future__ import annotations

import pickle
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from asem_reader_jeiss.reader import accepts

from asem_core import Box, Registry, Volume, VoxelSize, convert, make_registry, open_volume
from asem_core.errors import VolumeError

from .written import write_section

RNG = np.random.default_rng(1)
SHAPE = (4, 13, 17)
CELL = RNG.integers(-(2**15), 2**15, SHAPE).astype(np.int16)
OTHER = RNG.integers(-(2**15), 2**15, SHAPE).astype(np.int16)
SIZE = (16.0, 8.0, 8.0)


@pytest.fixture(scope="module")
def registry() -> Registry:
    return make_registry()


def write(folder: Path, channels: Mapping[str, Any], **how: Any) -> list[Path]:
    """A section a minute, of the same machine; ``channels``: ``(z, y, x)``."""
    folder.mkdir(exist_ok=True)
    count = len(next(iter(channels.values())))
    return [
        write_section(
            folder / f"Merlin-6281_19-08-09_12{number:02}26_0-0-0.dat",
            {name: image[number] for name, image in channels.items()},
            **how,
        )
        for number in range(count)
    ]


def refused(uri: Path, registry: Registry, **size: Any) -> str:
    with pytest.raises(VolumeError) as error:
        open_volume(uri, registry=registry, **size)
    said = str(error.value)
    assert "\n" not in said
    assert said.startswith((str(uri), str(uri.parent)))
    return said


def whole(volume: Volume) -> Any:
    return volume.read(volume.box)


@pytest.mark.parametrize("dtype", ["uint8", "int16"])
@pytest.mark.parametrize("version", range(1, 10))
def test_every_version(tmp_path: Path, registry: Registry, version: int, dtype: str) -> None:
    cell = CELL.view(np.uint8)[..., ::2] if dtype == "uint8" else CELL
    write(tmp_path, {"AI1": cell}, version=version, pixel_nm=8.25)
    volume = open_volume(tmp_path, registry=registry, voxel_size=SIZE)
    assert (volume.format, volume.dtype, volume.shape, volume.planewise) == ("jeiss", dtype, SHAPE, True)
    assert volume.dtype.isnative
    np.testing.assert_array_equal(whole(volume), cell)
    assert volume.voxel_size == VoxelSize(SIZE)
    assert any("pixels of 8.25 nm (y,x), and nothing of the thickness" in note for note in volume.notes)


def test_its_voxel_size_is_asked_for_with_what_is_known_of_it(tmp_path: Path, registry: Registry) -> None:
    write(tmp_path, {"AI1": CELL}, pixel_nm=4.0)
    assert refused(tmp_path, registry) == (
        f"{tmp_path}: the data does not state its voxel size (its headers say pixels of 4 nm (y,x), and nothing of the "
        "thickness of sections); give it in nm with --voxel-size z,y,x"
    )


@pytest.mark.parametrize("version", [2, 3, 9])
def test_several_channels_have_addresses(tmp_path: Path, registry: Registry, version: int) -> None:
    recorded = {"AI1": CELL, "AI3": OTHER, "AI4": OTHER[::-1]}
    write(tmp_path, recorded, version=version, detectors={"AI1": "InLens", "AI4": "ESB"})
    for name, image in recorded.items():
        volume = open_volume(tmp_path / name, registry=registry, voxel_size=SIZE)
        assert volume.uri == str(tmp_path / name)
        np.testing.assert_array_equal(whole(volume), image)
    found = "AI1 of the detector InLens, AI3 of the detector ?, AI4 of the detector ESB; give one of them"
    assert refused(tmp_path, registry) == f"{tmp_path}: expected one channel, found {found}: {tmp_path}/AI1"
    assert f"expected a channel AI2, found {found}" in refused(tmp_path / "AI2", registry)


def test_what_is_asked_for_is_read_like_numpy(tmp_path: Path, registry: Registry) -> None:
    write(tmp_path, {"AI1": OTHER, "AI2": CELL})
    array = open_volume(tmp_path / "AI2", registry=registry, voxel_size=SIZE).array
    for key in (
        np.s_[2], np.s_[-1, 3], np.s_[1, 2, 5], np.s_[:, 4], np.s_[1:3, 2:9, 4:], np.s_[::2, ::3, ::-1],
        np.s_[:, 10:2:-3, 7], np.s_[3:1], np.s_[:, 5:5], np.s_[0, 3:1, 2],
    ):  # fmt: skip
        np.testing.assert_array_equal(array[key], CELL[key])
        assert array[key].dtype == np.int16


def test_it_travels_to_another_process(tmp_path: Path, registry: Registry) -> None:
    write(tmp_path, {"AI2": CELL})
    volume = open_volume(tmp_path, registry=registry, voxel_size=SIZE)
    np.testing.assert_array_equal(whole(pickle.loads(pickle.dumps(volume))), CELL)


@pytest.mark.skipif(not hasattr(psutil.Process, "io_counters"), reason="this system does not count what is read")
def test_of_a_section_the_rows_that_are_asked_for_are_read(tmp_path: Path, registry: Registry) -> None:
    large = np.zeros((4, 1000, 500), np.int16)
    write(tmp_path, {"AI1": large})
    volume = open_volume(tmp_path, registry=registry, voxel_size=SIZE)
    volume.read(Box((0, 0, 0), (1, 1, 1)))
    counter = psutil.Process()
    before = counter.io_counters().read_chars
    found = volume.read(Box((1, 400, 0), (3, 800, 100)))
    read = counter.io_counters().read_chars - before
    rows = 2 * 400 * 500 * 2  # sections, rows, pixels, bytes
    assert found.shape == (2, 400, 100)
    assert rows <= read < 1.4 * rows < large.nbytes / 2


def test_sections_are_in_the_order_of_their_times(tmp_path: Path, registry: Registry) -> None:
    """Not of their names: the machine was called otherwise after a restart, and midnight passed."""
    names = (
        "Merlin-6281_19-12-31_235930_0-0-0.dat", "Merlin-6281_20-01-01_000030_0-0-0.dat",
        "Alpha_20-01-01_000130_0-0-0.dat", "Merlin-6281_20-01-02_000000_0-0-0.dat",
    )  # fmt: skip
    for name, pixels in zip(names, CELL, strict=True):
        write_section(tmp_path / name, {"AI1": pixels})
    (tmp_path / "log.txt").touch()
    (tmp_path / "._Alpha_20-01-01_000130_0-0-0.dat").touch()
    volume = open_volume(tmp_path, registry=registry, voxel_size=SIZE)
    np.testing.assert_array_equal(whole(volume), CELL)
    assert "1 other files ignored: log.txt" in volume.notes


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("Merlin-6281_19-08-09_120026_0-0-1.dat", "in several tiles (0-0-0, 0-0-1); stitch them"),
        ("Gemini_19-08-09_120026_0-0-0.dat", "_120026_0-0-0.dat were taken at one time; keep one of them"),
        ("repaired.dat", "repaired.dat: its name does not say when it was taken"),
    ],
)
def test_an_order_that_cannot_be_told(tmp_path: Path, registry: Registry, name: str, says: str) -> None:
    write(tmp_path, {"AI1": CELL})
    write_section(tmp_path / name, {"AI1": CELL[0]})
    assert says in refused(tmp_path, registry)


def test_one_section_is_no_volume(tmp_path: Path, registry: Registry) -> None:
    (path,) = write(tmp_path, {"AI1": CELL[:1]})
    assert "found a single section" in refused(tmp_path, registry)
    assert refused(path, registry) == (f"{path}: a single section; give the folder that holds all of them: {tmp_path}")


def put(form: str, place: int, value: Any) -> Any:
    def change(whole: bytearray) -> None:
        struct.pack_into(form, whole, place, value)

    return change


def cut(length: int) -> Any:
    def change(whole: bytearray) -> None:
        del whole[length:]

    return change


PIXELS_END = 1024 + 13 * 17 * 2


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (cut(0), "0 bytes, the header alone has 1,024"),
        (cut(1000), "1,000 bytes, the header alone has 1,024: it is not whole; copy it again"),
        (cut(PIXELS_END - 1), f"{PIXELS_END - 1:,} bytes, expected {PIXELS_END:,}: it is not whole"),
        (put(">I", 0, 1178880), "it begins with 1178880, raw sections of a FIB-SEM of Janelia with 3555587570"),
        (put(">H", 4, 10), "of version 10, known are 1 to 9"),
        (put(">H", 4, 0), "of version 0"),
        (put(">B", 32, 2), "damaged header: 2 channels of 17 x 13 pixels, recorded of AI1"),
        (put(">I", 151, 0), "1 channels of 17 x 13 pixels, recorded of no input"),
        (put(">I", 100, 0), "1 channels of 0 x 13 pixels"),
        (put(">I", 104, 2**32 - 1), "expected 146,028,889,054: it is not whole"),
        (
            put(">I", 104, 12),
            "int16, 12 x 17 pixels (y,x) of 8 nm, AI1, but Merlin-6281_19-08-09_120026_0-0-0.dat: ",
        ),
        (put(">B", 33, 1), "uint8, 13 x 17 pixels"),
        (put(">f", 464, 8.1), "pixels (y,x) of 8.1 nm"),
        (put(">I", 151, 1 << 16), "8 nm, AI2, but"),
    ],
)
def test_a_damaged_section_is_named(tmp_path: Path, registry: Registry, change: Any, says: str) -> None:
    path = write(tmp_path, {"AI1": CELL})[2]
    stored = bytearray(path.read_bytes())
    change(stored)
    path.write_bytes(stored)
    said = refused(tmp_path, registry, voxel_size=SIZE)
    assert said.startswith(str(path))
    assert says in said


def test_pixels_need_not_be_equal_to_the_last_digit_nor_a_footer_be_there(tmp_path: Path, registry: Registry) -> None:
    write(tmp_path, {"AI1": CELL}, footer=b"")
    write_section(tmp_path / "Merlin-6281_19-08-09_130000_0-0-0.dat", {"AI1": CELL[0]}, pixel_nm=8.0001)
    assert open_volume(tmp_path, registry=registry, voxel_size=SIZE).shape == (5, 13, 17)


def test_a_section_that_shrinks_after_it_was_opened(tmp_path: Path, registry: Registry) -> None:
    path = write(tmp_path, {"AI1": CELL})[1]
    volume = open_volume(tmp_path, registry=registry, voxel_size=SIZE)
    path.write_bytes(path.read_bytes()[:1100])
    with pytest.raises(VolumeError, match=r"rows 4 to 9 are no longer there; copy it again"):
        volume.read(Box((1, 4, 0), (2, 10, 3)))


def test_other_folders_are_left_to_other_readers(tmp_path: Path, registry: Registry) -> None:
    assert not accepts(str(tmp_path / "nothing"))
    (tmp_path / "table.dat").write_text("1 2 3")
    assert "plugin asem-reader-jeiss" in refused(tmp_path, registry)
    assert "plugin asem-reader-jeiss" in refused(tmp_path / "table.dat", registry)


def test_a_zarr_array_is_none_of_its_folders(tmp_path: Path) -> None:
    write(tmp_path, {"AI1": CELL})
    assert accepts(str(tmp_path))
    (tmp_path / ".zarray").touch()
    assert not accepts(str(tmp_path))


def test_it_converts(tmp_path: Path, registry: Registry) -> None:
    write(tmp_path / "sections", {"AI1": OTHER, "AI2": CELL})
    convert(tmp_path / "sections" / "AI2", tmp_path / "cell.zarr", voxel_size=SIZE, registry=registry)
    volume = open_volume(tmp_path / "cell.zarr", registry=registry)
    np.testing.assert_array_equal(whole(volume), CELL)
    assert volume.voxel_size == VoxelSize(SIZE)


def test_the_table_of_formats_says_so() -> None:
    table = (Path(__file__).parents[4] / "docs" / "formats.md").read_text(encoding="utf-8")
    assert "| sections (`.dat`) of Janelia's FIB-SEM | not stated | not stated | z,y,x | uint8, int16 |" in table
