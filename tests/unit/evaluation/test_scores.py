from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asem_core.evaluation.scores import Score, Scores

COUNTS = st.integers(0, 10**12)
SCORES = st.builds(Score, tp=COUNTS, fp=COUNTS, fn=COUNTS)


@pytest.mark.parametrize(
    ("tp", "fp", "fn", "expected"),
    [
        (0, 0, 0, (1, 1, 1, 1)),
        (0, 0, 5, (0, 0, 0, 0)),
        (0, 5, 0, (0, 0, 0, 0)),
        (0, 5, 5, (0, 0, 0, 0)),
        (5, 0, 0, (1, 1, 1, 1)),
        (6, 2, 4, (0.75, 0.6, 2 / 3, 0.5)),
    ],
)
def test_ratios_and_edge_cases(tp, fp, fn, expected):
    score = Score(tp=tp, fp=fp, fn=fn)
    assert (score.precision, score.recall, score.f1, score.iou) == pytest.approx(expected)


@given(SCORES)
def test_relations_between_the_ratios(score):
    assert all(0 <= ratio <= 1 for ratio in (score.precision, score.recall, score.f1, score.iou))
    assert score.f1 == pytest.approx(2 * score.iou / (1 + score.iou))
    if score.precision + score.recall:
        harmonic = 2 * score.precision * score.recall / (score.precision + score.recall)
        assert score.f1 == pytest.approx(harmonic)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=40), st.integers(0, 40))
def test_parts_add_up(pairs, cut):
    predicted, truth = np.array(pairs, bool).reshape(-1, 2).T
    parts = Score.of(predicted[:cut], truth[:cut]) + Score.of(predicted[cut:], truth[cut:])
    assert parts == Score.of(predicted, truth)
    assert parts.tp == sum(p and t for p, t in pairs)
    assert parts.fp == sum(p and not t for p, t in pairs)
    assert parts.fn == sum(t and not p for p, t in pairs)


def test_json_keys():
    document = Scores(with_zone=Score(tp=1)).to_json()
    assert list(document) == ["with_zone", "without_zone"]
    for part in document.values():
        assert list(part) == ["tp", "fp", "fn", "precision", "recall", "f1", "iou"]


def test_counts_are_not_negative():
    with pytest.raises(ValueError, match="tp"):
        Score(tp=-1)
