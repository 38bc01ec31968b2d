"""What training reads: labels on the recipe's grid."""

from __future__ import annotations

from pathlib import Path

import attrs
import numpy as np
import pytest
import zarr

from asem_core.errors import GeometryError, PluginError, RecipeError
from asem_core.geometry import Box, VoxelSize, resampled_shape
from asem_core.grid.mirror import mirrored_index, read_mirrored
from asem_core.grid.resample import resample, source_box
from asem_core.network import TILE_HALO
from asem_core.preprocessing.stages import make_steps, measure, normalised
from asem_core.registry import make_registry
from asem_core.specs import StageRef
from asem_core.training.recipe import Data
from asem_core.training.volumes import load_data
from asem_core.volume import open_volume
from asem_core.volume.address import beside


@pytest.mark.parametrize("voxel", [(5, 5, 5), (10, 10, 10), (20, 10, 5)])
def test_labels_by_mode_are_those_with_a_mean_of_one_half(tmp_path: Path, voxel: tuple[float, float, float]) -> None:
    drawn = np.random.default_rng(3).integers(0, 2, (36, 17, 18)).astype(np.uint8) * 7
    for name in ("raw", "labels"):
        zarr.create_array(tmp_path / name, data=drawn).attrs["resolution"] = [5, 5, 5]
    data = Data(raw="raw", labels="labels", roi="1:36,0:17,2:18")
    grid = VoxelSize(voxel)
    loaded = load_data(data, folder=tmp_path, organelle="mito", grid=grid, registry=make_registry())
    cut = (drawn[1:, :, 2:] != 0).astype(np.float32)
    target = Box.of_shape(resampled_shape(cut.shape, VoxelSize((5, 5, 5)), grid))
    ratio = VoxelSize((5, 5, 5)).ratio_to(grid)
    needed = source_box(target, ratio)
    block = read_mirrored(lambda box: cut[box.slices], cut.shape, needed)
    mean = resample(block, needed.start, target, ratio)
    assert (mean == 0.5).any() == (voxel != (5, 5, 5))
    np.testing.assert_array_equal(loaded.labels, mean >= 0.5)
    assert loaded.labels.dtype == np.uint8


def test_the_mask_comes_along_and_must_fit(tmp_path: Path) -> None:
    cell = np.zeros((12, 10, 8), np.uint8)
    cell[:, 2:6] = 1
    for name, values in (("raw", cell * 90), ("mask", cell), ("other", cell[1:])):
        zarr.create_array(tmp_path / name, data=values).attrs["resolution"] = [5, 5, 5]
    grid, registry = VoxelSize((10, 10, 10)), make_registry()
    data = Data(raw="raw", labels="mask", mask="mask", roi="2:12,0:10,0:8")
    loaded = load_data(data, folder=tmp_path, organelle="mito", grid=grid, registry=registry)
    np.testing.assert_array_equal(loaded.inside, cell[2::2, ::2, ::2])
    with pytest.raises(GeometryError, match=r"other \(0:11,0:10,0:8 .*does not cover .*raw \(0:12,0:10,0:8 "):
        load_data(attrs.evolve(data, mask="other"), folder=tmp_path, organelle="mito", grid=grid, registry=registry)


def test_stages_run_on_raw_as_in_a_segmentation(tmp_path: Path) -> None:
    cell = np.random.default_rng(4).gamma(3, 30, (20, 24, 22)).clip(0, 255).astype(np.uint8)
    zarr.create_array(tmp_path / "raw", data=cell).attrs["resolution"] = [5, 5, 5]
    registry, grid, roi = make_registry(), VoxelSize((10, 10, 10)), Box((4, 2, 0), (16, 22, 20))
    clahe, halved = StageRef(name="clahe", params={"kernel": 8}), StageRef(name="scale_linear", params={"gain": 0.5})
    loaded = load_data(
        Data(raw="raw", labels="raw", roi=str(roi)),
        folder=tmp_path,
        organelle="mito",
        grid=grid,
        registry=registry,
        stages=(clahe, halved),
    )
    volume, steps = open_volume(tmp_path / "raw", registry=registry), make_steps([clahe], registry)
    equal = normalised(volume, steps, measure(volume, steps)).read(roi).astype(np.float32)
    means = equal.reshape(6, 2, 10, 2, 10, 2).mean((1, 3, 5))
    np.testing.assert_allclose(loaded.raw, (0.5 * means - 1) / 255, atol=1e-6)
    with pytest.raises(PluginError, match="'scale_linear' gives float32, but 'clahe' after it must be given uint8"):
        load_data(
            Data(raw="raw", labels="raw"),
            folder=tmp_path,
            organelle="mito",
            grid=grid,
            registry=registry,
            stages=(halved, clahe),
        )


def test_labels_beyond_raw_are_cut_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    cell = np.random.default_rng(5).integers(0, 2, (12, 10, 8)).astype(np.uint8)
    raw = zarr.create_array(tmp_path / "raw", data=cell[2:10, 1:9, :6])
    raw.attrs.update({"resolution": [5, 5, 5], "offset": [110, 105, 100]})
    labels = zarr.create_array(tmp_path / "labels", data=cell)
    labels.attrs.update({"resolution": [5, 5, 5], "offset": [100, 100, 100]})

    def load() -> np.ndarray:
        data, grid = Data(raw="raw", labels="labels"), VoxelSize((5, 5, 5))
        return load_data(data, folder=tmp_path, organelle="mito", grid=grid, registry=make_registry()).labels

    np.testing.assert_array_equal(load(), cell[2:10, 1:9, :6])
    assert "is cut to" in caplog.text
    labels.attrs["offset"] = [115, 100, 100]
    with pytest.raises(GeometryError, match=r"labels .*does not cover .*raw"):
        load()
    labels.attrs["resolution"] = [4, 5, 5]
    with pytest.raises(GeometryError, match=r"labels has voxels of 4 x 5 x 5 nm but .*raw has 5 x 5 x 5 nm"):
        load()


def test_a_recipe_may_name_urls(tmp_path: Path) -> None:
    assert beside(tmp_path, "s3://bucket/cell.zarr") == "s3://bucket/cell.zarr"
    assert beside(tmp_path, "cell.zarr") == str(tmp_path / "cell.zarr")


def test_what_is_left_out_does_not_count(tmp_path: Path) -> None:
    """Also where it covers a voxel of the grid in part; strokes say by themselves what counts."""
    drawn = np.random.default_rng(3).integers(0, 3, (12, 16, 20)).astype(np.uint8)
    for name in ("raw", "labels"):
        zarr.create_array(tmp_path / name, data=drawn).attrs["resolution"] = [5, 5, 5]
    data = Data(raw="raw", labels="labels", roi="2:12,0:16,0:20", left_out=("4:8,0:16,3:7", "0:3,0:2,0:2"))
    grid = VoxelSize((10, 10, 10))
    loaded = load_data(data, folder=tmp_path, organelle="mito", grid=grid, registry=make_registry())
    expected = np.ones((5, 8, 10), np.uint8)
    expected[1:3, :, 1:4] = expected[0, 0, 0] = 0
    np.testing.assert_array_equal(loaded.inside, expected)
    fine = attrs.evolve(data, left_out=(), unlabelled=0)
    loaded = load_data(fine, folder=tmp_path, organelle="mito", grid=VoxelSize((5, 5, 5)), registry=make_registry())
    np.testing.assert_array_equal(loaded.inside, drawn[2:] != 0)
    np.testing.assert_array_equal(loaded.labels, drawn[2:] == 2)


def test_negative_labels_are_refused_unless_they_are_those_that_nobody_has_judged(tmp_path: Path) -> None:
    drawn = np.ones((12, 10, 8), np.int16)
    drawn[:4] = 0
    drawn[8:] = -1
    for name, voxels in (("raw", (np.arange(960).reshape(drawn.shape) // 4).astype(np.uint8)), ("labels", drawn)):
        zarr.create_array(tmp_path / name, data=voxels).attrs["resolution"] = [5, 5, 5]
    known = {"folder": tmp_path, "organelle": "mito", "grid": VoxelSize((5, 5, 5)), "registry": make_registry()}
    loaded = load_data(Data(raw="raw", labels="labels", unlabelled=-1), **known)
    np.testing.assert_array_equal(loaded.labels, drawn == 1)
    np.testing.assert_array_equal(loaded.inside, drawn >= 0)
    for unlabelled in (None, 0):
        with pytest.raises(
            RecipeError, match=r"^labels holds -1, but labels are 0 and above.*say so with unlabelled: -1, "
        ):
            load_data(Data(raw="raw", labels="labels", unlabelled=unlabelled), **known)


def test_auto_grey_is_that_of_the_whole_volume(tmp_path: Path) -> None:
    """So two parts of it look alike, and like the volume when it is segmented."""
    cell = np.random.default_rng(4).integers(20, 60, (20, 24, 40)).astype(np.uint8)
    cell[:, :, 20:] += 120
    for name in ("raw", "labels"):
        zarr.create_array(tmp_path / name, data=cell).attrs["resolution"] = [5, 5, 5]
    known = {"folder": tmp_path, "organelle": "mito", "grid": VoxelSize((5, 5, 5)), "registry": make_registry()}
    dark, pale = (load_data(Data(raw="raw", labels="labels", grey="auto", roi=f"0:20,0:24,{span}"), **known).raw
                  for span in ("0:20", "20:40"))  # fmt: skip
    assert dark.max() < 0.4 < 0.6 < pale.min()


def test_a_mask_that_states_another_voxel_size_is_refused(tmp_path: Path) -> None:
    cell = np.ones((12, 10, 8), np.uint8)
    for name, step in (("raw", 5), ("labels", None), ("mask", 10)):
        array = zarr.create_array(tmp_path / name, data=cell)
        if step is not None:
            array.attrs["resolution"] = [step] * 3
    with pytest.raises(GeometryError, match=r"mask has voxels of 10 x 10 x 10 nm but .*raw has 5 x 5 x 5 nm"):
        load_data(Data(raw="raw", labels="labels", mask="mask"), folder=tmp_path, organelle="mito",
                  grid=VoxelSize((5, 5, 5)), registry=make_registry())  # fmt: skip


def test_labels_need_to_cover_no_more_than_the_roi(tmp_path: Path) -> None:
    drawn = np.random.default_rng(3).integers(0, 2, (12, 16, 20)).astype(np.uint8)
    zarr.create_array(tmp_path / "raw", data=drawn).attrs.update(resolution=[5, 5, 5], offset=[0, 0, 0])
    zarr.create_array(tmp_path / "part", data=drawn[4:8]).attrs.update(resolution=[5, 5, 5], offset=[20, 0, 0])
    data, grid = Data(raw="raw", labels="part", roi="4:8,0:16,0:20"), VoxelSize((5, 5, 5))
    loaded = load_data(data, folder=tmp_path, organelle="mito", grid=grid, registry=make_registry())
    np.testing.assert_array_equal(loaded.labels, drawn[4:8])
    with pytest.raises(GeometryError, match=r"part .*does not cover 3:8,0:16,0:20 of .*raw"):
        load_data(attrs.evolve(data, roi="3:8,0:16,0:20"), folder=tmp_path, organelle="mito", grid=grid,
                  registry=make_registry())  # fmt: skip


@pytest.mark.parametrize("voxel", [(5, 5, 5), (10, 10, 10), (8, 8, 8), (2.5, 5, 5)])
def test_context_is_the_image_round_the_roi(tmp_path: Path, voxel: tuple[float, float, float]) -> None:
    """And what lies in the ROI is the same as in the middle of a larger one."""
    cell = np.random.default_rng(4).integers(0, 256, (40, 40, 40), np.uint8)
    for name in ("raw", "labels"):
        zarr.create_array(tmp_path / name, data=cell).attrs["resolution"] = [5, 5, 5]
    grid, registry = VoxelSize(voxel), make_registry()
    data = Data(raw="raw", labels="labels", roi="16:24,16:24,16:24", context=True)
    loaded = load_data(data, folder=tmp_path, organelle="mito", grid=grid, registry=registry)
    whole = load_data(attrs.evolve(data, roi=None, context=False), folder=tmp_path, organelle="mito", grid=grid,
                      registry=registry)  # fmt: skip
    assert loaded.context == TILE_HALO
    assert loaded.raw.shape == tuple(n + 2 * TILE_HALO for n in loaded.labels.shape)
    first = [round(16 * 5 / v) for v in voxel]
    at = np.ix_(*(mirrored_index(f - TILE_HALO, f + n + TILE_HALO, m)
                  for f, n, m in zip(first, loaded.labels.shape, whole.raw.shape, strict=True)))  # fmt: skip
    np.testing.assert_allclose(loaded.raw, whole.raw[at], atol=1e-6)
