"""A minimum cut costs as little as any labelling."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from asem_annotate.mincut import min_cut


def cost(labels: np.ndarray, gain: np.ndarray, pairs: np.ndarray, boundary: np.ndarray) -> float:
    differ = labels[pairs[:, 0]] != labels[pairs[:, 1]]
    return float(-gain[labels].sum() + boundary[differ].sum())


@pytest.mark.parametrize("seed", range(60))
def test_no_labelling_of_a_small_graph_costs_less(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 10))
    every = np.array([(a, b) for a in range(n) for b in range(a + 1, n)], np.int32)
    pairs = every[rng.random(len(every)) < 0.5]
    gain, boundary = rng.normal(0, 2, n), rng.exponential(1, len(pairs))
    fixed = rng.choice(np.array([-1, 0, 0, 1], np.int8), n)
    found = min_cut(gain, pairs, boundary, fixed=fixed)
    allowed = [np.array(labels) for labels in product([False, True], repeat=n)]
    allowed = [labels for labels in allowed if (labels[fixed != 0] == (fixed[fixed != 0] > 0)).all()]
    assert (found[fixed != 0] == (fixed[fixed != 0] > 0)).all()
    assert cost(found, gain, pairs, boundary) <= min(cost(x, gain, pairs, boundary) for x in allowed) + 1e-3


def test_nothing_to_decide() -> None:
    nothing = np.zeros((0, 2), np.int32)
    free = np.zeros(3, np.int8)
    assert not min_cut(np.zeros(3), nothing, np.zeros(0), fixed=free).any()
    assert min_cut(np.ones(3), nothing, np.zeros(0), fixed=free).all()
    assert not min_cut(-np.ones(3), nothing, np.zeros(0), fixed=free).any()


def test_energies_of_any_size() -> None:
    """Whole numbers of 32 bits must hold them."""
    pairs = np.array([[i, i + 1] for i in range(9)], np.int32)
    gain = np.array([1.0] * 5 + [-1.0] * 5)
    for size in (1e-3, 1.0, 1e6, 1e12):
        assert (
            min_cut(gain * size, pairs, np.full(9, 0.1 * size), fixed=np.zeros(10, np.int8)).tolist()
            == [True] * 5 + [False] * 5
        )
