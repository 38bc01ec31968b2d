from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from asem_core import VoxelSize
from asem_core.grid.reference import scale_width
from asem_core.labels.shell import Shell, shell, shell_halo

FIVE = VoxelSize((5, 5, 5))
SIZES = st.tuples(*[st.sampled_from([2.5, 5.0, 10.0, 20.0])] * 3).map(VoxelSize)
VOLUMES = arrays(np.uint8, st.tuples(*[st.integers(1, 6)] * 3), elements=st.integers(0, 2))


def ball(widths):
    """Offsets of the scaled city-block ball, from its definition and in fractions."""
    for offset in product(*(range(-w, w + 1) for w in widths)):
        if sum(abs(d) / w for d, w in zip(offset, widths, strict=True) if w) <= 1 + 1e-9:
            yield offset


def brute_force(labels, dilate, erode):
    """Voxel by voxel: near a label, and not deep inside; outside the array there is nothing."""

    def inside(voxel):
        return all(0 <= i < n for i, n in zip(voxel, labels.shape, strict=True)) and labels[voxel] != 0

    zone = np.zeros(labels.shape, bool)
    for voxel in np.ndindex(labels.shape):
        near = any(inside(tuple(np.add(voxel, d))) for d in ball(dilate))
        deep = all(inside(tuple(np.add(voxel, d))) for d in ball(erode))
        zone[voxel] = near and not deep
    return zone


@settings(deadline=None, max_examples=60)
@given(VOLUMES, st.integers(0, 3), st.integers(0, 3), SIZES)
def test_equals_brute_force(labels, dilate, erode, size):
    zone = shell(labels != 0, voxel_size=size, params=Shell(dilate=dilate, erode=erode))
    assert zone.dtype == bool
    np.testing.assert_array_equal(zone, brute_force(labels, scale_width(dilate, size), scale_width(erode, size)))


@pytest.mark.parametrize(("dilate", "erode"), [(4, 4), (2, 2), (1, 1), (3, 1), (0, 2), (2, 0), (0, 0)])
def test_equal_widths_are_iterations_of_the_cross(dilate, erode):
    labels = ndimage.gaussian_filter(np.random.default_rng(dilate).random((25, 30, 28)), 2) > 0.5
    cross = ndimage.generate_binary_structure(3, 1)
    outer = ndimage.binary_dilation(labels, cross, iterations=dilate) if dilate else labels
    inner = ndimage.binary_erosion(labels, cross, iterations=erode, border_value=0) if erode else labels
    zone = shell(labels, voxel_size=FIVE, params=Shell(dilate=dilate, erode=erode))
    np.testing.assert_array_equal(zone, outer & ~inner)


def test_anisotropic_ball():
    labels = np.zeros((7, 9, 9), bool)
    labels[3, 4, 4] = True
    zone = shell(labels, voxel_size=VoxelSize((20, 10, 5)), params=Shell(dilate=4, erode=0))
    offsets = {tuple(np.subtract(voxel, (3, 4, 4)).tolist()) for voxel in np.argwhere(zone | labels)}
    assert offsets == set(ball((1, 2, 4)))
    assert (1, 0, 0) in offsets
    assert (1, 0, 1) not in offsets
    assert (0, 1, 2) in offsets


def test_a_full_array_has_an_inner_zone_at_its_faces():
    zone = shell(np.ones((5, 5, 5), bool), voxel_size=FIVE, params=Shell(dilate=2, erode=1))
    assert not zone[1:-1, 1:-1, 1:-1].any()
    assert zone.sum() == 125 - 27


def test_empty_labels_have_no_zone():
    assert not shell(np.zeros((3, 4, 5), bool), voxel_size=FIVE, params=Shell(dilate=4, erode=4)).any()


def test_the_halo_is_the_wider_of_both_widths():
    assert shell_halo(VoxelSize((20, 10, 5)), Shell(dilate=1, erode=4)) == (1, 2, 4)


def test_negative_widths_are_refused():
    with pytest.raises(ValueError, match="'dilate' must be >= 0"):
        Shell(dilate=-1, erode=0)
