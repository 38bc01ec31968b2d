"""Dilation by the scaled ball: widths and ids that do not fit into a byte or a word."""

from __future__ import annotations

import numpy as np
import pytest

from asem_core.geometry import Triple
from asem_core.labels.ball import dilate_ids, dilate_mask


@pytest.mark.parametrize("widths", [(1, 1, 1), (4, 4, 4), (0, 3, 50), (2, 0, 7), (9, 9, 9)])
def test_a_single_voxel_becomes_the_ball(widths: Triple) -> None:
    mask = np.zeros((21, 21, 103), np.bool_)
    mask[10, 10, 51] = True
    apart = np.indices(mask.shape) - np.reshape((10, 10, 51), (3, 1, 1, 1))
    share = sum(np.abs(d) / w if w else np.where(d == 0, 0, 2) for d, w in zip(apart, widths, strict=True))
    np.testing.assert_array_equal(dilate_mask(mask, widths), share <= 1 + 1e-9)


def test_ids_of_64_bits_grow_as_small_ones_do() -> None:
    rng = np.random.default_rng(0)
    labels = np.where(rng.random((12, 13, 14)) < 0.02, rng.integers(1, 9, (12, 13, 14)), 0).astype(np.uint64)
    far = np.uint64(2**40)
    grown = dilate_ids(labels, (2, 2, 2))
    assert (grown > 0).sum() > (labels > 0).sum()
    large = dilate_ids(np.where(labels > 0, labels + far, np.uint64(0)), (2, 2, 2))
    np.testing.assert_array_equal(large, np.where(grown > 0, grown + far, np.uint64(0)))


def test_labels_without_background_stay() -> None:
    labels = np.arange(1, 28).reshape(3, 3, 3)
    np.testing.assert_array_equal(dilate_ids(labels, (1, 1, 1)), labels)
