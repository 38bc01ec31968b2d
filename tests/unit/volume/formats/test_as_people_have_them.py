"""Files as other programs write them: read rightly, or refused or noted, never wrong without a word."""

from __future__ import annotations

import json
import os

import attrs
import h5py
import imagecodecs
import mrcfile
import numpy as np
import pytest
import tifffile
import zarr

from asem_core.errors import VolumeError
from asem_core.geometry import VoxelSize

from .test_n5_hdf5_mrc import annotate, write_mrc, write_n5

FIVE = VoxelSize((5, 5, 5))


def check(volume, image, size, edge=(0.0, 0.0, 0.0)):
    np.testing.assert_allclose(volume.voxel_size.zyx, size)
    np.testing.assert_allclose(volume.lower_edge_nm, edge)
    np.testing.assert_array_equal(volume.read(volume.box), image)


# TIFF


def imagej(path, image, unit, side, **more):
    tifffile.imwrite(
        path, image, imagej=True, resolution=(1 / side, 1 / side), metadata={"spacing": 2 * side, "unit": unit, **more}
    )


@pytest.mark.parametrize(
    ("more", "size"),
    [({}, (8, 4, 4)), ({"zunit": "um"}, (8000, 4, 4)), ({"yunit": "um", "zunit": "nm"}, (8, 4000, 4))],
)
def test_imagej_has_a_unit_per_axis(tmp_path, image, opened, more, size):
    imagej(tmp_path / "a.tif", image, "nm", 4, **more)
    check(opened(tmp_path / "a.tif"), image, size)


@pytest.mark.parametrize(("unit", "side"), [("micron", 0.004), ("Angstrom", 40), ("cm", 4e-7), ("inches", 4e-6 / 25.4)])
def test_imagej_units(tmp_path, image, opened, unit, side):
    imagej(tmp_path / "a.tif", image, unit, side)
    check(opened(tmp_path / "a.tif"), image, (8, 4, 4))


@pytest.mark.parametrize("wrong", [{"unit": "pixel"}, {"unit": " "}, {"zunit": "pixel"}, {"spacing": -8}])
def test_imagej_that_states_no_length(tmp_path, image, opened, wrong):
    tifffile.imwrite(
        tmp_path / "a.tif", image, imagej=True, resolution=(0.25, 0.25), metadata={"spacing": 8, "unit": "nm", **wrong}
    )
    with pytest.raises(VolumeError, match="--voxel-size"):
        opened(tmp_path / "a.tif")
    check(opened(tmp_path / "a.tif", voxel_size=FIVE), image, (5, 5, 5))


def test_tags_and_imagej_that_contradict_each_other(tmp_path, image, opened):
    for name, per_cm in (("right", 1e7 / 4), ("wrong", 250)):
        with tifffile.TiffWriter(tmp_path / f"{name}.tif", imagej=True) as tif:
            tif.write(image, resolution=(per_cm, per_cm), resolutionunit=3, metadata={"spacing": 0.008, "unit": "um"})
    check(opened(tmp_path / "right.tif"), image, (8, 4, 4))
    with pytest.raises(VolumeError, match=r"in um, cm, cm: the units contradict one another\); give it in nm"):
        opened(tmp_path / "wrong.tif")


def test_imagej_without_a_tag_for_the_unit(tmp_path, image, opened):
    """By the standard a tag that is not there means inches."""
    imagej(tmp_path / "a.tif", image, "micron", 0.004)
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+") as tif:
        for page in tif.pages:
            tif.filehandle.seek(page.tags["ResolutionUnit"].offset)
            tif.filehandle.write(np.array([300], f"{tif.byteorder}u2").tobytes())  # another tag, that nobody reads
    check(opened(tmp_path / "a.tif"), image, (8, 4, 4))


@pytest.mark.parametrize("stack", [True, False])
def test_thumbnails_are_no_sections(tmp_path, image, opened, stack):
    def write(path, sections):
        with tifffile.TiffWriter(path) as tif:
            for section in sections:
                tif.write(section, photometric="minisblack", metadata=None)
                tif.write(section[::4, ::4], photometric="minisblack", subfiletype=1, metadata=None)

    path = tmp_path / ("a.tif" if stack else "sections")
    if stack:
        write(path, image)
    else:
        path.mkdir()
        for number, section in enumerate(image):
            write(path / f"{number}.tif", [section])
    check(opened(path, voxel_size=FIVE), image, (5, 5, 5))


def physical(unit, z, y, x):
    found = {"axes": "ZYX"}
    for axis, side in (("Z", z), ("Y", y), ("X", x)):
        found |= {f"PhysicalSize{axis}": side} | ({f"PhysicalSize{axis}Unit": unit} if unit else {})
    return found


@pytest.mark.parametrize(
    ("unit", "sides"), [("nm", (8, 4, 5)), ("µm", (0.008, 0.004, 0.005)), (None, (0.008, 0.004, 0.005))]
)
def test_ome_tiff_physical_size(tmp_path, image, opened, unit, sides):
    """OME-XML counts in micrometres where it gives no unit."""
    tifffile.imwrite(tmp_path / "a.ome.tif", image, metadata=physical(unit, *sides))
    check(opened(tmp_path / "a.ome.tif"), image, (8, 4, 5))


def test_ome_tiff_without_size_in_z_or_a_length(tmp_path, image, opened):
    tifffile.imwrite(tmp_path / "pixel.ome.tif", image, metadata=physical("pixel", 8, 4, 4))
    with pytest.raises(VolumeError, match="unknown length unit 'pixel'"):
        opened(tmp_path / "pixel.ome.tif")
    flat = {key: value for key, value in physical("nm", 8, 4, 4).items() if "Z" not in key or key == "axes"}
    tifffile.imwrite(tmp_path / "flat.ome.tif", image, metadata=flat)
    with pytest.raises(VolumeError, match=r"does not state its voxel size; give it"):
        opened(tmp_path / "flat.ome.tif")


@pytest.mark.parametrize("name", ["two.ome.tif", "two.tif"])
def test_one_of_two_images_in_a_tiff_is_not_glued_to_the_other(tmp_path, image, opened, name):
    with tifffile.TiffWriter(tmp_path / name) as tif:
        for each in (image, 255 - image):
            tif.write(each, photometric="minisblack", metadata={"axes": "ZYX"})
    with pytest.raises(VolumeError, match=r"expected one (image|stack), .*2"):
        opened(tmp_path / name, voxel_size=FIVE)


def test_sections_that_were_written_one_by_one_are_one_stack(tmp_path, image, opened):
    with tifffile.TiffWriter(tmp_path / "a.tif") as tif:
        for section in image:
            tif.write(section)
    check(opened(tmp_path / "a.tif", voxel_size=FIVE), image, (5, 5, 5))


def test_channels_of_an_ome_tiff_are_no_sections(tmp_path, image, opened):
    tifffile.imwrite(tmp_path / "a.ome.tif", np.stack([image, image]), metadata={"axes": "CZYX"})
    with pytest.raises(VolumeError, match=r"expected one channel and one time point, found 9 Z, 2 C, 1 T"):
        opened(tmp_path / "a.ome.tif", voxel_size=FIVE)
    tifffile.imwrite(tmp_path / "t.ome.tif", image, metadata={"axes": "TYX"})
    check(opened(tmp_path / "t.ome.tif", voxel_size=FIVE), image, (5, 5, 5))


@pytest.mark.parametrize("stored", [{}, {"tile": (32, 16)}, {"rowsperstrip": 16}])
def test_jpeg_in_tiff(tmp_path, opened, stored):
    ramp = np.add.outer(np.arange(5) * 9, np.add.outer(np.arange(64), np.arange(80))).astype(np.uint8)
    for z, section in enumerate(ramp):
        tifffile.imwrite(tmp_path / f"s{z}.tif", section, compression="jpeg", **stored)
    expected = np.stack([tifffile.imread(tmp_path / f"s{z}.tif") for z in range(5)])
    volume = opened(tmp_path, voxel_size=FIVE)
    check(volume, expected, (5, 5, 5))
    np.testing.assert_array_equal(volume.array[1:3, 20:50, 7:60], expected[1:3, 20:50, 7:60])


@pytest.mark.parametrize(
    "name",
    [
        "slice_{n:05}_z={um:.4f}um", "FIB_{n}_5nm", "scan_{n:04}_tilt52", "{n:03}_2024-01-{day:02}", "run2.{n:04}",
        "s{n}_s{n}", "A12_{n:02}of12",
    ],
)  # fmt: skip
def test_the_number_that_counts_the_sections(tmp_path, image, opened, name):
    days = [3, 3, 3, 4, 4, 8, 8, 9, 9]
    for n, section in enumerate(image):
        tifffile.imwrite(tmp_path / f"{name.format(n=n + 7, um=n * 0.005, day=days[n])}.tif", section)
    volume = opened(tmp_path, voxel_size=FIVE)
    check(volume, image, (5, 5, 5))
    assert volume.first_section == 7


def test_two_numbers_that_count_differently_are_refused(tmp_path, image, opened):
    for n, section in enumerate(image):
        tifffile.imwrite(tmp_path / f"s{n}_depth{20 - n}.tif", section)
    with pytest.raises(VolumeError, match=r"two numbers in the names .* different orders"):
        opened(tmp_path, voxel_size=FIVE)


def test_sections_of_two_voxel_sizes(tmp_path, image, opened):
    for n, section in enumerate(image):
        tifffile.imwrite(tmp_path / f"s{n}.ome.tif", section[None], metadata=physical("nm", 8, 4, 4 if n < 5 else 5))
    with pytest.raises(VolumeError, match=r"s5.ome.tif: states the voxel size .* but s0.ome.tif"):
        opened(tmp_path)


@pytest.mark.parametrize("axes", ["XYZ", "ZXY"])
def test_tiff_that_names_its_axes_otherwise(tmp_path, image, opened, axes):
    tifffile.imwrite(tmp_path / "a.tif", image, photometric="minisblack", metadata={"axes": axes})
    with pytest.raises(VolumeError, match=rf"its axes are {axes}; save it with the axes z,y,x"):
        opened(tmp_path / "a.tif", voxel_size=FIVE)


def test_values_that_imagej_calibrates_are_noted(tmp_path, image, opened):
    said = "ImageJ=1.53t\nimages=9\nslices=9\ncf=0\nc0=-32768.0\nc1=1.0\nvunit=gray value\n"
    tifffile.imwrite(tmp_path / "a.tif", image.astype(np.uint16), description=said, metadata=None)
    volume = opened(tmp_path / "a.tif", voxel_size=FIVE)
    check(volume, image, (5, 5, 5))
    assert volume.notes[0].startswith("ImageJ calibrates grey values as 1.0 x stored value + -32768.0;")


# PNG


def write_png(folder, image, name="cell_{n}_5nm.png"):
    folder.mkdir()
    for n, section in enumerate(image):
        (folder / name.format(n=n + 8)).write_bytes(imagecodecs.png_encode(section))
    return folder


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_png_sections(tmp_path, image, opened, dtype):
    values = image.astype(dtype) * (257 if dtype == "uint16" else 1)
    folder = write_png(tmp_path / "a", values)
    (folder / "log.txt").write_text("x")
    volume = opened(folder, voxel_size=FIVE)
    check(volume, values, (5, 5, 5))
    assert (volume.format, volume.planewise, volume.first_section) == ("png", True, 8)
    assert volume.notes == ("1 foreign files ignored: log.txt",)
    for key in ((1, slice(3, 9), 5), (slice(2, 5), slice(None), slice(1, 30, 2)), 4, (-1,), (slice(3, 3), slice(2, 4))):
        np.testing.assert_array_equal(volume.array[key], values[key])


def test_png_sections_that_are_refused(tmp_path, image, opened):
    colour = write_png(tmp_path / "colour", np.stack([image] * 3, axis=-1))
    with pytest.raises(
        VolumeError, match=r"cell_8_5nm.png: expected grey PNG of 8 or 16 bits, found 8 bits of colour type 2"
    ):
        opened(colour, voxel_size=FIVE)
    with pytest.raises(VolumeError, match="found a single 2D section"):
        opened(write_png(tmp_path / "one", image[:1]), voxel_size=FIVE)
    odd = write_png(tmp_path / "odd", image)
    (odd / "cell_9_5nm.png").write_bytes(imagecodecs.png_encode(image[0, :30]))
    with pytest.raises(VolumeError, match=r"cell_9_5nm.png: section is \(\(30, 31\), 'uint8'\), but cell_8_5nm.png"):
        opened(odd, voxel_size=FIVE)
    cut = write_png(tmp_path / "cut", image)
    whole = (cut / "cell_9_5nm.png").read_bytes()
    (cut / "cell_9_5nm.png").write_bytes(whole[:60])
    with pytest.raises(VolumeError, match=r"cell_9_5nm.png: cannot decode the image"):
        opened(cut, voxel_size=FIVE).read(opened(cut, voxel_size=FIVE).box)
    (cut / "cell_9_5nm.png").write_bytes(whole[:6])
    with pytest.raises(VolumeError, match=r"cell_9_5nm.png: not a readable PNG file"):
        opened(cut, voxel_size=FIVE)


# Zarr


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_zarr_units(tmp_path, image, opened, zarr_format):
    array = zarr.create_array(tmp_path / "a.zarr", data=image, zarr_format=zarr_format)
    array.attrs.update({"voxel_size": [0.008, 0.004, 0.004], "units": ["um"] * 3, "offset": [0.8, 0, 0]})
    check(opened(tmp_path / "a.zarr"), image, (8, 4, 4), (800, 0, 0))
    array.attrs.update({"units": ["px"] * 3})
    with pytest.raises(VolumeError, match="unknown length unit 'px'"):
        opened(tmp_path / "a.zarr")
    array.attrs.put({"resolution": [0.008, 0.004, 0.004], "unit": "micrometer"})
    check(opened(tmp_path / "a.zarr"), image, (8, 4, 4))
    array.attrs.update({"downsamplingFactors": [2, 2, 2]})
    with pytest.raises(VolumeError, match=r"'resolution' is there, and 'downsamplingFactors': of which level is it\?"):
        opened(tmp_path / "a.zarr")


@pytest.mark.parametrize("how", ["dimension_names", "_ARRAY_DIMENSIONS", "axis_names"])
def test_zarr_that_names_its_axes_x_y_z(tmp_path, image, opened, how):
    names = {"dimension_names": ["x", "y", "z"]} if how == "dimension_names" else {}
    array = zarr.create_array(
        tmp_path / "a.zarr", data=image.T, chunks=(16, 20, 3), zarr_format=3 if names else 2, **names
    )
    array.attrs.update({"resolution": [4, 5, 8], "offset": [40, 50, 80], **({} if names else {how: ["x", "y", "z"]})})
    volume = opened(tmp_path / "a.zarr")
    check(volume, image, (8, 5, 4), (80, 50, 40))
    assert volume.chunks == (3, 20, 16)


@pytest.mark.parametrize("path", ["./color/2-2-1", None])
def test_webknossos(tmp_path, image, opened, path):
    zarr.create_array(tmp_path / "color/2-2-1", data=image.T[None], zarr_format=2)
    mag = {"mag": [2, 2, 1], "axisOrder": {"c": 0, "x": 1, "y": 2, "z": 3}, **({"path": path} if path else {})}
    found = {
        "scale": {"factor": [0.002, 0.0025, 0.008], "unit": "micrometer"},
        "dataLayers": [{"name": "color", "mags": [{"mag": 1}, mag]}],
    }
    (tmp_path / "datasource-properties.json").write_text(json.dumps(found))
    check(opened(tmp_path / "color/2-2-1"), image, (8, 5, 4))


# OME-Zarr


def write_ome(path, image, multiscale, *, name="0", version=2, **more):
    group = zarr.create_group(path, zarr_format=version)
    group.create_array(name, data=image)
    whole = {"multiscales": [{"datasets": [{"path": name}], **multiscale}], **more}
    group.attrs.update({"ome": whole} if version == 3 else whole)
    return path


def scaled(name, *sides, **more):
    return [{"path": name, "coordinateTransformations": [{"type": "scale", "scale": list(sides), **more}]}]


@pytest.mark.parametrize(
    "multiscale",
    [
        {"version": "0.1"},
        {"version": "0.3", "axes": ["t", "c", "z", "y", "x"]},
        {"version": "0.4", "axes": [{"name": n} for n in "tczyx"]},
        {
            "version": "0.4",
            "axes": [{"name": n, "unit": "px"} for n in "tczyx"],
            "datasets": scaled("0", 1, 1, 8, 4, 4),
        },
        {"version": "0.4", "axes": [{"name": n, "unit": " "} for n in "tczyx"], "datasets": scaled("0", 1, 1, 8, 4, 4)},
        {
            "version": "0.4",
            "axes": [{"name": n, "unit": "nm"} for n in "tczyx"],
            "datasets": scaled("0", 1, 1, 0, 4, 4),
        },
        {"version": "0.4", "axes": [{"name": n, "unit": "nm"} for n in "tczyx"], "datasets": scaled("0", 8, 4, 4)},
    ],
)
def test_ome_zarr_that_states_no_size_is_read_with_one(tmp_path, image, opened, multiscale):
    write_ome(tmp_path / "a.zarr", image[None, None], multiscale)
    for place in (tmp_path / "a.zarr", tmp_path / "a.zarr/0"):
        with pytest.raises(VolumeError, match=r"OME-Zarr .*\); give it in nm with --voxel-size z,y,x"):
            opened(place)
        volume = opened(place, voxel_size=FIVE)
        check(volume, image, (5, 5, 5))
        assert volume.format == "ome-zarr"


def test_ome_zarr_axes_without_type_and_in_another_order(tmp_path, image, opened):
    axes = [{"name": n, "unit": "nanometer"} for n in "xyz"]
    write_ome(tmp_path / "a.zarr", image.T, {"axes": axes, "datasets": scaled("0", 4, 5, 8)})
    check(opened(tmp_path / "a.zarr"), image, (8, 5, 4))


def test_ome_zarr_level_in_a_group_of_its_own(tmp_path, image, opened):
    axes = [{"name": n, "type": "space", "unit": "nanometer"} for n in "zyx"]
    write_ome(tmp_path / "a.zarr", image, {"axes": axes, "datasets": scaled("s/image", 8, 4, 4)}, name="s/image")
    for place in (tmp_path / "a.zarr", tmp_path / "a.zarr/s/image"):
        check(opened(place), image, (8, 4, 4))


def test_ome_zarr_06(tmp_path, image, opened):
    systems = [
        {"name": "other", "axes": [{"name": n, "unit": "micrometer"} for n in "xyz"]},
        {"name": "world", "axes": [{"name": n, "unit": "nanometer"} for n in "zyx"]},
    ]
    steps = [
        {"type": "sequence", "input": "0", "output": "world", "transformations": [
            {"type": "scale", "scale": [8, 4, 4]}, {"type": "translation", "translation": [104, 2, 2]}]}
    ]  # fmt: skip
    multiscale = {
        "coordinateSystems": systems,
        "datasets": [{"path": "0", "coordinateTransformations": steps}],
        "coordinateTransformations": [{"type": "scale", "scale": [9, 9, 9], "input": "world", "output": "other"}],
    }
    write_ome(tmp_path / "a.zarr", image, multiscale, version=3)
    check(opened(tmp_path / "a.zarr"), image, (8, 4, 4), (100, 0, 0))
    steps[0] = {"type": "affine", "affine": [[1, 0, 0, 0]] * 3, "output": "world"}
    write_ome(tmp_path / "b.zarr", image, multiscale, version=3)
    with pytest.raises(VolumeError, match=r"only scale, translation, identity and sequence are read, found 'affine'"):
        opened(tmp_path / "b.zarr")


# N5


@pytest.mark.parametrize("own", [[4, 4, 10], [8, 8, 20]], ids=["of the finest level", "its own"])
@pytest.mark.parametrize("name", ["pixelResolution", "resolution"])
def test_n5_level_with_size_and_factors(tmp_path, image, opened, own, name):
    def stated(values):
        return {name: {"dimensions": values, "unit": "nm"} if name == "pixelResolution" else values}

    write_n5(tmp_path / "s0", image, **stated([4, 4, 10]))
    write_n5(tmp_path / "s1", image, **stated(own), downsamplingFactors=[2, 2, 2])
    check(opened(tmp_path / "s1"), image, (20, 8, 8))
    write_n5(tmp_path / "s2", image, **stated([5, 5, 5]), downsamplingFactors=[4, 4, 4])
    with pytest.raises(VolumeError, match=r"neither that of s0 nor that times its factors \[4, 4, 4\]"):
        opened(tmp_path / "s2")


def test_n5_units_beside_a_size_of_the_group(tmp_path, image, opened):
    write_n5(tmp_path / "s0", image, units=["um"] * 3)
    annotate(tmp_path, resolution=[0.004, 0.004, 0.01])
    check(opened(tmp_path / "s0"), image, (10, 4, 4))
    write_n5(tmp_path / "one", image, resolution=[0.004, 0.004, 0.01], unit="um")
    check(opened(tmp_path / "one"), image, (10, 4, 4))


def test_n5_level_alone_with_size_and_factors(tmp_path, image, opened):
    write_n5(tmp_path / "s1", image, pixelResolution={"dimensions": [4, 4, 10], "unit": "nm"}, downsamplingFactors=2)
    check(opened(tmp_path / "s1"), image, (20, 8, 8))


@pytest.mark.parametrize("unit", ["pixel", "px", "", " ", None])
def test_n5_pixels_are_no_length(tmp_path, image, opened, unit):
    write_n5(tmp_path / "raw", image, pixelResolution={"dimensions": [4, 4, 10], "unit": unit})
    with pytest.raises(VolumeError, match="attribute 'pixelResolution' is"):
        opened(tmp_path / "raw")
    check(opened(tmp_path / "raw", voxel_size=FIVE), image, (5, 5, 5))


def test_n5_of_big_data_viewer_has_its_unit_elsewhere(tmp_path, image, opened):
    write_n5(tmp_path / "setup0/timepoint0/s0", image)
    annotate(tmp_path / "setup0/timepoint0", resolution=[0.004, 0.004, 0.01], multiScale=True)
    with pytest.raises(VolumeError, match="BigDataViewer keeps in its XML file"):
        opened(tmp_path / "setup0/timepoint0")
    annotate(tmp_path / "setup0/timepoint0/s0", pixelResolution={"dimensions": [4, 4, 10], "unit": "nm"})
    check(opened(tmp_path / "setup0/timepoint0"), image, (10, 4, 4))


def test_n5_whose_axes_are_named(tmp_path, image, opened):
    write_n5(tmp_path / "raw", image[..., None], axes=["c", "x", "y", "z"], resolution=[1, 4, 5, 8])
    check(opened(tmp_path / "raw", voxel_size=FIVE), image, (5, 5, 5))
    write_n5(tmp_path / "turned", image.T, axes=["z", "y", "x"], resolution=[4, 5, 8])
    with pytest.raises(
        VolumeError, match=r"'axes' is \['z', 'y', 'x'\], while N5 counts x,y,z: the array may be turned"
    ):
        opened(tmp_path / "turned")


@pytest.mark.parametrize("name", ["axis_names", "_ARRAY_DIMENSIONS"])
def test_n5_of_python_programs_counts_as_they_do(tmp_path, image, opened, name):
    write_n5(tmp_path / "zyx", image, **{name: ["z", "y", "x"]}, resolution=[8, 5, 4], offset=[80, 50, 40])
    check(opened(tmp_path / "zyx"), image, (8, 5, 4), (80, 50, 40))
    write_n5(tmp_path / "xyz", image.T, **{name: ["x", "y", "z"]}, resolution=[4, 5, 8], offset=[40, 50, 80])
    check(opened(tmp_path / "xyz"), image, (8, 5, 4), (80, 50, 40))


def test_n5_of_old_and_by_a_path_with_dots(tmp_path, image, opened):
    path = write_n5(tmp_path / "raw", image, resolution=[4, 4, 10])
    found = json.loads((path / "attributes.json").read_text())
    del found["compression"]
    (path / "attributes.json").write_text(json.dumps({**found, "compressionType": "gzip"}))
    check(opened(tmp_path / "raw/../raw"), image, (10, 4, 4))


def test_label_multisets_are_refused(tmp_path, image, opened):
    write_n5(tmp_path / "s0", image, isLabelMultiset=True, resolution=[4, 4, 10])
    with pytest.raises(VolumeError, match="label multiset of Paintera"):
        opened(tmp_path)


# HDF5


def write_hdf5(path, values, name="raw", **attributes):
    with h5py.File(path, "w") as file:
        file.create_dataset(name, data=values).attrs.update(attributes)
    return path


def axistags(axes):
    return json.dumps({"axes": [{"key": key, "typeFlags": 2} for key in axes]})


@pytest.mark.parametrize("axes", ["zyxc", "czyx", "tzyxc", "xyz", "cxyz", "zyx"])
def test_hdf5_of_ilastik(tmp_path, image, opened, axes):
    values = np.transpose(image, ["zyx".index(axis) for axis in axes if axis in "zyx"])
    shape = iter(values.shape)
    path = write_hdf5(
        tmp_path / "a.h5", values.reshape([next(shape) if a in "zyx" else 1 for a in axes]), axistags=axistags(axes)
    )
    check(opened(path, voxel_size=FIVE), image, (5, 5, 5))


@pytest.mark.parametrize("how", ["axis_names", "labels", "scales"])
def test_hdf5_whose_dimensions_are_named(tmp_path, image, opened, how):
    path = write_hdf5(tmp_path / "a.h5", image.T, resolution=[0.004, 0.005, 0.008], unit="um")
    with h5py.File(path, "r+") as file:
        for number, name in enumerate("xyz"):
            if how == "labels":
                file["raw"].dims[number].label = name
            elif how == "scales":
                file[name] = np.arange(image.T.shape[number])
                file[name].make_scale(name)
                file["raw"].dims[number].attach_scale(file[name])
        if how == "axis_names":
            file["raw"].attrs["axis_names"] = ["x", "y", "z"]
    check(opened(path), image, (8, 5, 4))


def test_hdf5_element_size_is_in_micrometres_whatever_units_say(tmp_path, image, opened):
    path = write_hdf5(tmp_path / "a.h5", image, element_size_um=[0.008, 0.004, 0.004], units="nm", offset=[80, 0, 0])
    check(opened(path), image, (8, 4, 4), (80, 0, 0))


def test_hdf5_with_an_axis_of_one_at_the_end(tmp_path, image, opened):
    check(opened(write_hdf5(tmp_path / "a.h5", image[..., None]), voxel_size=FIVE), image, (5, 5, 5))


@pytest.mark.parametrize("size", [[np.nan] * 3, [0, 0, 0], [-1, 1, 1]])
def test_hdf5_size_that_is_none(tmp_path, image, opened, size):
    path = write_hdf5(tmp_path / "a.h5", image, element_size_um=size)
    with pytest.raises(VolumeError, match=r"attribute 'element_size_um' is .*; give it in nm"):
        opened(path)
    check(opened(path, voxel_size=FIVE), image, (5, 5, 5))


def test_hdf5_size_that_stands_on_the_group(tmp_path, image, opened):
    path = write_hdf5(tmp_path / "a.h5", image, "em/raw")
    with h5py.File(path, "r+") as file:
        file["em"].attrs.update(resolution=[0.008, 0.004, 0.004], unit="um", offset=[0.08, 0, 0])
    check(opened(path), image, (8, 4, 4), (80, 0, 0))
    with h5py.File(path, "r+") as file:
        file["em/other"] = image
    with pytest.raises(VolumeError, match=r"attribute 'resolution' stands on /em, which holds 2 images"):
        opened(path / "em/raw")
    check(opened(path / "em/raw", voxel_size=FIVE), image, (5, 5, 5))


def test_hdf5_whose_voxels_lie_in_other_files(tmp_path, image, opened):
    layout = h5py.VirtualLayout(image.shape, image.dtype)
    for number in range(2):
        part = slice(3 * number, 3 * number + 3)
        write_hdf5(tmp_path / f"{number}.h5", image[part])
        layout[part] = h5py.VirtualSource(f"{number}.h5", "raw", image[part].shape)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_virtual_dataset("raw", layout)
    whole = opened(tmp_path / "a.h5", voxel_size=FIVE)
    np.testing.assert_array_equal(whole.read(whole.box)[:6], image[:6])
    os.utime(tmp_path / "1.h5", ns=(0, 5))
    assert opened(tmp_path / "a.h5", voxel_size=FIVE).identity != whole.identity
    (tmp_path / "1.h5").unlink()
    with pytest.raises(VolumeError, match=r"lie in 2 files, of which 1\.h5 is not there"):
        opened(tmp_path / "a.h5", voxel_size=FIVE)


def test_hdf5_that_needs_a_filter(tmp_path, image, opened):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        made.set_chunk(image.shape)
        made.set_filter(299, h5py.h5z.FLAG_OPTIONAL, ())  # a number that nobody has
        h5py.h5d.create(file.id, b"raw", h5py.h5t.NATIVE_UINT8, h5py.h5s.create_simple(image.shape), made)
    with pytest.raises(VolumeError, match=r"compressed by filter 299, which is not installed: pip install hdf5plugin"):
        opened(tmp_path / "a.h5", voxel_size=FIVE)


def test_hdf5_of_big_data_viewer_is_unsigned(tmp_path, image, opened):
    values = image.astype(np.uint16) + 32700
    name = "t00000/s00/0/cells"
    volume = opened(write_hdf5(tmp_path / "a.h5", values.view(np.int16), name) / name, voxel_size=FIVE)
    check(volume, values, (5, 5, 5))
    assert "uint16 as int16" in volume.notes[0]
    plain = opened(write_hdf5(tmp_path / "b.h5", values.view(np.int16)), voxel_size=FIVE)
    assert (plain.dtype, plain.notes) == (np.int16, ())


def test_matlab_73(tmp_path, image, opened):
    with h5py.File(tmp_path / "a.mat", "w", userblock_size=512) as file:
        file["vol"] = image
    volume = opened(tmp_path / "a.mat", voxel_size=FIVE)
    check(volume, image, (5, 5, 5))
    assert "x and y are swapped" in volume.notes[0]


def test_an_hdf5_file_that_another_program_holds(tmp_path, image, opened, monkeypatch):
    """h5py knows which files its own process has open, so what the system answers is put in its place."""
    path = write_hdf5(tmp_path / "a.h5", image)

    def refuse(*args, **kwargs):
        raise BlockingIOError(11, "Unable to synchronously open file (unable to lock file, errno = 11)")

    monkeypatch.setattr(h5py, "File", refuse)
    with pytest.raises(VolumeError, match=r"another program holds it open; close it there"):
        opened(path, voxel_size=FIVE)


# MRC


def edited(path, **bytes_at):
    content = bytearray(path.read_bytes())
    for at, values in bytes_at.items():
        start = int(at.removeprefix("at"))
        content[start : start + len(values)] = values
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("change", "note"),
    [
        ({"at212": bytes(4)}, "machine stamp"),
        ({"at208": bytes(4)}, "Map ID"),
        ({"at64": bytes(12)}, "does not say how the axes are stored"),
    ],
)
def test_mrc_of_old_programs(tmp_path, image, opened, change, note):
    path = write_mrc(tmp_path / "a.mrc", image.astype(np.uint16), (40, 40, 100))
    volume = opened(edited(path, **change))
    check(volume, image, (10, 4, 4))
    assert note.lower() in volume.notes[0].lower()


def test_mrc_with_bytes_behind_the_image(tmp_path, image, opened):
    path = write_mrc(tmp_path / "a.mrc", image.astype(np.uint16), (40, 40, 100))
    path.write_bytes(path.read_bytes() + bytes(10))
    volume = opened(path)
    check(volume, image, (10, 4, 4))
    assert "10" in volume.notes[0]


def test_mrc_that_was_cut(tmp_path, image, opened):
    path = write_mrc(tmp_path / "a.mrc", (image // 2).astype("i1"), (5, 5, 5))
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(
        VolumeError, match=f"expected {1024 + image.size} bytes, found {24 + image.size}; copy it again"
    ):
        opened(path)


@pytest.mark.parametrize("kind", ["mrc", "hdf5", "zarr"])
def test_the_order_of_bytes_is_that_of_the_machine(tmp_path, image, opened, kind):
    values = image.astype(">u2")
    if kind == "mrc":
        path = write_mrc(tmp_path / "a.mrc", image.astype("u2"), (5, 5, 5))
        with mrcfile.open(path) as file:
            header = file.header.astype(file.header.dtype.newbyteorder(">"))
        header["machst"] = [0x11, 0x11, 0, 0]
        path.write_bytes(header.tobytes() + values.tobytes())
    elif kind == "hdf5":
        path = write_hdf5(tmp_path / "a.h5", values)
    else:
        path = tmp_path / "a.zarr"
        zarr.create_array(path, data=values, zarr_format=2)
    volume = opened(path, voxel_size=FIVE)
    assert volume.dtype == np.dtype("u2")
    assert volume.read(volume.box).dtype == np.dtype("u2")
    check(volume, image, (5, 5, 5))


def test_mrc_that_is_none(tmp_path, opened):
    for content in (b"", b"hello", bytes(1024), bytes(range(256)) * 8):
        (tmp_path / "a.mrc").write_bytes(content)
        with pytest.raises(VolumeError, match=r"a\.mrc: damaged MRC file, or none"):
            opened(tmp_path / "a.mrc", voxel_size=FIVE)


def test_a_reader_that_fails_takes_nothing_down(registry, sections):
    from asem_core.volume import open_volume

    tiff = registry.readers.entries["tiff"]
    readers = registry.readers
    for name, message in (("len", "the reader tiff returned int, expected a Source"), ("int", "damaged, .*ValueError")):
        spec = attrs.evolve(tiff.spec, open=f"builtins:{name}")
        entries = {**readers.entries, "tiff": attrs.evolve(tiff, spec=spec)}
        registry.__dict__["readers"] = attrs.evolve(readers, entries=entries)
        with pytest.raises(VolumeError, match=f"sections: {message}"):
            open_volume(sections, registry=registry, voxel_size=FIVE)
