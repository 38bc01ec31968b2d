"""Resampling of labels against a brute force in exact fractions."""

from __future__ import annotations

import math
from collections import defaultdict
from fractions import Fraction
from itertools import product

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asem_core.geometry import Box
from asem_core.grid import resample as module
from asem_core.grid.mirror import read_mirrored
from asem_core.grid.resample import resample, resample_labels, source_box
from asem_core.volume.pyramid import mode2

Labels = npt.NDArray[np.unsignedinteger]
Ratio = tuple[float, float, float]

EXACT = st.sampled_from(
    [Fraction(n, d) for n, d in [(1, 2), (2, 3), (4, 5), (1, 1), (5, 4), (3, 2), (2, 1), (5, 2), (10, 3), (4, 1)]]
)
EXACT_RATIOS = st.tuples(EXACT, EXACT, EXACT)
ANY = st.one_of(st.floats(0.2, 4.0), st.sampled_from([0.5, 1.0, 2.0, 5 / 3.4, 5 / 4, 10 / 3]))


def whole_axis(ratio: Fraction, n: int) -> list[list[tuple[int, Fraction]]]:
    """Per target voxel that lies inside, the source voxels that count and their shares."""
    found = []
    for target in range(max(1, math.floor(n / ratio))):
        lower, upper = target * ratio, min((target + 1) * ratio, Fraction(n))
        if ratio > 1:
            overlaps = [(s, min(upper, Fraction(s + 1)) - max(lower, Fraction(s))) for s in range(n)]
            found.append([(s, o) for s, o in overlaps if o > 0])
        else:
            found.append([(math.floor((target + Fraction(1, 2)) * ratio), Fraction(1))])
    return found


def brute_force(labels: Labels, ratio: tuple[Fraction, ...]) -> Labels:
    axes = [whole_axis(r, n) for r, n in zip(ratio, labels.shape, strict=True)]
    out = np.empty([len(axis) for axis in axes], labels.dtype)
    for place in product(*(range(n) for n in out.shape)):
        share: dict[int, Fraction] = defaultdict(Fraction)
        for taps in product(*(axis[i] for axis, i in zip(axes, place, strict=True))):
            share[int(labels[tuple(s for s, _ in taps)])] += math.prod(w for _, w in taps)
        most = max(share.values())
        ties = [label for label, found in share.items() if found == most]
        out[place] = min(ties, key=lambda label: (label == 0, label))
    return out


def mirrored(labels: Labels, target: Box, ratio: Ratio) -> Labels:
    needed = source_box(target, ratio)
    block = read_mirrored(lambda box: labels[box.slices], labels.shape, needed)
    return resample_labels(block, needed.start, target, ratio)


def few_labels(seed: int, shape: tuple[int, int, int], dtype: str = "u8") -> Labels:
    ids = np.array([0, 0, 1, 2, np.iinfo(dtype).max], dtype)
    return np.random.default_rng(seed).choice(ids, shape)


@settings(deadline=None, max_examples=25)
@given(EXACT_RATIOS, st.integers(0, 2**32 - 1), st.sampled_from(["u1", "u2", "u4", "u8"]))
def test_equals_the_brute_force_ties_included(
    ratio: tuple[Fraction, Fraction, Fraction], seed: int, dtype: str
) -> None:
    labels = few_labels(seed, (6, 5, 7), dtype)
    expected = brute_force(labels, ratio)
    result = mirrored(labels, Box.of_shape(expected.shape), (float(ratio[0]), float(ratio[1]), float(ratio[2])))
    assert result.dtype == labels.dtype
    np.testing.assert_array_equal(result, expected)


@settings(deadline=None, max_examples=50)
@given(st.tuples(ANY, ANY, ANY), st.integers(0, 2**32 - 1), st.data())
def test_a_block_is_the_same_part_of_the_whole(ratio: Ratio, seed: int, data: st.DataObject) -> None:
    labels = few_labels(seed, (11, 12, 10))
    shape = [max(1, math.ceil(n / r)) for n, r in zip(labels.shape, ratio, strict=True)]
    whole = mirrored(labels, Box.of_shape(shape), ratio)
    cuts = [sorted((data.draw(st.integers(0, n - 1)), data.draw(st.integers(1, n)))) for n in shape]
    part = Box([a for a, _ in cuts], [max(b, a + 1) for a, b in cuts])
    np.testing.assert_array_equal(mirrored(labels, part, ratio), whole[part.slices])


def test_two_to_one_is_the_pyramids_mode() -> None:
    labels = few_labels(4, (16, 14, 18))
    np.testing.assert_array_equal(
        resample_labels(labels, (0, 0, 0), Box.of_shape((8, 7, 9)), (2.0, 2.0, 2.0)), mode2(labels)
    )


@settings(deadline=None, max_examples=25)
@given(st.tuples(*[st.sampled_from([1.0, 2.0, 4.0])] * 3), st.integers(0, 2**32 - 1))
def test_of_binary_labels_it_is_the_mean_from_one_half_on(ratio: Ratio, seed: int) -> None:
    """Shares that float32 holds exactly; half and half occurs in most voxels of two."""
    labels = np.random.default_rng(seed).integers(0, 2, (8, 8, 8)).astype(np.uint8)
    target = Box.of_shape([int(n / r) for n, r in zip(labels.shape, ratio, strict=True)])
    mean = resample(labels, (0, 0, 0), target, ratio)
    np.testing.assert_array_equal(resample_labels(labels, (0, 0, 0), target, ratio), mean >= 0.5)


def test_the_upper_of_two_voxels_that_are_equally_near() -> None:
    labels = np.array([[[4, 9]]], np.uint8)
    result = resample_labels(labels, (0, 0, 0), Box.of_shape((1, 1, 3)), (1.0, 1.0, 2 / 3))
    assert result.ravel().tolist() == [4, 9, 9]


def test_sorting_in_small_parts_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = few_labels(7, (10, 9, 8))
    target, ratio = Box.of_shape((6, 6, 5)), (1.5, 1.5, 1.5)
    at_once = mirrored(labels, target, ratio)
    monkeypatch.setattr(module, "_GATHERED", 1)
    np.testing.assert_array_equal(mirrored(labels, target, ratio), at_once)


def test_booleans_stay_booleans() -> None:
    result = resample_labels(np.ones((2, 2, 2), np.bool_), (0, 0, 0), Box.of_shape((1, 1, 1)), (2.0, 2.0, 2.0))
    assert result.dtype == np.bool_
    assert result.all()
