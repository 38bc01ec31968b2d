"""Which reader, which voxel size, what is refused; Zarr and OME-Zarr in their variants."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import attrs
import numpy as np
import pytest
import zarr

from asem_core.errors import VolumeError
from asem_core.geometry import Box, VoxelSize
from asem_core.volume import open_labels, open_volume

FIVE = VoxelSize((5, 5, 5))


def ome_attributes(version, axes="zyx", unit="nanometer", common=None):
    n = len(axes)
    multiscale = {
        "axes": [
            {"name": a, "type": "space", **({"unit": unit} if unit else {})}
            if a in "zyx"
            else {"name": a, "type": {"t": "time", "c": "channel"}[a]}
            for a in axes
        ],
        "datasets": [
            {
                "path": "s0",
                "coordinateTransformations": [
                    {"type": "scale", "scale": [1.0] * (n - 3) + [5.0, 4.0, 4.0]},
                    {"type": "translation", "translation": [0.0] * (n - 3) + [102.5, 2.0, 42.0]},
                ],
            }
        ],
        **({"coordinateTransformations": common} if common else {}),
    }
    if version == "0.4":
        return {"multiscales": [{**multiscale, "version": "0.4"}]}
    return {"ome": {"version": "0.5", "multiscales": [multiscale]}}


def write_ome(path, values, version="0.4", **kwargs):
    group = zarr.create_group(path, zarr_format=2 if version == "0.4" else 3)
    group.create_array("s0", data=values)
    group.attrs.update(ome_attributes(version, **kwargs))
    return path


def test_importing_the_package_reads_no_image_library():
    code = (
        "import sys, asem_core.volume; print([m for m in ('zarr', 'tifffile', 'xarray', 'dask') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_plain_zarr(tmp_path, image, zarr_format, opened):
    array = zarr.create_array(tmp_path / "a.zarr", data=image, chunks=(4, 8, 8), zarr_format=zarr_format)
    array.attrs.update({"resolution": [5, 4, 4], "offset": [50, 0, 8]})
    volume = opened(tmp_path / "a.zarr")
    assert (volume.format, volume.chunks, volume.planewise) == ("zarr", (4, 8, 8), False)
    assert volume.voxel_size == VoxelSize((5, 4, 4))
    assert volume.lower_edge_nm == (50.0, 0.0, 8.0)
    np.testing.assert_array_equal(volume.read(volume.box), image)


def test_published_layout(published, image, registry, opened):
    volume = opened(published)
    assert volume.lower_edge_nm == (50.0, 0.0, 8.0)
    np.testing.assert_array_equal(volume.read(volume.box), image)
    labels = open_labels(published, "mito", registry=registry)
    np.testing.assert_array_equal(labels.read(labels.box), image > 128)
    with pytest.raises(VolumeError, match=r"no labels 'golgi' in labels/; it has: er, mito"):
        open_labels(published, "golgi", registry=registry)
    explicit = open_labels(published / "volumes/labels/er", "mito", registry=registry)
    np.testing.assert_array_equal(explicit.read(explicit.box), image > 200)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("axes", ["zyx", "czyx", "tczyx"])
def test_ome_zarr(tmp_path, image, version, axes, opened):
    values = image.reshape((1,) * (len(axes) - 3) + image.shape)
    volume = opened(write_ome(tmp_path / "a.zarr", values, version, axes=axes))
    assert volume.format == "ome-zarr"
    assert volume.voxel_size == VoxelSize((5, 4, 4))
    assert volume.lower_edge_nm == (100.0, 0.0, 40.0)
    np.testing.assert_array_equal(volume.read(Box((1, 2, 3), (5, 6, 9))), image[1:5, 2:6, 3:9])


def test_ome_units_and_common_transformations(tmp_path, image, opened):
    common = [{"type": "scale", "scale": [0.001] * 3}, {"type": "translation", "translation": [1.0, 0.0, 0.0]}]
    volume = opened(write_ome(tmp_path / "a.zarr", image, unit="micrometer", common=common))
    assert volume.voxel_size.matches(VoxelSize((5, 4, 4)), tolerance=1e-9)
    np.testing.assert_allclose(volume.lower_edge_nm, (1100.0, 0.0, 40.0))


def test_ome_without_units_needs_a_voxel_size(tmp_path, image, opened):
    path = write_ome(tmp_path / "a.zarr", image, unit=None)
    with pytest.raises(VolumeError, match="--voxel-size"):
        opened(path)
    (note,) = opened(path, voxel_size=FIVE).notes
    assert note.startswith(
        "its voxel size is taken as not stated: its OME-Zarr scale is [5.0, 4.0, 4.0]: it has no length"
    )


def test_ome_unknown_unit(tmp_path, image, opened):
    with pytest.raises(VolumeError, match=r"unknown length unit 'parsec'; known: .*nm.*nanometer"):
        opened(write_ome(tmp_path / "a.zarr", image, unit="parsec"))


def test_two_channels_are_refused(tmp_path, image, opened):
    with pytest.raises(VolumeError, match=r"expected one channel and one time point, found shape \(2, 9, 40, 31\)"):
        opened(write_ome(tmp_path / "a.zarr", np.stack([image, image]), axes="czyx"))


def test_2d_is_refused(tmp_path, image, opened):
    zarr.create_array(tmp_path / "a.zarr", data=image[0])
    with pytest.raises(VolumeError, match=r"expected a 3D image \(z,y,x\), found 2 axes"):
        opened(tmp_path / "a.zarr", voxel_size=FIVE)
    multiscale = ome_attributes("0.4")["multiscales"][0]
    multiscale["axes"] = multiscale["axes"][1:]
    for step in multiscale["datasets"][0]["coordinateTransformations"]:
        step[step["type"]] = step[step["type"]][1:]
    group = zarr.create_group(tmp_path / "b.zarr", zarr_format=2, attributes={"multiscales": [multiscale]})
    group.create_array("s0", data=image[0])
    with pytest.raises(VolumeError, match=r"whose axes are z,y,x, found y,x"):
        opened(tmp_path / "b.zarr")


def test_ome_level_without_a_scale(tmp_path, image, opened):
    path = write_ome(tmp_path / "a.zarr", image)
    attributes = ome_attributes("0.4")
    del attributes["multiscales"][0]["datasets"][0]["coordinateTransformations"]
    zarr.open_group(path, mode="r+").attrs.update(attributes)
    with pytest.raises(VolumeError, match=r"its OME-Zarr metadata has no scale\); give it in nm with --voxel-size"):
        opened(path)
    assert opened(path, voxel_size=FIVE).shape == image.shape


def test_empty_and_complex_are_refused(tmp_path, opened):
    zarr.create_array(tmp_path / "a.zarr", shape=(0, 4, 4), chunks=(1, 4, 4), dtype="u1")
    with pytest.raises(VolumeError, match="the volume is empty"):
        opened(tmp_path / "a.zarr", voxel_size=FIVE)
    zarr.create_array(tmp_path / "c.zarr", data=np.zeros((2, 2, 2), np.complex64))
    with pytest.raises(VolumeError, match="found complex64"):
        opened(tmp_path / "c.zarr", voxel_size=FIVE)


def test_what_was_found_instead(tmp_path, opened):
    with pytest.raises(VolumeError, match=r"nothing: there is no such file or folder"):
        opened(tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(VolumeError, match="an empty folder"):
        opened(tmp_path / "empty")
    (tmp_path / "empty/a.png").write_text("x")
    with pytest.raises(VolumeError, match=r"a folder without TIFF or PNG files; it holds: a.png"):
        opened(tmp_path / "empty")
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw/a_19-08-09_120426_0-0-0.dat").write_text("x")
    for path in (tmp_path / "raw", tmp_path / "raw/a_19-08-09_120426_0-0-0.dat"):
        with pytest.raises(VolumeError, match=r"\.dat.*; raw sections .* are read by the plugin asem-reader-jeiss"):
            opened(path)
    zarr.create_group(tmp_path / "g.zarr").create_group("inner")
    with pytest.raises(VolumeError, match=r"a Zarr group without an image; it holds: inner"):
        opened(tmp_path / "g.zarr")
    zarr.create_array(tmp_path / "plate.zarr/A/1/0", shape=(2, 2, 2), dtype="u1")
    for group in ("plate.zarr", "plate.zarr/A", "plate.zarr/A/1"):
        zarr.open_group(tmp_path / group)
    with pytest.raises(VolumeError, match=r"a Zarr group without an image; it holds: A/1/0; give"):
        opened(tmp_path / "plate.zarr")
    (tmp_path / "bdv.n5/setup0/timepoint0/s0").mkdir(parents=True)
    (tmp_path / "bdv.n5/attributes.json").write_text('{"n5": "2.5.1"}')
    (tmp_path / "bdv.n5/setup0/timepoint0/s0/attributes.json").write_text('{"dimensions": [2, 2, 2]}')
    with pytest.raises(VolumeError, match=r"an N5 group without an image; it holds: setup0/timepoint0/s0; give"):
        opened(tmp_path / "bdv.n5")
    (tmp_path / "wk/color/1").mkdir(parents=True)
    (tmp_path / "wk/datasource-properties.json").write_text("{}")
    with pytest.raises(VolumeError, match=r"a dataset of WEBKNOSSOS; it holds: color; give"):
        opened(tmp_path / "wk")
    with pytest.raises(VolumeError, match=r"unknown scheme gopher://; use a path"):
        opened("gopher://host/x.zarr")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cell.zarr.zip", r"an archive \(.zip\); unpack it"),
        ("cell.npz", "save its array alone, with numpy.save"),
        ("cell.czi", "bioformats2raw"),
        ("cell.lif", "bioformats2raw"),
        ("cell.xml", "give the HDF5, N5, Zarr or TIFF that it describes"),
        ("cell.klb", "BigDataViewer's KLB plugin"),
        ("tilt.st", "a stack of images, no volume"),
        ("cell.mha", "NIfTI or NRRD"),
        ("cell.png", "sections are read as a folder of TIFF or grey PNG"),
        ("cell.xyz", r"a file of an unknown kind \(.xyz\); a file is read that is TIFF, HDF5, Imaris, MRC"),
    ],
)
def test_files_of_other_formats_say_what_to_do(tmp_path, opened, name, message):
    (tmp_path / name).write_bytes(b"something")
    with pytest.raises(VolumeError, match=message):
        opened(tmp_path / name)


def test_what_is_not_there_names_what_is(tmp_path, image, published, opened):
    with pytest.raises(VolumeError, match=r"no such file or folder; did you mean raw\?$"):
        opened(published / "volumes/rw")
    with pytest.raises(VolumeError, match=r"no such file or folder; .*labels holds: er, mito$"):
        opened(published / "volumes/labels/golgi_apparatus")


def test_a_folder_that_may_not_be_listed(sections, opened, monkeypatch):
    def refuse(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(VolumeError, match="sections: cannot be read: Permission denied"):
        opened(sections, voxel_size=FIVE)


def test_two_readers_are_an_error_naming_both(sections, registry):
    entries = registry.readers.entries
    other = attrs.evolve(entries["tiff"], spec=attrs.evolve(entries["tiff"].spec, name="other"))
    registry.__dict__["readers"] = attrs.evolve(registry.readers, entries={**entries, "other": other})
    with pytest.raises(VolumeError, match=r"tiff and other both accept it"):
        open_volume(sections, registry=registry, voxel_size=FIVE)


def test_a_given_voxel_size_wins_with_a_note(published, opened):
    assert opened(published, voxel_size=VoxelSize((5.001, 4, 4))).notes == ()
    volume = opened(published, voxel_size=VoxelSize((8, 8, 8)))
    assert volume.voxel_size == VoxelSize((8, 8, 8))
    assert volume.notes == ("voxel size 8 x 8 x 8 nm as given; the data says 5 x 4 x 4 nm",)


def test_labels_of_an_ome_zarr(tmp_path, image, registry):
    root = write_ome(tmp_path / "a.zarr", image)
    with pytest.raises(VolumeError, match=r"no labels 'mito' in labels/; it has none; .*IMAGE.zarr/0"):
        open_labels(root, "mito", registry=registry)
    alone = open_labels(root / "s0", "mito", registry=registry)
    assert (alone.voxel_size, alone.lower_edge_nm) == (VoxelSize((5, 4, 4)), (100.0, 0.0, 40.0))
    np.testing.assert_array_equal(alone.read(alone.box), image)
    (root / "labels").mkdir()
    write_ome(root / "labels/mito", image % 3)
    labels = open_labels(root, "mito", registry=registry)
    np.testing.assert_array_equal(labels.read(labels.box), image % 3)
    with pytest.raises(VolumeError, match=r"no labels 'er' in labels/; it has: mito"):
        open_labels(root, "er", registry=registry)
    explicit = open_labels(root / "labels/mito", "er", registry=registry)
    assert explicit.uri.endswith("labels/mito")


def test_labels_are_integers(tmp_path, registry):
    zarr.create_array(tmp_path / "p.zarr", data=np.zeros((2, 2, 2), np.float32))
    with pytest.raises(VolumeError, match="labels are integers, found float32"):
        open_labels(tmp_path / "p.zarr", "mito", registry=registry, voxel_size=FIVE)


@pytest.mark.parametrize("how", [{"zarr_format": 2}, {"zarr_format": 3}, {"zarr_format": 3, "shards": (3, 20, 31)}])
def test_identity_changes_with_any_chunk(tmp_path, image, opened, how):
    array = zarr.create_array(tmp_path / "a.zarr", data=image, chunks=(1, 4, 31), **how)
    found = {opened(tmp_path / "a.zarr", voxel_size=FIVE).identity["digest"] for _ in range(2)}
    assert len(found) == 1
    for z, y in ((0, 0), (1, 5), (8, 39)):
        array[z, y, 7] = 255 - array[z, y, 7]
        found.add(opened(tmp_path / "a.zarr", voxel_size=FIVE).identity["digest"])
    assert len(found) == 4


def test_a_damaged_chunk_names_the_array(tmp_path, image, opened):
    zarr.create_array(tmp_path / "a.zarr", data=image, chunks=(9, 40, 31), zarr_format=2)
    (tmp_path / "a.zarr/0.0.0").write_bytes(b"damaged")
    volume = opened(tmp_path / "a.zarr", voxel_size=FIVE)
    with pytest.raises(VolumeError, match=r"a.zarr: cannot read 0:9,0:40,0:31"):
        volume.read(volume.box)


def test_xarray_is_lazy_and_placed(published, image, opened):
    volume = opened(published)
    reads = []

    class Spy:
        shape, dtype = volume.array.shape, volume.array.dtype

        def __getitem__(self, key):
            reads.append(key)
            return volume.array[key]

    found = attrs.evolve(volume, array=Spy()).to_xarray()
    assert not reads
    assert found.dims == ("z", "y", "x")
    np.testing.assert_allclose(found.z[:2], [52.5, 57.5])
    np.testing.assert_allclose(found.x[:2], [10, 14])
    part = found.isel(z=3, y=slice(2, 30, 3)).sel(x=slice(10, 30))
    assert not reads
    np.testing.assert_array_equal(part.values, image[3, 2:30:3, :6])
    assert len(reads) == 1
    np.testing.assert_array_equal(found.isel(z=[4, 1]).values, image[[4, 1]])
