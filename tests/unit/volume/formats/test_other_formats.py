"""NIfTI, NRRD, precomputed volumes, Imaris, npy, written by the libraries themselves: voxel for voxel, or refused."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path
from typing import Any

import h5py
import nibabel
import nrrd
import numpy as np
import pytest
import tensorstore

from asem_core.errors import VolumeError
from asem_core.geometry import VoxelSize
from asem_core.volume.formats.nifti import open_nifti
from asem_core.volume.formats.npy import open_npy
from asem_core.volume.formats.nrrd import open_nrrd

from .test_as_people_have_them import check, write_hdf5

FIVE = VoxelSize((5, 5, 5))
SIZE, PLACE = (8.0, 4.0, 5.0), (80.0, 40.0, 50.0)
DTYPES = ("uint8", "int8", "uint16", "int16", "float32")
KEYS: tuple[Any, ...] = (
    (1, slice(3, 9), 5), (slice(2, 5), slice(None), slice(1, 30, 2)), 4, (-1,), (slice(3, 3), slice(2, 4)),
)  # fmt: skip


def write_nifti(path: Path, image: np.ndarray, *, affine: Any = None, units: str | None = "mm", **header: Any) -> Path:
    """The image is z, y, x; voxels of `SIZE` nm at `PLACE` where no affine is given."""
    if affine is None:
        affine = np.diag([5e-6, 4e-6, 8e-6, 1])
        affine[:3, 3] = [52.5e-6, 42e-6, 84e-6]
    found = nibabel.Nifti1Image(image.T, affine, dtype=image.dtype)
    if units is not None:
        found.header.set_xyzt_units(units)
    for name, value in header.items():
        found.header[name] = value
    nibabel.save(found, path)
    return path


def write_nrrd(path: Path, image: np.ndarray, **header: Any) -> Path:
    placed = {
        "space dimension": 3, "space directions": np.diag([5.0, 4.0, 8.0]), "space units": ["nm"] * 3,
        "space origin": [52.5, 42.0, 84.0], "encoding": "raw",
    }  # fmt: skip
    nrrd.write(str(path), image.T, header or placed, index_order="F")
    return path


def write_precomputed(path: Path, image: np.ndarray, *, offset: Any = (10, 10, 10), **scale: Any) -> Path:
    spec = {
        "driver": "neuroglancer_precomputed",
        "kvstore": {"driver": "file", "path": f"{path}/"},
        "multiscale_metadata": {"type": "image", "data_type": str(image.dtype), "num_channels": 1},
        "scale_metadata": {
            "size": image.T.shape, "resolution": [5, 4, 8], "voxel_offset": offset, "encoding": "raw",
            "chunk_size": [8, 8, 4], **scale,
        },
    }  # fmt: skip
    tensorstore.open(spec, create=True).result()[...].write(image.T[..., None]).result()
    return path


def write_imaris(path: Path, image: np.ndarray, *, sizes: bool = True, channels: int = 1, **more: str) -> Path:
    """Padded to whole blocks of 16, as Imaris pads."""
    padded = np.pad(image, [(0, -n % 16) for n in image.shape])

    def characters(text: str) -> np.ndarray:
        return np.array(list(text), "S1")

    with h5py.File(path, "w") as file:
        about = file.create_group("DataSetInfo/Image").attrs
        ends = [p + n * s for p, n, s in zip(PLACE, image.shape, SIZE, strict=True)]
        said = {f"ExtMin{2 - axis}": str(PLACE[axis] / 1000) for axis in range(3)}
        said |= {f"ExtMax{2 - axis}": str(ends[axis] / 1000) for axis in range(3)}
        for name, text in {**said, "Unit": "um", **more}.items():
            about[name] = characters(text)
        for number in range(channels):
            channel = file.create_group(f"DataSet/ResolutionLevel 0/TimePoint 0/Channel {number}")
            channel.create_dataset("Data", data=padded, chunks=(16, 16, 16), compression="gzip")
            if sizes:
                for axis, length in zip("ZYX", image.shape, strict=True):
                    channel.attrs[f"ImageSize{axis}"] = characters(str(length))
    return path


WRITERS = {
    "a.nii": write_nifti, "a.nii.gz": write_nifti, "a.nrrd": write_nrrd, "a": write_precomputed, "a.ims": write_imaris
}  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", WRITERS)
def test_voxels_size_and_place(tmp_path, image, opened, name, dtype):
    values = (image // 2).astype(dtype)
    volume = opened(WRITERS[name](tmp_path / name, values))
    np.testing.assert_allclose(volume.voxel_size.zyx, SIZE, rtol=1e-6)
    np.testing.assert_allclose(volume.lower_edge_nm, PLACE, rtol=1e-5)
    assert volume.dtype == dtype
    np.testing.assert_array_equal(volume.read(volume.box), values)
    for key in KEYS:
        np.testing.assert_array_equal(volume.array[key], values[key])


@pytest.mark.parametrize("open_it", [open_nifti, open_nrrd, open_npy])
def test_arrays_go_to_other_processes(tmp_path, image, open_it):
    write_nifti(tmp_path / "a.nii", image)
    write_nrrd(tmp_path / "a.nrrd", image)
    np.save(tmp_path / "a.npy", image)
    source = open_it(str(tmp_path / f"a.{open_it.__name__.removeprefix('open_').replace('nifti', 'nii')}"))
    again = pickle.loads(pickle.dumps(source.array))
    np.testing.assert_array_equal(again[2:4], source.array[2:4])


# NIfTI


def test_nifti_2_and_a_trailing_axis(tmp_path, image, opened):
    affine = np.diag([5e-6, 4e-6, 8e-6, 1])
    found = nibabel.Nifti2Image(image.T[..., None], affine)
    found.header.set_xyzt_units("mm")
    nibabel.save(found, tmp_path / "a.nii")
    check(opened(tmp_path / "a.nii"), image, SIZE, (-4, -2, -2.5))


@pytest.mark.parametrize(("units", "side"), [("micron", 0.005), ("meter", 5e-9), ("mm", 5e-6)])
def test_nifti_units(tmp_path, image, opened, units, side):
    path = write_nifti(tmp_path / "a.nii", image, affine=np.diag([side, side, side, 1]), units=units)
    np.testing.assert_allclose(opened(path).voxel_size.zyx, (5, 5, 5), rtol=1e-6)


def test_nifti_without_a_unit_or_a_size_states_none(tmp_path, image, opened):
    write_nifti(tmp_path / "no_unit.nii", image, units="unknown")
    write_nifti(tmp_path / "zero.nii", image, pixdim=np.zeros(8))
    for name in ("no_unit.nii", "zero.nii"):
        with pytest.raises(VolumeError, match=r"does not state its voxel size .*pixdim"):
            opened(tmp_path / name)
        np.testing.assert_array_equal(opened(tmp_path / name, voxel_size=FIVE).read(opened(
            tmp_path / name, voxel_size=FIVE).box), image)  # fmt: skip


def test_nifti_that_is_turned_or_scaled_is_taken_as_stored_with_a_note(tmp_path, image, opened):
    turned = np.diag([-5e-6, -4e-6, 8e-6, 1])
    volume = opened(write_nifti(tmp_path / "a.nii", image, affine=turned))
    check(volume, image, volume.voxel_size.zyx)
    assert not volume.states_place
    assert "turns or mirrors" in volume.notes[0]
    path = write_nifti(tmp_path / "b.nii", image)
    content = bytearray(path.read_bytes())
    content[112:120] = np.array([2, 1], "<f4").tobytes()
    path.write_bytes(content)
    volume = opened(path)
    np.testing.assert_array_equal(volume.read(volume.box), image)
    assert "2 x stored value + 1" in volume.notes[0]


def test_nifti_whose_sizes_contradict_each_other_states_none(tmp_path, image, opened):
    """With an sform pixdim does not count; nibabel leaves it at 1."""
    content = bytearray(write_nifti(tmp_path / "a.nii", image).read_bytes())
    content[80:92] = np.ones(3, "<f4").tobytes()
    (tmp_path / "a.nii").write_bytes(content)
    with pytest.raises(VolumeError, match=r"does not state its voxel size .*pixdim .* but its affine says 5e-06"):
        opened(tmp_path / "a.nii")
    assert opened(tmp_path / "a.nii", voxel_size=FIVE).voxel_size == FIVE


def test_nifti_in_metres_that_is_turned_has_no_position(tmp_path, image, opened):
    turned = np.array([[4e-9, 1e-9, 0, 0], [-1e-9, 4e-9, 0, 0], [0, 0, 8e-9, 0], [0, 0, 0, 1.0]])
    volume = opened(write_nifti(tmp_path / "a.nii", image, affine=turned, units="meter"))
    assert not volume.states_place
    assert "turns or mirrors" in volume.notes[0]


def test_nifti_whose_voxels_begin_in_its_header(tmp_path, image, opened):
    content = bytearray(write_nifti(tmp_path / "a.nii", image).read_bytes())
    content[108:112] = np.zeros(1, "<f4").tobytes()
    (tmp_path / "a.nii").write_bytes(content)
    with pytest.raises(VolumeError, match="damaged NIfTI file: its voxels would begin at byte 0, inside its header"):
        opened(tmp_path / "a.nii", voxel_size=FIVE)


def test_nifti_that_is_damaged(tmp_path, image, opened):
    whole = write_nifti(tmp_path / "a.nii", image).read_bytes()
    (tmp_path / "cut.nii").write_bytes(whole[:-10])
    (tmp_path / "none.nii").write_bytes(b"hello")
    (tmp_path / "none.nii.gz").write_bytes(b"hello")
    for name, message in (("cut.nii", "truncated"), ("none.nii", "no header of NIfTI"), ("none.nii.gz", "damaged NIf")):
        with pytest.raises(VolumeError, match=rf"{name}: {message}"):
            opened(tmp_path / name, voxel_size=FIVE)
    compressed = write_nifti(tmp_path / "a.nii.gz", image).read_bytes()
    (tmp_path / "cut.nii.gz").write_bytes(compressed[:-100])
    with pytest.raises(VolumeError, match=r"cut\.nii\.gz: cannot be read"):
        opened(tmp_path / "cut.nii.gz", voxel_size=FIVE).array[:]


# NRRD


@pytest.mark.parametrize("encoding", ["gzip", "bzip2", "ascii"])
def test_nrrd_that_is_compressed(tmp_path, image, opened, encoding):
    path = write_nrrd(tmp_path / "a.nrrd", image, encoding=encoding, spacings=[5, 4, 8], units=["nm"] * 3)
    volume = opened(path)
    check(volume, image, SIZE)
    assert "held in memory" in volume.notes[0]


def test_nrrd_with_its_data_elsewhere_and_big_endian(tmp_path, image, opened):
    nrrd.write(str(tmp_path / "a.nhdr"), image.T, {"encoding": "raw"}, detached_header=True)
    check(opened(tmp_path / "a.nhdr", voxel_size=FIVE), image, (5, 5, 5))
    values = image.astype(">u2") * 257
    nrrd.write(str(tmp_path / "b.nrrd"), values.T, {"encoding": "raw", "endian": "big"})
    check(opened(tmp_path / "b.nrrd", voxel_size=FIVE), values, (5, 5, 5))


def test_nrrd_whose_data_elsewhere_change_is_another(tmp_path, image, opened):
    nrrd.write(str(tmp_path / "a.nhdr"), image.T, {"encoding": "raw"}, detached_header=True)
    before = opened(tmp_path / "a.nhdr", voxel_size=FIVE)
    check(before, image, (5, 5, 5))
    (tmp_path / "a.raw").write_bytes((image + 1).tobytes())
    os.utime(tmp_path / "a.raw", ns=(0, 5))
    after = opened(tmp_path / "a.nhdr", voxel_size=FIVE)
    assert after.identity != before.identity
    check(after, image + 1, (5, 5, 5))


def test_nrrd_whose_axes_are_named(tmp_path, image, opened):
    turned = {"encoding": "raw", "labels": ["z", "y", "x"], "spacings": [8, 4, 5], "units": ["nm"] * 3}
    nrrd.write(str(tmp_path / "a.nrrd"), image, turned, index_order="F")
    check(opened(tmp_path / "a.nrrd"), image, SIZE)


def test_nrrd_that_mirrors_or_states_no_unit(tmp_path, image, opened):
    found = {"space": "left-posterior-superior", "space directions": np.diag([-5.0, -4.0, 8.0]), "encoding": "raw"}
    path = write_nrrd(tmp_path / "a.nrrd", image, **{**found, "space units": ["nm"] * 3, "space origin": [0, 0, 0]})
    volume = opened(path)
    check(volume, image, SIZE)
    assert not volume.states_place
    assert "turn or mirror" in volume.notes[0]
    with pytest.raises(VolumeError, match=r"'space directions' of its header is .* no length unit"):
        opened(write_nrrd(tmp_path / "b.nrrd", image, **found))


def test_nrrd_that_is_damaged(tmp_path, image, opened):
    whole = write_nrrd(tmp_path / "a.nrrd", image).read_bytes()
    (tmp_path / "cut.nrrd").write_bytes(whole[:-10])
    (tmp_path / "none.nrrd").write_bytes(b"hello")
    (tmp_path / "half.nrrd").write_bytes(b"NRRD0004\ntype: uint8\n\n")
    for name, message in (
        ("cut", "truncated"), ("none", "no header of NRRD that can be read"), ("half", ".*lacks encoding, sizes"),
    ):  # fmt: skip
        with pytest.raises(VolumeError, match=rf"{name}\.nrrd: {message}"):
            opened(tmp_path / f"{name}.nrrd", voxel_size=FIVE)


# Precomputed


def test_scales_of_a_precomputed_volume(tmp_path, image, opened):
    write_precomputed(tmp_path / "a", image)
    half = {"resolution": [10, 8, 16], "size": image[:4, :20, :15].T.shape, "key": "half"}
    write_precomputed(tmp_path / "a", image[:4, :20, :15], offset=[5, 5, 5], **half)
    check(opened(tmp_path / "a"), image, SIZE, PLACE)
    check(opened(tmp_path / "a" / "half"), image[:4, :20, :15], (16, 8, 10), PLACE)


def test_a_precomputed_volume_of_which_a_chunk_changed_is_another(tmp_path, image, opened):
    write_precomputed(tmp_path / "a", image, key="fine")
    before = opened(tmp_path / "a").identity
    assert opened(tmp_path / "a").identity == before
    min((tmp_path / "a/fine").iterdir()).write_bytes(b"another")
    assert opened(tmp_path / "a").identity != before


def test_an_info_of_something_else_is_none(tmp_path, sections, image, opened):
    for text in ("not JSON", "[]", "{}", '{"scales": []}', '{"scales": [3]}'):
        (sections / "info").write_text(text)
        volume = opened(sections, voxel_size=FIVE)
        assert volume.format == "tiff"
    (tmp_path / "info").write_text(json.dumps({"scales": [{"key": "a"}]}))
    with pytest.raises(VolumeError, match="cannot open the precomputed volume"):
        opened(tmp_path)


# Imaris


def test_imaris_without_sizes_is_padded_with_a_note(tmp_path, image, opened):
    path = write_imaris(tmp_path / "a.ims", image, sizes=False)
    with pytest.raises(VolumeError, match=r"its extent is there, but not how many voxels that is"):
        opened(path)
    volume = opened(path, voxel_size=FIVE)
    assert volume.shape == (16, 48, 32)
    assert "Imaris pads its data" in volume.notes[0]


def test_imaris_with_channels_names_one(tmp_path, image, opened):
    path = write_imaris(tmp_path / "a.ims", image, channels=2)
    with pytest.raises(VolumeError, match=r"found 2 \(Channel 0, Channel 1\); give the one") as refused:
        opened(path)
    address = str(refused.value).rpartition("segment: ")[2]
    assert "Imaris pads its data" in opened(address, voxel_size=FIVE).notes[0]


@pytest.mark.parametrize("more", [{"ExtMax0": "far"}, {"ExtMax0": "0.05"}, {"Unit": "parsec"}])
def test_imaris_that_states_no_size(tmp_path, image, opened, more):
    path = write_imaris(tmp_path / "a.ims", image, **more)
    with pytest.raises(VolumeError, match=r"does not state its voxel size .*extent"):
        opened(path)
    volume = opened(path, voxel_size=FIVE)
    np.testing.assert_array_equal(volume.read(volume.box), image)


def test_imaris_that_is_none(tmp_path, image, opened):
    (tmp_path / "a.ims").write_bytes(b"hello")
    with pytest.raises(VolumeError, match=r"a\.ims: damaged Imaris file"):
        opened(tmp_path / "a.ims", voxel_size=FIVE)
    with pytest.raises(VolumeError, match=r"b\.ims: no TimePoint in DataSet"):
        opened(write_hdf5(tmp_path / "b.ims", image), voxel_size=FIVE)


# npy


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [*DTYPES, ">u2"])
def test_npy(tmp_path, image, opened, dtype, order):
    values = np.asarray((image // 2).astype(dtype), order=order)
    np.save(tmp_path / "a.npy", values)
    with pytest.raises(VolumeError, match="does not state its voxel size"):
        opened(tmp_path / "a.npy")
    volume = opened(tmp_path / "a.npy", voxel_size=FIVE)
    check(volume, values, (5, 5, 5))
    assert volume.dtype.isnative
    for key in KEYS:
        np.testing.assert_array_equal(volume.array[key], values[key])


def test_npy_that_is_refused(tmp_path, image, opened):
    np.save(tmp_path / "a.npy", image)
    (tmp_path / "cut.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:-10])
    np.save(tmp_path / "objects.npy", np.array([image, "x"], object), allow_pickle=True)
    for name in ("cut", "objects"):
        with pytest.raises(VolumeError, match=rf"{name}\.npy: damaged, cut short, or no array of numbers"):
            opened(tmp_path / f"{name}.npy", voxel_size=FIVE)
    np.save(tmp_path / "four.npy", np.stack([image, image]))
    with pytest.raises(VolumeError, match="expected a 3D image"):
        opened(tmp_path / "four.npy", voxel_size=FIVE)


# Extras


@pytest.mark.parametrize(("name", "extra"), [("a.nii", "nifti"), ("a.nrrd", "nrrd"), ("a.ims", "hdf5")])
def test_a_missing_extra_is_named(tmp_path, image, opened, monkeypatch, name, extra):
    path = WRITERS[name](tmp_path / name, image)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(VolumeError, match=rf"pip install 'asem-core\[{extra}\]'"):
        opened(path)
