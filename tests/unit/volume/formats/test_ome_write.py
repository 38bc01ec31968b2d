"""Pyramids and the OME-Zarr that they are written to."""

from __future__ import annotations

import numpy as np
import ome_zarr_models
import pytest
import tensorstore
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from asem_core.errors import OutputError
from asem_core.geometry import VoxelSize
from asem_core.volume import open_labels
from asem_core.volume.formats.ome_write import ArrayPlan, build_pyramid, create_ome_zarr, open_ome_output
from asem_core.volume.formats.zarr_array import chunk_path
from asem_core.volume.pyramid import level_shapes, mean2, mode2

SHAPES = npst.array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=5)


def cells(block):
    for index in np.ndindex(*(-(-n // 2) for n in block.shape)):
        yield index, block[tuple(slice(2 * i, 2 * i + 2) for i in index)].ravel()


@given(block=npst.arrays(st.sampled_from([np.uint8, np.uint16, np.float32]), SHAPES, elements=st.integers(0, 255)))
@settings(max_examples=60, deadline=None)
def test_mean_of_the_voxels_that_exist(block):
    found = mean2(block)
    assert found.dtype == block.dtype
    for index, values in cells(block):
        exact = values.astype(np.float64).mean()
        assert found[index] == pytest.approx(exact if block.dtype.kind == "f" else np.rint(exact))


@given(block=npst.arrays(st.sampled_from([np.uint8, np.uint64, np.bool_]), SHAPES, elements=st.integers(0, 1)))
@settings(max_examples=30, deadline=None)
def test_mode_of_two_values(block):
    check_mode(block)


@given(block=npst.arrays(np.uint32, SHAPES, elements=st.integers(0, 3)))
@settings(max_examples=60, deadline=None)
def test_mode_is_the_majority_then_a_label_then_the_smaller(block):
    check_mode(block)


@given(block=npst.arrays(st.sampled_from([np.int8, np.int32]), SHAPES, elements=st.integers(-2, 1)))
@settings(max_examples=30, deadline=None)
def test_mode_of_negative_ids_is_one_of_them(block):
    for index, values in cells(block):
        names, counts = np.unique(values, return_counts=True)
        assert mode2(block)[index] in names[counts == counts.max()]


def check_mode(block):
    found = mode2(block)
    assert found.dtype == block.dtype
    for index, values in cells(block):
        names, counts = np.unique(values, return_counts=True)
        assert found[index] == min(zip(-counts, names == 0, names, strict=True))[2]


def test_levels_end_at_128():
    assert level_shapes((128, 3, 1)) == [(128, 3, 1)]
    assert level_shapes((129, 3, 1)) == [(129, 3, 1), (65, 2, 1)]


@pytest.fixture(params=["0.4", "0.5"])
def output(request, tmp_path):
    plan = ArrayPlan(shape=(9, 300, 131), dtype=np.uint8, chunk=(8, 64, 64))
    return create_ome_zarr(
        tmp_path / "out.zarr",
        image=plan,
        labels={"mito": plan, "er": plan},
        voxel_size=VoxelSize((5.24, 4, 4)),
        lower_edge_nm=(10.0, 20.0, 30.0),
        ome_version=request.param,
        provenance={"model": "m1"},
    )


def test_output_is_valid_and_read_by_others(output, opened, registry):
    values = np.random.default_rng(0).integers(0, 4, output.image.shape).astype(np.uint8)
    output.image[:] = values
    output.labels["mito"][:] = values
    build_pyramid(output)
    root = zarr.open_group(output.path, mode="r")
    assert type(ome_zarr_models.open_ome_zarr(root)).__name__ == "Image"
    assert type(ome_zarr_models.open_ome_zarr(root["labels"])).__name__ == "Labels"
    assert type(ome_zarr_models.open_ome_zarr(root["labels/mito"])).__name__ == "ImageLabel"
    driver = "zarr" if root.metadata.zarr_format == 2 else "zarr3"
    store = {"driver": "file", "path": str(output.path / "labels/mito/1")}
    other = tensorstore.open({"driver": driver, "kvstore": store}).result().read().result()
    np.testing.assert_array_equal(other, mode2(values))
    assert opened(output.path).lower_edge_nm == pytest.approx((10.0, 20.0, 30.0))
    assert opened(output.path).voxel_size == VoxelSize((5.24, 4, 4))
    labels = open_labels(output.path, "mito", registry=registry)
    np.testing.assert_array_equal(labels.read(labels.box), values)


def test_ome_zarr_py_sees_the_same(output):
    """The reference implementation: voxels and place of every level of the image and of the labels."""
    from ome_zarr.io import parse_url
    from ome_zarr.reader import Reader

    generator = np.random.default_rng(1)
    output.image[:] = generator.integers(0, 256, output.image.shape).astype(np.uint8)
    for array in output.labels.values():
        array[:] = generator.integers(0, 3, array.shape).astype(array.dtype)
    build_pyramid(output)
    nodes = {node.zarr.path.rstrip("/").rpartition("/")[2]: node for node in Reader(parse_url(output.path))()}
    assert nodes.keys() >= {output.path.name, "mito", "er"}
    for name, levels in {output.path.name: output.image_levels, **output.label_levels}.items():
        metadata = nodes[name].metadata
        assert [axis["unit"] for axis in metadata["axes"]] == ["nanometer"] * 3
        for level, array in enumerate(levels):
            np.testing.assert_array_equal(np.asarray(nodes[name].data[level]), array[:])
            size = np.array([5.24, 4, 4]) * 2**level
            scale, translation = (step[step["type"]] for step in metadata["coordinateTransformations"][level])
            np.testing.assert_allclose(scale, size)
            np.testing.assert_allclose(translation, np.array([10, 20, 30]) + size / 2)


def test_the_image_is_named_after_its_file(tmp_path):
    plan = ArrayPlan(shape=(1, 1, 1), dtype=np.uint8, chunk=(1, 1, 1))
    common = {"labels": {}, "voxel_size": VoxelSize((5, 5, 5)), "lower_edge_nm": (0, 0, 0), "provenance": {}}
    for folder in ("cell_1.zarr", ".cell_1.zarr.partial", ".cell_1.zarr.unfinished"):
        create_ome_zarr(tmp_path / folder, image=plan, **common)
        assert zarr.open_group(tmp_path / folder, mode="r").attrs["multiscales"][0]["name"] == "cell_1"


def test_a_level_is_a_volume_too(output, opened):
    level = opened(output.path / "1")
    assert level.format == "ome-zarr"
    assert level.shape == (5, 150, 66)
    assert level.voxel_size == VoxelSize((10.48, 8, 8))
    assert level.lower_edge_nm == pytest.approx((10.0, 20.0, 30.0))


def test_levels_are_placed_on_one_lower_edge(output, opened):
    root = zarr.open_group(output.path, mode="r")
    found = root.attrs.get("ome", root.attrs)["multiscales"][0]
    assert [axis["unit"] for axis in found["axes"]] == ["nanometer"] * 3
    for level, dataset in enumerate(found["datasets"]):
        scale, translation = (step[step["type"]] for step in dataset["coordinateTransformations"])
        np.testing.assert_allclose(scale, np.array([5.24, 4, 4]) * 2**level)
        centre0 = np.array([10, 20, 30]) + np.array([5.24, 4, 4]) / 2
        np.testing.assert_allclose(translation, centre0 + (2**level - 1) / 2 * np.array([5.24, 4, 4]))
    assert root.attrs["asem"] == {"model": "m1", "label_images": ["mito", "er"]}


def test_pyramid_in_chunks_is_the_pyramid_of_the_whole_and_can_be_repeated(output):
    values = np.random.default_rng(0).integers(0, 256, output.image.shape).astype(np.uint8)
    output.image[:] = values
    steps = []
    for _ in range(2):
        build_pyramid(open_ome_output(output.path, labels=output.labels), progress=lambda *step: steps.append(step))
        expected = values
        for level in output.image_levels[1:]:
            expected = mean2(expected)
            np.testing.assert_array_equal(level[:], expected)
    assert steps[-1][1] == steps[-1][2]


def test_reopened_output_writes_empty_chunks_too(output):
    again = open_ome_output(output.path, labels=["er"])
    assert list(again.labels) == ["er"]
    for array in (again.image, again.labels["er"]):
        array[0:8, 0:64, 64:128] = 0
        assert chunk_path(array, (0, 0, 1)).is_file()
        assert not chunk_path(array, (0, 1, 1)).exists()


def test_existing_and_missing_outputs(output, tmp_path):
    with pytest.raises(OutputError, match="exists already; use --overwrite"):
        create_ome_zarr(
            output.path,
            image=ArrayPlan(shape=(1, 1, 1), dtype=np.uint8, chunk=(1, 1, 1)),
            labels={},
            voxel_size=VoxelSize((5, 5, 5)),
            lower_edge_nm=(0, 0, 0),
            provenance={},
        )
    with pytest.raises(OutputError, match="cannot be continued"):
        open_ome_output(tmp_path / "nothing.zarr", labels=[])
