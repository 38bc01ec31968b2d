"""Crop and un-crop: what is cut out goes back to its place, bit by bit, with the numbers of its sections."""

from __future__ import annotations

import tempfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asem_core.conversion.convert import convert
from asem_core.errors import GeometryError
from asem_core.geometry import Box, BoxNm, VoxelSize, parse_roi
from asem_core.grid.place import paste
from asem_core.registry import Registry
from asem_core.volume import Volume
from asem_core.volume.window import window

SIZE = VoxelSize((5.24, 4, 4))
Opened = Callable[..., Volume]


def of(values: np.ndarray, **kwargs: object) -> Volume:
    given = {"voxel_size": SIZE, "uri": "/memory/source", "format": "memory", "chunks": values.shape, **kwargs}
    return Volume(array=values, **given)


def write_sections(folder: Path, values: np.ndarray, first: int) -> Path:
    folder.mkdir()
    for number, section in enumerate(values, start=first):
        tifffile.imwrite(folder / f"cell_{number}.tif", section)
    return folder


def numbers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    shape=st.tuples(st.integers(4, 9), st.integers(2, 20), st.integers(2, 20)),
    dtype=st.sampled_from(["u1", "u2", "u4", "f4"]),
    first=st.sampled_from([0, 1, 97, 9998]),
    last=st.sampled_from(["back", "back.tif", "back.zarr"]),
    data=st.data(),
)
def test_tiff_to_zarr_to_crop_to_paste_to_tiff(
    opened: Opened, shape: tuple[int, int, int], dtype: str, first: int, last: str, data: st.DataObject
) -> None:
    cuts = [data.draw(st.tuples(st.integers(0, n - 2), st.integers(2, n))) for n in shape]
    roi = Box([min(a, b - 2) for a, b in cuts], [b for _, b in cuts])
    values = np.random.default_rng(first).integers(1, 250, shape).astype(dtype)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        acquisition = opened(write_sections(work / "in", values, first), voxel_size=SIZE)
        convert(acquisition, work / "cell.zarr", chunk=(4, 8, 8))
        convert(opened(work / "cell.zarr"), work / "crop.zarr", roi=roi, chunk=(3, 5, 8))
        crop = opened(work / "crop.zarr")
        convert(crop, work / "crop_tiffs")
        assert opened(work / "crop_tiffs").first_section == first + roi.start[0]
        pasted = paste(opened(work / "crop_tiffs"), acquisition)
        convert(pasted, work / last)
        back = opened(work / last)
        expected = np.zeros_like(values)
        expected[roi.slices] = values[roi.slices]
        assert (back.dtype, back.shape, back.voxel_size) == (values.dtype, shape, SIZE)
        assert back.read(back.box).tobytes() == expected.tobytes()
        assert back.lower_edge_nm == pytest.approx((0, 0, 0), abs=1e-9)
        assert back.first_section == first
        np.testing.assert_array_equal(paste(crop, opened(work / "cell.zarr")).read(pasted.box), expected)


def test_instance_ids_stay_and_sections_take_the_acquisitions_numbers(tmp_path: Path, opened: Opened) -> None:
    reference = opened(write_sections(tmp_path / "in", np.zeros((6, 5, 4), np.uint8), 40), voxel_size=SIZE)
    ids = np.arange(70000, 70000 + 8, dtype=np.uint32).reshape(2, 2, 2)
    instances = of(ids, lower_edge_nm=(5.24 * 3, 4, 8))
    convert(paste(instances, reference), tmp_path / "out")
    assert numbers(tmp_path / "out") == [f"section_{z:04d}.tif" for z in range(40, 46)]
    section = tifffile.imread(tmp_path / "out/section_0044.tif")
    assert section.dtype == np.uint32
    np.testing.assert_array_equal(section[1:3, 2:4], ids[1])
    assert np.count_nonzero(section) == 4


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_window_is_the_zero_padded_box(data: st.DataObject) -> None:
    values = np.arange(1, 5 * 6 * 7 + 1, dtype=np.uint16).reshape(5, 6, 7)
    start = data.draw(st.tuples(*[st.integers(-8, 8)] * 3))
    box = Box(start, [a + n for a, n in zip(start, data.draw(st.tuples(*[st.integers(1, 12)] * 3)), strict=True)])
    expected = np.pad(values, 24)[tuple(slice(a + 24, b + 24) for a, b in zip(box.start, box.stop, strict=True))]
    found = window(of(values), box)
    np.testing.assert_array_equal(found.read(found.box), expected)
    part = Box([data.draw(st.integers(0, n)) for n in box.shape], box.shape)
    np.testing.assert_array_equal(found.read(part), expected[part.slices])
    np.testing.assert_array_equal(found.array[0, ::2], expected[0, ::2])


def test_pasting_reads_no_more_than_a_slab(tmp_path: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asem_core.volume.staging.SLAB_BYTES", 2**20)
    frame = of(np.broadcast_to(np.uint8(0), (256, 512, 512)))
    crop = of(np.full((6, 8, 8), 7, np.uint8), lower_edge_nm=(5.24 * 250, 4 * 500, 4 * 500), chunks=(8, 8, 8))
    tracemalloc.start()
    convert(paste(crop, frame), tmp_path / "out.tif")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12 * 2**20  # the frame has 64 MiB
    back = opened(tmp_path / "out.tif")
    assert int(back.read(Box((248, 496, 496), (256, 512, 512))).sum()) == 6 * 8 * 8 * 7


def test_a_voxel_size_that_is_given_hides_no_other(tmp_path: Path, registry: Registry) -> None:
    frame = write_sections(tmp_path / "frame", np.zeros((8, 9, 10), np.uint8), 0)
    array = zarr.create_array(tmp_path / "crop.zarr", data=np.ones((4, 4, 4), np.uint8), zarr_format=2)
    given = {"paste_into": frame, "voxel_size": (5, 5, 5), "registry": registry}
    convert(tmp_path / "crop.zarr", tmp_path / "pasted.zarr", **given)
    array.attrs["resolution"] = [10, 10, 10]
    with pytest.raises(GeometryError, match=r"crop\.zarr has voxels of 10 x 10 x 10 nm but .*frame has 5 x 5 x 5 nm"):
        convert(tmp_path / "crop.zarr", tmp_path / "other.zarr", **given)


@pytest.mark.parametrize(
    ("crop", "words"),
    [
        ({"voxel_size": VoxelSize((5, 4, 4))}, ["5 x 4 x 4 nm", "5.24 x 4 x 4 nm", "--resample"]),
        ({"lower_edge_nm": (0, 2, 0)}, ["0.00, 0.50, 0.00", "whole voxels"]),
        ({"lower_edge_nm": (0, 16, 0)}, ["reaches outside", "0:2,0:2,0:2", "0:4,0:5,0:6", "0,4,0", "16:24"]),
        ({"lower_edge_nm": (-5.24, 0, 0)}, ["reaches outside", "-1,0,0"]),
    ],
)
def test_what_does_not_fit_is_refused_and_both_are_shown(crop: dict[str, object], words: list[str]) -> None:
    reference = of(np.zeros((4, 5, 6), np.uint8), uri="/memory/reference")
    with pytest.raises(GeometryError) as caught:
        paste(of(np.ones((2, 2, 2), np.uint8), **crop), reference)
    for word in [*words, "/memory/source", "/memory/reference"]:
        assert word in str(caught.value)


def test_a_roi_in_nm_is_that_in_voxels() -> None:
    volume = of(np.zeros((4, 5, 6), np.uint8), lower_edge_nm=(10.48, 0, 400))
    assert volume.part(parse_roi("10.48:20.96,4:20,400:404nm")) == Box((0, 1, 0), (2, 5, 1))
    assert volume.part(parse_roi("0:2,1:5,0:1")) == Box((0, 1, 0), (2, 5, 1))
    assert volume.part(None) == volume.box


@pytest.mark.parametrize(
    ("roi", "words"),
    [
        ("0:5.24,1:20,0:8nm", ["cuts through voxels", "0:5.24,0:20,0:8nm", "0:1,0:5,0:2"]),
        ("0:5.24,0:24,0:8nm", ["reaches outside", "0:4,0:5,0:6", "0:20.96,0:20,0:24nm"]),
        ("0:5.24,4:4,0:8nm", ["is empty"]),
        ("0:5,4:4,0:8", ["is empty"]),
        ("0:4,0:6,0:8", ["reaches outside"]),
    ],
)
def test_a_roi_that_does_not_fit(roi: str, words: list[str]) -> None:
    with pytest.raises(GeometryError) as caught:
        of(np.zeros((4, 5, 6), np.uint8)).part(parse_roi(roi))
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("roi", ["0:5nm,0:5nm,0:5nm", "0:5nm", "a:5,0:5,0:5nm", "nm", "0:5um,0:5,0:5", "0.5:3,0:5,0:5"])
def test_a_roi_that_is_ambiguous(roi: str) -> None:
    with pytest.raises(GeometryError, match=r"at the end, such as 0:500,250:750,0:1000nm"):
        parse_roi(roi)


@pytest.mark.parametrize("roi", ["5:0,0:5,0:5nm", "nan:5,0:5,0:5nm"])
def test_a_roi_that_ends_before_it_starts(roi: str) -> None:
    with pytest.raises(GeometryError, match="must not end before it starts"):
        parse_roi(roi)


def test_a_box_in_nm_reads_its_own_text() -> None:
    box = BoxNm((0, 2.5, 10), (5.24, 1e6, 20))
    assert parse_roi(str(box)) == box
