"""TIFF folders and stacks, good and bad."""

from __future__ import annotations

import shutil
from pathlib import Path

import attrs
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from asem_core import convert
from asem_core.errors import VolumeError
from asem_core.geometry import Box, VoxelSize
from asem_core.grid.place import place
from asem_core.volume import as_volume
from asem_core.volume.formats.sections import order_sections, section_numbers
from asem_core.volume.formats.tiff import Section, TiffArray, open_tiff

FIVE = VoxelSize((5, 5, 5))


def test_sections_are_in_natural_order(sections, image, opened):
    volume = opened(sections, voxel_size=FIVE)
    assert volume.format == "tiff"
    assert volume.planewise
    np.testing.assert_array_equal(volume.read(volume.box), image)
    np.testing.assert_array_equal(volume.read(Box((2, 5, 3), (7, 22, 30))), image[2:7, 5:22, 3:30])


@given(numbers=st.lists(st.integers(0, 3000), min_size=1, max_size=1), count=st.integers(1, 1200))
@settings(max_examples=20)
def test_order_is_by_number_whatever_the_padding(numbers, count):
    first = numbers[0]
    paths = [Path(f"/data/run2_{n}.tif") for n in range(first, first + count)]
    ordered = order_sections(reversed(paths))
    assert ordered.files == tuple(paths)
    assert ordered.first_number == first


def test_last_number_counts():
    assert section_numbers(["cell3_z_0042.tif", "overview.tif"]) == [42, None]


def test_foreign_files_are_ignored_with_a_note(sections, opened):
    (sections / "log.txt").write_text("x")
    (sections / "overview.tif").write_bytes(b"no tiff at all")
    (sections / ".DS_Store").write_text("x")
    volume = opened(sections, voxel_size=FIVE)
    assert volume.shape[0] == 9
    assert volume.notes == ("2 foreign files ignored: log.txt, overview.tif",)


def test_gap_names_the_section(sections, opened):
    (sections / "cell3_s_11.tif").unlink()
    with pytest.raises(VolumeError, match=r"section 11 is missing between cell3_s_10.tif and cell3_s_12.tif"):
        opened(sections, voxel_size=FIVE)


def test_one_number_twice_names_both(sections, image, opened):
    tifffile.imwrite(sections / "mask_8.tif", image[0])
    with pytest.raises(VolumeError, match=r"cell3_s_8.tif and mask_8.tif both have the section number 8"):
        opened(sections, voxel_size=FIVE)


@pytest.mark.parametrize("odd", [np.zeros((40, 30), np.uint8), np.zeros((40, 31), np.uint16)], ids=["shape", "dtype"])
def test_an_odd_section_is_named(sections, odd, opened):
    tifffile.imwrite(sections / "cell3_s_12.tif", odd)
    with pytest.raises(VolumeError, match=r"cell3_s_12.tif: section is .* all sections must be alike"):
        opened(sections, voxel_size=FIVE)


def test_rgb_is_refused(sections, opened):
    tifffile.imwrite(sections / "cell3_s_12.tif", np.zeros((40, 31, 3), np.uint8), photometric="rgb")
    with pytest.raises(VolumeError, match=r"cell3_s_12.tif: expected gray values, found 3 samples"):
        opened(sections, voxel_size=FIVE)


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("keep", [0.2, 0.5, 0.9, 0.999])
def test_a_truncated_section_is_found_on_opening(sections, image, compression, keep, opened):
    path = sections / "cell3_s_12.tif"
    tifffile.imwrite(path, image[4], compression=compression)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * keep)])
    with pytest.raises(VolumeError, match=r"cell3_s_12.tif.*(truncated|readable)"):
        opened(sections, voxel_size=FIVE)


@pytest.mark.parametrize("headers", ["at the end", "between the images"])
@pytest.mark.parametrize("keep", [0.3, 0.6, 0.95])
def test_a_truncated_stack_is_found_on_opening(tmp_path, image, headers, keep, opened):
    path = tmp_path / "stack.tif"
    if headers == "at the end":
        tifffile.imwrite(path, image)
    else:
        with tifffile.TiffWriter(path) as tif:
            for section in image:
                tif.write(section, metadata=None)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * keep)])
    with pytest.raises(VolumeError, match=r"stack.tif.*(truncated|readable)"):
        opened(path, voxel_size=FIVE)


def test_damaged_pixels_name_the_file(sections, opened):
    path = sections / "cell3_s_12.tif"
    with tifffile.TiffFile(path) as tif:
        offset = tif.pages[0].dataoffsets[0]
    damaged = bytearray(path.read_bytes())
    damaged[offset : offset + 8] = b"\xff" * 8
    path.write_bytes(damaged)
    volume = opened(sections, voxel_size=FIVE)
    with pytest.raises(VolumeError, match=r"cell3_s_12.tif: cannot decode"):
        volume.read(volume.box)


def test_a_single_section_is_2d(tmp_path, image, opened):
    tifffile.imwrite(tmp_path / "one.tif", image[0])
    with pytest.raises(VolumeError, match=r"expected a 3D volume, found a single 2D section"):
        opened(tmp_path / "one.tif", voxel_size=FIVE)


STORED = {
    "plain": {},
    "strips": {"compression": "zlib", "rowsperstrip": 17, "predictor": True},
    "tiles": {"compression": "zstd", "tile": (32, 16)},
    "plain tiles": {"tile": (32, 16)},
    "big endian": {"byteorder": ">"},
    "imagej": {"imagej": True},
}


@pytest.mark.parametrize("how", STORED)
@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_any_index_reads_what_numpy_reads(how, data, tmp_path_factory):
    values = np.random.default_rng(1).integers(0, 60000, (4, 70, 50)).astype(np.uint16)
    path = tmp_path_factory.mktemp("stack") / "stack.tif"
    tifffile.imwrite(path, values, photometric="minisblack", **STORED[how])
    array = open_tiff(str(path)).array
    index = st.tuples(*(st.integers(-n, n - 1) | st.slices(n) for n in values.shape))
    key = data.draw(index)
    np.testing.assert_array_equal(array[key], values[key])
    assert array[key].dtype == values.dtype.newbyteorder("=")


def test_imagej_stack_with_one_header(tmp_path, image, opened):
    path = tmp_path / "big.tif"
    with tifffile.TiffWriter(path, imagej=True) as tif:
        tif.write(image, truncate=True, metadata={"spacing": 0.005, "unit": "um"}, resolution=(250.0, 250.0))
    volume = opened(path)
    assert volume.voxel_size.matches(VoxelSize((5, 4, 4)), tolerance=1e-6)
    np.testing.assert_array_equal(volume.read(volume.box), image)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(VolumeError, match="truncated"):
        opened(path)


def test_channels_are_no_sections(tmp_path, image, opened):
    two = np.stack([image, image], axis=1)
    tifffile.imwrite(tmp_path / "two.tif", two, imagej=True, metadata={"axes": "ZCYX"})
    with pytest.raises(VolumeError, match=r"expected one channel .* \(9, 2, 40, 31\) \(ZCYX\)"):
        opened(tmp_path / "two.tif", voxel_size=FIVE)


@pytest.mark.parametrize("axes", ["ZCYX", "TZYX"])
def test_channels_of_a_stack_with_one_header_are_no_sections(tmp_path, image, opened, axes):
    """ImageJ writes such files above 4 GB."""
    with tifffile.TiffWriter(tmp_path / "two.tif", imagej=True) as tif:
        tif.write(np.stack([image, image], axis=axes.index("C") if "C" in axes else 0), truncate=True,
                  metadata={"axes": axes})  # fmt: skip
    with pytest.raises(VolumeError, match=r"expected one channel and one time point"):
        opened(tmp_path / "two.tif", voxel_size=FIVE)


def test_a_table_of_colours_is_told(tmp_path, image, opened):
    grey = np.tile(np.arange(256, dtype=np.uint16) * 257, (3, 1))
    for name, colours, told in (("grey", grey, 0), ("fire", grey[:, ::-1], 1)):
        folder = tmp_path / name
        folder.mkdir()
        for number, section in enumerate(image):
            tifffile.imwrite(folder / f"s_{number}.tif", section, photometric="palette", colormap=colours)
        volume = opened(folder, voxel_size=FIVE)
        assert len([note for note in volume.notes if "table of colours" in note]) == told
        np.testing.assert_array_equal(volume.read(volume.box), image)


@pytest.fixture
def cell(tmp_path, image):
    """A volume that states its place."""
    path = tmp_path / "cell.npy"
    np.save(path, image)
    whole = as_volume(path, voxel_size=VoxelSize((8, 4, 4)))
    return attrs.evolve(whole, lower_edge_nm=(800.0, 40.0, 80.0), states_place=True)


def test_some_sections_lie_where_they_lay(tmp_path, cell, opened):
    """Copied into a folder of their own, so that somebody can draw on them."""
    written = convert(cell, tmp_path / "sections")
    part = tmp_path / "part"
    part.mkdir()
    for number in range(4, 7):
        shutil.copy(written / f"section_{number:04d}.tif", part)
    volume = opened(part)
    assert volume.lower_edge_nm == (800 + 4 * 8, 40, 80)
    assert place(volume, opened(written)).start == (4, 0, 0)
    np.testing.assert_array_equal(volume.read(volume.box), cell.read(Box((4, 0, 0), (7, *cell.shape[1:]))))


@pytest.mark.parametrize("beside", [True, False])
def test_sections_of_two_parts_are_one_volume_where_they_lie_on_each_other(tmp_path, cell, opened, beside):
    folder = tmp_path / "both"
    folder.mkdir()
    for name, box in (("a", Box((0, 0, 0), (4, 9, 9))), ("b", Box((4, 0, 4 * beside), (9, 9, 9 + 4 * beside)))):
        for file in convert(cell, tmp_path / name, roi=box).glob("*.tif"):
            shutil.copy(file, folder)
    if beside:
        with pytest.raises(VolumeError, match="states another place than"):
            opened(folder)
    else:
        assert opened(folder).lower_edge_nm == (800, 40, 80)


def test_resolution_without_spacing_is_no_voxel_size(tmp_path, image, opened):
    tifffile.imwrite(tmp_path / "s.tif", image, resolution=(2e6, 2e6), resolutionunit="CENTIMETER")
    with pytest.raises(VolumeError, match=r"does not state its voxel size.*--voxel-size z,y,x"):
        opened(tmp_path / "s.tif")


def test_a_file_that_vanishes_is_named(tmp_path):
    array = TiffArray([Section(path=tmp_path / "gone_1.tif", page=0)], (4, 4), np.dtype("u1"))
    with pytest.raises(VolumeError, match=r"gone_1.tif"):
        array[0, :, :]
