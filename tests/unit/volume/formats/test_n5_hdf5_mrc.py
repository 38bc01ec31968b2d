"""N5, HDF5 and MRC: voxels, axes and place."""

from __future__ import annotations

import json
import sys

import h5py
import mrcfile
import numpy as np
import pytest
import tensorstore
from hypothesis import given
from hypothesis import strategies as st

from asem_core.errors import VolumeError
from asem_core.geometry import Box, VoxelSize
from asem_core.volume.formats.n5 import stated
from asem_core.volume.stated import settle

BOX = Box((1, 2, 3), (5, 16, 29))


def write_n5(path, zyx, **attributes):
    spec = {
        "driver": "n5", "kvstore": {"driver": "file", "path": f"{path}/"},
        "metadata": {
            "dimensions": list(zyx.shape[::-1]), "blockSize": [16, 8, 4][: zyx.ndim] + [1] * (zyx.ndim - 3),
            "dataType": str(zyx.dtype), "compression": {"type": "gzip"},
        },
    }  # fmt: skip
    tensorstore.open(spec, create=True).result()[...].write(zyx.T).result()
    annotate(path, **attributes)
    return path


def annotate(path, **attributes):
    file = path / "attributes.json"
    found = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(json.dumps(found | attributes))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_n5_is_turned_to_zyx(tmp_path, image, opened, dtype):
    write_n5(tmp_path / "raw", image.astype(dtype), pixelResolution={"dimensions": [4, 4, 5.24], "unit": "nm"})
    volume = opened(tmp_path / "raw")
    assert (volume.format, volume.shape, volume.chunks, volume.dtype) == ("n5", image.shape, (4, 8, 16), dtype)
    assert volume.voxel_size == VoxelSize((5.24, 4, 4))
    np.testing.assert_array_equal(volume.read(BOX), image[BOX.slices])


def test_n5_of_which_a_block_changed_is_another(tmp_path, image, opened):
    path = write_n5(tmp_path / "raw", image, pixelResolution={"dimensions": [4, 4, 5.24], "unit": "nm"})
    before = opened(path).identity
    assert opened(path).identity == before
    (path / "1/2/0").write_bytes(b"another")
    assert opened(path).identity != before


def test_n5_group_opens_its_finest_level(tmp_path, image, opened):
    """As OpenOrganelle publishes it: translations are centres, level 1 averages 2 x 2 x 2."""
    group = tmp_path / "em.n5"
    write_n5(group / "s0", image)
    write_n5(group / "s1", image[::2, ::2, ::2])
    levels = [
        {"path": f"s{k}", "transform": {
            "axes": ["z", "y", "x"], "units": ["nm"] * 3, "scale": [5.24 * 2**k, 4 * 2**k, 4 * 2**k],
            "translate": [2.62 * (2**k - 1), 2 * (2**k - 1), 2 * (2**k - 1)]}}
        for k in (0, 1)
    ]  # fmt: skip
    annotate(group, multiscales=[{"datasets": levels}])
    finest, coarse = opened(group), opened(group / "s1")
    assert finest.voxel_size == VoxelSize((5.24, 4, 4))
    assert coarse.voxel_size == VoxelSize((10.48, 8, 8))
    np.testing.assert_allclose(finest.lower_edge_nm, (-2.62, -2, -2))
    np.testing.assert_allclose(coarse.lower_edge_nm, finest.lower_edge_nm)
    np.testing.assert_array_equal(finest.read(BOX), image[BOX.slices])


def test_n5_viewer_scales(tmp_path, image, opened):
    group = tmp_path / "em.n5"
    write_n5(group / "s1", image)
    annotate(group, pixelResolution={"dimensions": [0.004, 0.005, 0.006], "unit": "um"}, scales=[[1, 1, 1], [4, 2, 1]])
    assert opened(group / "s1").voxel_size.matches(VoxelSize((6, 10, 16)), tolerance=1e-9)
    write_n5(group / "s2", image, downsamplingFactors=[1, 2, 3])
    assert opened(group / "s2").voxel_size.matches(VoxelSize((18, 10, 4)), tolerance=1e-9)


@pytest.mark.parametrize(("unit", "length"), [("m", 1e-9), ("um", 1e-3), ("nm", 1.0)])
def test_n5_levels_state_their_own_size_in_any_unit(tmp_path, image, opened, unit, length):
    for level, factor in (("s0", 1), ("s1", 2)):
        size = {"dimensions": [length * factor * side for side in (4, 5, 8)], "unit": unit}
        write_n5(tmp_path / "em.n5" / level, image, pixelResolution=size, downsamplingFactors=[factor] * 3)
    assert opened(tmp_path / "em.n5/s1").voxel_size.matches(VoxelSize((16, 10, 8)), tolerance=1e-9)


@given(values=st.lists(st.floats(0.1, 100), min_size=6, max_size=6))
def test_n5_conventions_agree(values):
    """One place said in three ways."""
    size, edge = values[:3], values[3:]
    plain = {"resolution": size[::-1], "offset": edge[::-1]}
    in_um = {
        "resolution": [v / 1000 for v in size[::-1]],
        "offset": [v / 1000 for v in edge[::-1]],
        "units": ["um"] * 3,
    }
    centre = [e + s / 2 for e, s in zip(edge, size, strict=True)]
    named = {"transform": {"axes": ["x", "z", "y"], "scale": [size[2], size[0], size[1]], "units": ["nm"] * 3,
                           "translate": [centre[2], centre[0], centre[1]]}}  # fmt: skip
    for attributes in (plain, in_um, named):
        found = settle(stated(attributes, {}, {}, name="raw"), np.zeros((1, 1, 1)), chunks=(1, 1, 1), uri="here")
        np.testing.assert_allclose(found.voxel_size.zyx, size, rtol=1e-9)
        np.testing.assert_allclose(found.lower_edge_nm, edge, rtol=1e-6)


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"resolution": [4, 4]}, "attribute 'resolution' is .* expected z, y and x once each"),
        ({"pixelResolution": {"dimensions": [4, 4, 4], "unit": "parsec"}}, "unknown length unit 'parsec'"),
        ({"transform": {"axes": ["c", "y", "x"], "scale": [1, 1, 1]}}, "expected z, y and x"),
        ({"transform": 5}, "attribute 'transform' is 5"),
        ({"resolution": [4, 0, 4]}, "must be positive"),
    ],
)
def test_n5_attributes_that_make_no_sense(tmp_path, image, opened, attributes, message):
    path = write_n5(tmp_path / "raw", image, **attributes)
    with pytest.raises(VolumeError, match=rf"raw: the data does not state its voxel size .*{message}"):
        opened(path)
    assert opened(path, voxel_size=(5, 5, 5)).voxel_size == VoxelSize((5, 5, 5))


def test_n5_leading_axis_and_damage(tmp_path, image, opened):
    write_n5(tmp_path / "c", image[None], resolution=[4, 4, 4])
    assert opened(tmp_path / "c").shape == image.shape
    write_n5(tmp_path / "raw", image, resolution=[4, 4, 4])
    (tmp_path / "raw/0/0/0").write_bytes(b"damaged")
    volume = opened(tmp_path / "raw")
    with pytest.raises(VolumeError, match=r"raw: cannot read"):
        volume.read(volume.box)
    annotate(tmp_path / "raw", dataType="strange")
    with pytest.raises(VolumeError, match=r"raw: cannot open the N5 data set"):
        opened(tmp_path / "raw")


def test_a_missing_package_says_what_to_install(tmp_path, image, opened, monkeypatch):
    write_n5(tmp_path / "raw", image, resolution=[4, 4, 4])
    monkeypatch.setitem(sys.modules, "tensorstore", None)
    with pytest.raises(VolumeError, match=r"reading n5 needs tensorstore: pip install 'asem-core\[n5\]'"):
        opened(tmp_path / "raw")


def test_hdf5(tmp_path, image, opened):
    file = tmp_path / "cell.h5"
    with h5py.File(file, "w") as target:
        raw = target.create_dataset("volumes/raw", data=image[None], chunks=(1, 4, 8, 8))
        raw.attrs["element_size_um"] = [0.00524, 0.004, 0.004]
    volume = opened(file)
    assert (volume.format, volume.shape, volume.chunks) == ("hdf5", image.shape, (4, 8, 8))
    assert volume.voxel_size.matches(VoxelSize((5.24, 4, 4)), tolerance=1e-9)
    np.testing.assert_array_equal(volume.read(BOX), image[BOX.slices])
    with h5py.File(file, "r+") as target:
        labels = target.create_dataset("volumes/labels", data=image.astype("u2"))
        labels.attrs.update({"resolution": [5, 4, 4], "offset": [50, 0, 8]})
    with pytest.raises(VolumeError, match=r"expected one 3D data set, found volumes/labels, volumes/raw; name one"):
        opened(file)
    with pytest.raises(VolumeError, match=r"no data set 'volumes/no'; it has: volumes/labels, volumes/raw"):
        opened(file / "volumes/no")
    named = opened(file / "volumes/labels")
    assert (named.voxel_size, named.lower_edge_nm, named.planewise) == (VoxelSize((5, 4, 4)), (50, 0, 8), False)
    np.testing.assert_array_equal(named.read(BOX), image[BOX.slices])


def test_hdf5_that_is_damaged_or_says_nonsense(tmp_path, image, opened):
    file = tmp_path / "cell.h5"
    with h5py.File(file, "w") as target:
        target.create_dataset("raw", data=image).attrs["resolution"] = "five"
    with pytest.raises(VolumeError, match=r"attribute 'resolution' is 'five': expected a list of numbers"):
        opened(file)
    file.write_bytes(file.read_bytes()[:600])
    with pytest.raises(VolumeError, match="damaged HDF5 file"):
        opened(file)


def write_mrc(path, values, voxel_size=None):
    with mrcfile.new(path) as target:
        target.set_data(values)
        if voxel_size:
            target.voxel_size = voxel_size
    return path


@pytest.mark.parametrize("dtype", ["int8", "uint16", "float32"])
def test_mrc(tmp_path, image, opened, dtype):
    file = write_mrc(tmp_path / "cell.mrc", (image // 2).astype(dtype), (40, 41, 52.4))
    volume = opened(file)
    assert (volume.format, volume.dtype, volume.planewise) == ("mrc", dtype, False)
    assert volume.voxel_size.matches(VoxelSize((5.24, 4.1, 4)), tolerance=1e-6)
    np.testing.assert_array_equal(volume.read(BOX), (image // 2)[BOX.slices])


def test_mrc_without_voxel_size(tmp_path, image, opened):
    file = write_mrc(tmp_path / "cell.rec", image.astype("u2"), (0, 0, 0))
    with pytest.raises(VolumeError, match="--voxel-size"):
        opened(file)
    assert opened(file, voxel_size=VoxelSize((5, 5, 5))).shape == image.shape


def test_mrc_bytes_of_imod_are_unsigned(tmp_path, image, opened):
    file = write_mrc(tmp_path / "cell.mrc", image.view("i1"), (40, 40, 40))
    content = bytearray(file.read_bytes())
    content[152:160] = (1146047817).to_bytes(4, "little") + bytes(4)
    file.write_bytes(content)
    volume = opened(file)
    assert volume.dtype == np.uint8
    np.testing.assert_array_equal(volume.read(BOX), image[BOX.slices])


def test_mrc_damage_and_turned_axes(tmp_path, image, opened):
    file = write_mrc(tmp_path / "cell.mrc", image.astype("u2"), (40, 40, 40))
    with mrcfile.open(file, "r+") as target:
        target.header.mapc, target.header.maps = 3, 1
    with pytest.raises(VolumeError, match=r"stored in the order \[3, 2, 1\]"):
        opened(file)
    file.write_bytes(file.read_bytes()[:2000])
    with pytest.raises(VolumeError, match="damaged MRC file"):
        opened(file)
