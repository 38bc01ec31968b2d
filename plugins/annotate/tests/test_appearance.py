"""What supervoxels look like, and what seeds teach of it."""

from __future__ import annotations

import attrs
import numpy as np
import pytest
from asem_annotate import likeness
from asem_annotate.appearance import COLUMNS, SCALES, describe, reach
from asem_annotate.graph import adjacency
from asem_annotate.kernels import MEASURES, sum_measures
from asem_annotate.likeness import Examples, learn, learn_all
from scipy import ndimage

from asem_core import VoxelSize

from .cells import VOXELS

SHAPE = (12, 14, 13)
CUBES = np.indices(SHAPE) // 4
IDS = np.ravel_multi_index(tuple(CUBES), tuple(CUBES.reshape(3, -1).max(axis=1) + 1)).astype(np.int32)
COUNT = np.bincount(IDS.ravel())


def described(grey: np.ndarray, size: VoxelSize = VOXELS) -> np.ndarray:
    return describe(grey, IDS, voxels=COUNT, pairs=adjacency(IDS), voxel_size=size)


def measured(image: np.ndarray, steps: tuple[float, float, float] = (1, 1, 1)) -> np.ndarray:
    """The measures of every voxel."""
    ids = np.arange(image.size, dtype=np.int32).reshape(image.shape)
    sums = np.zeros((image.size, MEASURES))
    sum_measures(image.astype(np.float32), ids, np.asarray(steps, np.float64), sums)
    return sums.reshape(*image.shape, MEASURES)


def test_a_flat_image_has_its_grey_and_nothing_else() -> None:
    found = described(np.full(SHAPE, 51, np.uint8))
    assert found.shape == (len(COUNT), COLUMNS)
    for column in range(COLUMNS):
        assert np.allclose(found[:, column], 0.2 if column % MEASURES == 0 else 0, atol=1e-3), column


def test_slope_and_curvatures_are_those_of_the_image() -> None:
    z, y, x = np.indices((9, 9, 9)) - 4.0
    found = measured(0.5 * (3 * z**2 - 2 * y**2 + x**2) + z * y + 2 * x, (1, 1, 1))[4, 4, 4]
    hessian = np.array([[3, 1, 0], [1, -2, 0], [0, 0, 1.0]])
    assert found == pytest.approx([0, 0, 2, *np.linalg.eigvalsh(hessian)[::-1]], abs=1e-5)
    thick = measured(0.5 * z**2 + 4 * z, (4, 1, 1))[4, 4, 4]
    assert thick == pytest.approx([0, 0, 1, 1 / 16, 0, 0], abs=1e-5)


def test_measures_of_noise_are_those_of_a_solver() -> None:
    image = np.random.default_rng(0).random((6, 7, 8))
    found = measured(image)[1:-1, 1:-1, 1:-1]
    near = np.float32(image)

    def shifted(*step: int) -> np.ndarray:
        return near[tuple(slice(1 + s, n - 1 + s) for s, n in zip(step, near.shape, strict=True))].astype(np.float64)

    unit = np.eye(3, dtype=int)
    hessian = np.empty((*found.shape[:3], 3, 3))
    for i in range(3):
        for j in set(range(3)) - {i}:
            up, down = unit[i] + unit[j], unit[i] - unit[j]
            hessian[..., i, j] = (shifted(*up) - shifted(*down) - shifted(*-down) + shifted(*-up)) / 4
        hessian[..., i, i] = shifted(*unit[i]) + shifted(*-unit[i]) - 2 * shifted(0, 0, 0)
    assert np.allclose(found[..., 3:], np.linalg.eigvalsh(hessian)[..., ::-1], atol=1e-5)


def test_neighbours_are_averaged() -> None:
    grey = np.random.default_rng(1).integers(0, 255, SHAPE).astype(np.uint8)
    found, pairs = described(grey), adjacency(IDS)
    width = len(SCALES) * MEASURES
    own, next_to, beyond = found[:, :width], found[:, width : 2 * width], found[:, 2 * width :]
    touching = [[*pairs[pairs[:, 0] == n, 1], *pairs[pairs[:, 1] == n, 0]] for n in range(len(COUNT))]
    assert np.allclose(next_to, [own[each].mean(axis=0) for each in touching], atol=1e-6)
    assert np.allclose(beyond, [next_to[each].mean(axis=0) for each in touching], atol=1e-6)
    fine = ndimage.gaussian_filter(grey / 255, SCALES[0], mode="nearest", truncate=3)
    assert own[:, 0] == pytest.approx(ndimage.mean(fine, IDS, np.arange(len(COUNT))), abs=5e-3)
    assert own[:, 1] == pytest.approx(ndimage.standard_deviation(fine, IDS, np.arange(len(COUNT))), abs=5e-3)


def test_one_supervoxel_and_one_section_are_described() -> None:
    alone = describe(np.zeros((1, 4, 4), np.uint8), np.zeros((1, 4, 4), np.int32), voxels=np.array([16]),
                     pairs=np.zeros((0, 2), np.int32), voxel_size=VOXELS)  # fmt: skip
    assert np.array_equal(alone, np.zeros((1, COLUMNS)))


def test_reach_is_of_the_widest_gaussian_and_a_step() -> None:
    assert reach(VoxelSize((5, 5, 5))) == (12, 12, 12)
    assert reach(VoxelSize((20, 5, 5))) == (4, 12, 12)


def examples(per_kind: dict[int, int], *, apart: float = 2.0, weight: float = 1.0) -> Examples:
    """Kinds that are ``apart`` along the first of four features."""
    rng = np.random.default_rng(3)
    values = np.repeat(list(per_kind), list(per_kind.values())).astype(np.uint8)
    features = rng.normal(size=(len(values), 4)) + np.outer(values, [apart, 0, 0, 0])
    return Examples(features=features.astype(np.float32), values=values, weights=np.full(len(values), weight))


def test_the_kind_is_told_and_what_lies_far_beyond_is_told_no_better() -> None:
    taught = learn(examples({1: 300, 2: 200}), 2)
    between, like, unlike, far, farther = taught.log_odds(
        np.array([[3, 0, 0, 0], [4, 0, 0, 0], [2, 0, 0, 0], [90, 0, 0, 0], [900, 0, 0, 0]], np.float32)
    )
    assert abs(between) < 0.5
    assert like > 1 > -1 > unlike
    assert far == farther


def test_a_kind_in_the_middle_is_told_from_both_sides() -> None:
    """Which takes the squares."""
    taught = learn_all(examples({1: 200, 2: 200, 3: 200}, apart=4))
    assert set(taught) == {2, 3}
    low, middle, high = taught[2].log_odds(np.array([[4, 0, 0, 0], [8, 0, 0, 0], [12, 0, 0, 0]], np.float32))
    assert middle > 1 > -1 > max(low, high)


def test_how_much_was_painted_says_nothing() -> None:
    few, many = (learn(examples({1: n, 2: 200}), 2).log_odds(np.array([[3, 0, 0, 0]], np.float32))[0]
                 for n in (200, 4000))  # fmt: skip
    assert abs(many - few) < 0.5


def test_an_example_counts_by_its_share() -> None:
    """Those of the other kind that are next to nothing of their supervoxel might as well not be there."""
    clear = examples({1: 100, 2: 100})
    wrong = attrs.evolve(examples({2: 100}, apart=1.0), weights=np.full(100, 1e-6))
    both = Examples(**{f.name: np.concatenate([getattr(clear, f.name), getattr(wrong, f.name)])
                       for f in attrs.fields(Examples)})  # fmt: skip
    place = np.array([[2, 0, 0, 0]], np.float32)
    assert learn(both, 2).log_odds(place)[0] < -1
    assert learn(attrs.evolve(both, weights=np.ones(300)), 2).log_odds(place)[0] > -1


def test_of_very_many_some_are_learned_from(monkeypatch: pytest.MonkeyPatch) -> None:
    every = examples({1: 500, 2: 300})
    monkeypatch.setattr(likeness, "MOST", 100)
    rows = np.r_[np.arange(100) * 5, 500 + np.arange(100) * 3]
    some = Examples(**{f.name: getattr(every, f.name)[rows] for f in attrs.fields(Examples)})
    assert np.array_equal(learn(every, 2).coefficients, learn(some, 2).coefficients)


def test_one_seed_of_each_kind_and_a_feature_that_never_changes() -> None:
    features = np.array([[0, 1, 7], [0, 3, 2]], np.float32)
    taught = learn(Examples(features=features, values=np.array([1, 2], np.uint8), weights=np.ones(2)), 2)
    first, second = taught.log_odds(features)
    assert first < 0 < second
