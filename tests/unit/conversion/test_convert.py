"""Conversion: what goes in comes out, and what is stopped goes on."""

from __future__ import annotations

import errno
import tracemalloc
from types import SimpleNamespace

import numpy as np
import pytest
import tifffile
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from asem_core.blocks.verify import status, verify
from asem_core.conversion.convert import convert
from asem_core.errors import BlockError, GeometryError, OutputError, VolumeError
from asem_core.geometry import Box, VoxelSize
from asem_core.volume import Volume, open_labels, output, staging
from asem_core.volume.check import check_values
from asem_core.volume.facts import describe
from asem_core.volume.pyramid import mode2
from asem_core.volume.staging import copy_in_chunks, slabs, staged_bytes

FIVE = VoxelSize((5, 4, 4))


def of(values, chunks=None, **kwargs):
    return Volume(
        array=values, voxel_size=FIVE, uri="/memory/source", format="memory", chunks=chunks or values.shape, **kwargs
    )


@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "f4", "f2"])
@pytest.mark.parametrize("last", ["out_tiffs", "out.tif"])
def test_tiff_to_zarr_to_tiff_is_bit_identical(tmp_path, dtype, last, opened, importlib_version):
    values = (np.random.default_rng(3).random((7, 33, 20)) * 255).astype(dtype)
    folder = tmp_path / "in"
    folder.mkdir()
    for number, section in enumerate(values):
        tifffile.imwrite(folder / f"s_{number}.tif", section)
    convert(opened(folder, voxel_size=FIVE), tmp_path / "x.zarr", chunk=(4, 16, 16))
    middle = opened(tmp_path / "x.zarr")
    assert middle.voxel_size == FIVE
    convert(middle, tmp_path / last)
    back = opened(tmp_path / last)
    assert (back.dtype, back.voxel_size) == (values.dtype, FIVE)
    assert back.read(back.box).tobytes() == values.tobytes()
    if last == "out_tiffs":
        assert sorted(p.name for p in (tmp_path / last).iterdir())[0] == "section_0000.tif"


@pytest.mark.real_data
def test_real_sections_come_back_bit_identical(tmp_path, real_data, opened, importlib_version):
    source = opened(real_data / "epfl_hippocampus/raw", voxel_size=FIVE)
    roi = Box((40, 100, 0), (60, 300, 1024))
    convert(source, tmp_path / "x.zarr", roi=roi)
    convert(opened(tmp_path / "x.zarr"), tmp_path / "out")
    back = opened(tmp_path / "out")
    np.testing.assert_array_equal(back.read(back.box), source.read(roi))


@pytest.fixture
def importlib_version(monkeypatch):
    monkeypatch.setattr("importlib_metadata.version", lambda name: "1.2.3")


@pytest.mark.parametrize("budget", [1, 3000, 10**9])
@pytest.mark.parametrize("name", ["out.zarr", "out", "out.tif"])
def test_strips_of_wide_sections_change_nothing(tmp_path, image, budget, name, opened, monkeypatch, importlib_version):
    monkeypatch.setattr(staging, "SLAB_BYTES", budget)
    roi = Box((1, 3, 2), (8, 40, 31))
    convert(of(image, chunks=(3, 8, 5)), tmp_path / name, roi=roi, chunk=(4, 8, 8))
    back = opened(tmp_path / name)
    np.testing.assert_array_equal(back.read(back.box), image[roi.slices])
    assert back.lower_edge_nm == pytest.approx((5.0, 12.0, 8.0))
    if name == "out":
        assert sorted(p.name for p in (tmp_path / name).iterdir())[0] == "section_0001.tif"


@given(
    shape=st.tuples(*[st.integers(1, 300)] * 3),
    chunk=st.tuples(*[st.integers(1, 70)] * 3),
    itemsize=st.sampled_from([1, 2, 4]),
    budget=st.integers(1, 2**20),
)
@settings(max_examples=50, deadline=None)
def test_slabs_cover_once_in_whole_chunks_within_the_budget(shape, chunk, itemsize, budget):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(staging, "SLAB_BYTES", budget)
        roi = Box.of_shape(shape)
        boxes = []
        for box in slabs(roi, chunk, itemsize):
            boxes.append(box)
            assert all(a % c == 0 for a, c in zip(box.start, chunk, strict=True))
            assert all(b % c == 0 or b == n for b, c, n in zip(box.stop, chunk, shape, strict=True))
            assert box.size * itemsize <= max(budget, np.prod(chunk) * itemsize)
            if len(boxes) > 2000:
                return
        assert sum(box.size for box in boxes) == roi.size


@pytest.mark.slow
@pytest.mark.parametrize("name", ["out.zarr", "out.tif"])
def test_memory_is_a_few_slabs_whatever_the_size(tmp_path, name, monkeypatch, importlib_version):
    class Wide:
        shape, dtype = (32, 1500, 1500), np.dtype("u1")

        def __getitem__(self, key):
            return np.ones([len(range(n)[k]) for n, k in zip(self.shape, key, strict=True)], self.dtype)

    monkeypatch.setattr(staging, "SLAB_BYTES", 4 * 2**20)
    convert(of(np.ones((2, 2, 2), np.uint8)), tmp_path / f"warm_up_{name}")  # imports are not counted
    tracemalloc.start()
    convert(of(Wide(), chunks=(1, 1500, 1500)), tmp_path / name)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 16 * 2**20 < np.prod(Wide.shape) / 4


def test_labels_get_majorities_and_booleans_become_uint8(tmp_path, opened, importlib_version):
    truth = np.random.default_rng(0).random((4, 130, 6)) > 0.5
    convert(of(truth), tmp_path / "b.zarr")
    assert opened(tmp_path / "b.zarr").dtype == np.uint8
    np.testing.assert_array_equal(zarr.open_array(tmp_path / "b.zarr/1")[:], mode2(truth))
    convert(of(truth), tmp_path / "b")
    assert opened(tmp_path / "b").dtype == np.uint8


def test_converted_labels_are_recognised_as_labels(tmp_path, registry, importlib_version):
    truth = np.ones((4, 13, 6), np.uint8)
    convert(of(truth), tmp_path / "image.zarr")
    with pytest.raises(VolumeError, match="no labels 'mito'"):
        open_labels(tmp_path / "image.zarr", "mito", registry=registry)
    convert(of(truth), tmp_path / "labels.zarr", labels=True)
    assert open_labels(tmp_path / "labels.zarr", "mito", registry=registry).shape == truth.shape


def test_roi_outside_shows_the_shape(tmp_path, image):
    for roi in (Box((0, 0, 0), (10, 40, 31)), Box((1, 1, 1), (1, 5, 5))):
        with pytest.raises(GeometryError, match=r"ROI .* is 0:9,0:40,0:31"):
            convert(of(image), tmp_path / "x.zarr", roi=roi)
    assert list(tmp_path.iterdir()) == []


def test_existing_destination(tmp_path, image, opened, importlib_version):
    target = tmp_path / "x.zarr"
    convert(of(image), target)
    convert(of(image), target)
    with pytest.raises(OutputError, match=r"made with other settings \(roi was .*; use --overwrite"):
        convert(of(image[:4]), target)
    convert(of(image[:4]), target, overwrite=True)
    assert opened(target).shape == (4, 40, 31)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.zarr", "x.zarr.journal.jsonl"]


def test_other_voxels_in_memory_are_not_what_was_converted(tmp_path, image):
    convert(of(image), tmp_path / "x.zarr")
    convert(of(image.copy()), tmp_path / "x.zarr")
    with pytest.raises(OutputError, match=r"made with other settings \(inputs\.source changed\)"):
        convert(of(image + 1), tmp_path / "x.zarr")


def test_overwrite_never_deletes_what_is_no_volume(tmp_path, image):
    (tmp_path / "home").mkdir()
    (tmp_path / "home/thesis.doc").write_text("precious")
    with pytest.raises(OutputError, match="is not, or not only, a volume that ASEM wrote"):
        convert(of(image), tmp_path / "home", overwrite=True)
    assert (tmp_path / "home/thesis.doc").exists()


def test_source_and_destination_apart(sections, opened):
    volume = opened(sections, voxel_size=FIVE)
    for destination in (sections, sections / "out.zarr", sections.parent):
        with pytest.raises(OutputError, match="would lie in, or replace, what is read"):
            convert(volume, destination, overwrite=True)


def test_unknown_suffix_and_missing_parent(tmp_path, image, opened, importlib_version):
    with pytest.raises(OutputError, match=r"cannot write .h5; use NAME.zarr"):
        convert(of(image), tmp_path / "a/x.h5")
    assert list(tmp_path.iterdir()) == []
    convert(of(image), tmp_path / "a/b/x.zarr")
    assert opened(tmp_path / "a/b/x.zarr").shape == image.shape


class Failing:
    """Reads ``values`` up to section 3; beyond, ``failure`` is raised."""

    def __init__(self, values, failure):
        self.values, self.failure = values, failure
        self.shape, self.dtype = values.shape, values.dtype

    def __getitem__(self, key):
        if self.failure is not None and key[0].start >= 4:
            raise self.failure
        return self.values[key]


@pytest.mark.parametrize("name", ["x.zarr", "x", "x.tif"])
@pytest.mark.parametrize(
    ("failure", "expected", "told"),
    [
        (VolumeError("bad section"), BlockError, "3 of 5 blocks failed.*bad section.*run the same command again"),
        (KeyboardInterrupt(), KeyboardInterrupt, None),
        (OSError(errno.ENOSPC, "full"), OutputError, "no space left on the disk; free some, then run the same"),
    ],
)
def test_what_was_stopped_goes_on(tmp_path, image, opened, name, failure, expected, told, importlib_version):
    source = Failing(image, failure)
    volume = of(source, chunks=(2, 40, 31), identity={"uri": "/memory/source"})
    with pytest.raises(expected, match=told):
        convert(volume, tmp_path / name, chunk=(2, 64, 64))
    assert not status(tmp_path / name).complete
    with pytest.raises(VolumeError):
        opened(tmp_path / name)
    source.failure = None
    convert(volume, tmp_path / name, chunk=(2, 64, 64))
    assert verify(tmp_path / name).sound
    found = opened(tmp_path / name)
    np.testing.assert_array_equal(found.read(found.box), image)
    assert sorted(p.name for p in tmp_path.iterdir()) == [name, f"{name}.journal.jsonl"]


@pytest.mark.parametrize("name", ["x.zarr", "x", "x.tif"])
def test_a_failed_overwrite_keeps_the_old(tmp_path, sections, opened, name, importlib_version):
    whole = opened(sections, voxel_size=FIVE)
    roi = Box((0, 0, 0), (5, 40, 31))
    convert(whole, tmp_path / name, roi=roi)
    damaged, file = opened(sections, voxel_size=FIVE), sections / "cell3_s_12.tif"
    content = file.read_bytes()
    file.write_bytes(content[:200])
    with pytest.raises(BlockError, match=r"cell3_s_12.tif"):
        convert(damaged, tmp_path / name, overwrite=True)
    assert opened(tmp_path / name).shape == (5, 40, 31)
    file.write_bytes(content)
    convert(damaged, tmp_path / name)
    assert opened(tmp_path / name).shape == (9, 40, 31)
    assert verify(tmp_path / name).sound
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(["sections", name, f"{name}.journal.jsonl"])


def test_a_full_disk_is_found_beforehand(tmp_path, image, monkeypatch):
    monkeypatch.setattr(output.shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
    with pytest.raises(OutputError, match=r"disk has 1 kB left, up to 12.75 kB are needed"):
        convert(of(image), tmp_path / "x.zarr")
    assert list(tmp_path.iterdir()) == []


def test_a_stale_partial_is_replaced(tmp_path, image, opened, importlib_version):
    (tmp_path / ".x.zarr.partial").mkdir()
    (tmp_path / ".x.zarr.partial/junk").write_text("from a killed run")
    convert(of(image), tmp_path / "x.zarr")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.zarr", "x.zarr.journal.jsonl"]
    assert not (tmp_path / "x.zarr/junk").exists()


def test_a_big_stack_is_a_bigtiff(tmp_path, image, opened, monkeypatch):
    monkeypatch.setattr("asem_core.volume.formats.tiff_write._CLASSIC_LIMIT", 100)
    convert(of(image), tmp_path / "big.tif")
    with tifffile.TiffFile(tmp_path / "big.tif") as tif:
        assert tif.is_bigtiff
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "big.tif"), image)


def test_stage_copies_and_keeps_the_place(tmp_path, sections, image, opened, monkeypatch):
    monkeypatch.setattr(staging, "STAGING_CHUNK", 8)
    source = opened(sections, voxel_size=FIVE)
    steps = []
    staged = copy_in_chunks(source, tmp_path / "staged", progress=lambda *step: steps.append(step))
    np.testing.assert_array_equal(staged.read(staged.box), image)
    assert (staged.chunks, staged.planewise) == ((8, 8, 8), False)
    assert (staged.identity, staged.voxel_size) == (source.identity, source.voxel_size)
    used = sum(file.stat().st_size for file in (tmp_path / "staged").rglob("*") if file.is_file())
    assert 0 < used < staged_bytes(source) + 5000
    assert steps[-1] == ("staging", 2, 2)
    with pytest.raises(OutputError, match="exists already"):
        copy_in_chunks(source, tmp_path / "staged")


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1.5, -0.1])
def test_bad_values_name_the_first_voxel(bad):
    values = np.full((5, 6, 7), 0.5, np.float32)
    check_values(of(values, chunks=(1, 6, 7)))
    values[2, 3, 4] = values[4, 0, 0] = bad
    with pytest.raises(VolumeError, match=r"voxel 2,3,4 \(z,y,x\) is"):
        check_values(of(values, chunks=(1, 6, 7)))


def test_integers_are_not_read():
    check_values(of(SimpleNamespace(shape=(1, 1, 1), dtype=np.dtype("u1"))))


def test_describe(published, opened):
    facts = describe(opened(published))
    assert facts["labels"] == ["er", "mito"]
    assert facts["size_um"] == pytest.approx([0.045, 0.16, 0.124])
    assert facts["levels"] == [[9, 40, 31]]
