from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from asem_core.geometry import VoxelSize
from asem_core.labels.rules import FillHoles, RemoveSmallObjects, fill_holes, remove_small_objects

FIVE = VoxelSize((5, 5, 5))
VOLUMES = arrays(np.uint16, st.tuples(*[st.integers(1, 7)] * 3), elements=st.integers(0, 3))


@settings(deadline=None, max_examples=50)
@given(VOLUMES, st.integers(0, 30))
def test_remove_small_objects_equals_scipy_and_is_idempotent(labels, min_voxels):
    params = RemoveSmallObjects(min_voxels=min_voxels)
    cleaned = remove_small_objects(labels, voxel_size=FIVE, params=params)
    objects, count = ndimage.label(labels, np.ones((3, 3, 3)))
    expected = labels.copy()
    for index in range(1, count + 1):
        if (objects == index).sum() < min_voxels:
            expected[objects == index] = 0
    assert cleaned.dtype == labels.dtype
    np.testing.assert_array_equal(cleaned, expected)
    np.testing.assert_array_equal(remove_small_objects(cleaned, voxel_size=FIVE, params=params), cleaned)


@settings(deadline=None, max_examples=50)
@given(VOLUMES, st.integers(0, 30))
def test_fill_holes_is_idempotent_and_touches_only_enclosed_background(labels, max_voxels):
    params = FillHoles(max_voxels=max_voxels)
    filled = fill_holes(labels, voxel_size=FIVE, params=params)
    np.testing.assert_array_equal(filled[labels != 0], labels[labels != 0])
    assert not (filled[~ndimage.binary_fill_holes(labels != 0)]).any()
    np.testing.assert_array_equal(fill_holes(filled, voxel_size=FIVE, params=params), filled)


def test_all_enclosed_holes_are_those_of_scipy():
    labels = (np.random.default_rng(0).random((14, 15, 16)) > 0.3).astype(np.uint8)
    filled = fill_holes(labels, voxel_size=FIVE, params=FillHoles(max_voxels=labels.size))
    np.testing.assert_array_equal(filled != 0, ndimage.binary_fill_holes(labels))


@pytest.mark.parametrize(("voxels", "stays"), [(26, False), (27, True)])
def test_the_limit_at_5_nm_is_27_voxels(voxels, stays):
    labels = np.zeros((3, 3, 5), np.uint8)
    labels[:, :, :3] = 1
    labels[0, 0, 0] = voxels - 26
    assert remove_small_objects(labels, voxel_size=FIVE, params=RemoveSmallObjects()).any() == stays


@pytest.mark.parametrize(("voxels", "stays"), [(3, False), (4, True)])
def test_the_limit_scales_with_the_voxel_volume(voxels, stays):
    labels = np.zeros((1, 1, 8), np.uint8)
    labels[..., :voxels] = 1
    cleaned = remove_small_objects(labels, voxel_size=VoxelSize((10, 10, 10)), params=RemoveSmallObjects())
    assert cleaned.any() == stays


def test_a_hole_takes_the_id_of_most_of_its_neighbours():
    labels = np.full((3, 3, 5), 4, np.uint32)
    labels[..., 3:] = 9
    labels[1, 1, 2:4] = 0
    filled = fill_holes(labels, voxel_size=FIVE, params=FillHoles())
    assert filled[1, 1, 2:4].tolist() == [4, 4], "five faces each: the lowest id"
    labels[1, 1, 1] = 9
    assert fill_holes(labels, voxel_size=FIVE, params=FillHoles())[1, 1, 2:4].tolist() == [9, 9]


def test_a_hole_at_the_limit_stays():
    labels = np.ones((3, 3, 6), np.uint8)
    labels[1, 1, 1:5] = 0
    assert (fill_holes(labels, voxel_size=FIVE, params=FillHoles(max_voxels=4)) == labels).all()
    assert fill_holes(labels, voxel_size=FIVE, params=FillHoles(max_voxels=5)).all()


def test_the_input_is_not_changed():
    labels = np.ones((3, 3, 3), np.uint8)
    labels[1, 1, 1] = 0
    before = labels.copy()
    fill_holes(labels, voxel_size=FIVE, params=FillHoles())
    remove_small_objects(labels, voxel_size=FIVE, params=RemoveSmallObjects())
    np.testing.assert_array_equal(labels, before)
