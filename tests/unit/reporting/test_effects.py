"""Effects between conditions: against SciPy's exact test, and what few cells allow to say."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

from asem_core.reporting.comparison.effects import _ways, cliffs_delta, hodges_lehmann

counts = st.integers(3, 9)


@settings(max_examples=30, deadline=None)
@given(m=counts, n=counts, seed=st.integers(0, 1000))
def test_the_interval_holds_what_the_exact_test_does_not_reject(m: int, n: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    values, against = generator.normal(1, 1, m), generator.normal(0, 2, n)
    found = hodges_lehmann(values, against)
    unsure = 1 - found.confidence
    for end, inwards in ((found.low, 1e-9), (found.high, -1e-9)):
        inside = mannwhitneyu(values - end - inwards, against, method="exact").pvalue
        outside = mannwhitneyu(values - end + inwards, against, method="exact").pvalue
        assert outside == pytest.approx(unsure)
        assert inside > unsure + 1e-9
    assert found.confidence >= 0.95 or (found.low, found.high) == (
        values.min() - against.max(),
        values.max() - against.min(),
    )
    u = mannwhitneyu(values, against).statistic
    assert cliffs_delta(values, against) == pytest.approx(2 * u / (m * n) - 1)


@pytest.mark.parametrize(("m", "n"), [(1, 1), (2, 5), (7, 4), (30, 40)])
def test_every_order_is_counted(m: int, n: int) -> None:
    counts = _ways(m, n)
    assert sum(counts) == comb(m + n, n)
    assert counts == counts[::-1]


def test_what_few_cells_allow_is_said() -> None:
    low, high = np.array([1.0, 2.0, 3.0]), np.array([11.0, 12.0, 15.0])
    found = hodges_lehmann(high, low)
    assert (found.size, found.low, found.high) == (10.0, 8.0, 14.0)
    assert found.confidence == pytest.approx(0.9)  # 1 of 20 orders is as extreme, at either end
    assert hodges_lehmann(np.arange(4.0), np.arange(4.0)).confidence == pytest.approx(1 - 2 / 70)
    assert cliffs_delta(high, low) == 1.0


def test_a_shift_of_many_cells_is_found_in_most_intervals() -> None:
    generator = np.random.default_rng(0)
    held = 0
    for _ in range(200):
        found = hodges_lehmann(generator.gamma(2, 1, 8) + 3, generator.gamma(2, 1, 6))
        held += found.low <= 3 <= found.high
    assert held >= 0.93 * 200
