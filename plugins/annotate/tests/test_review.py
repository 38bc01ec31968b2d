"""Proofreading as the widget does it, without a window."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from asem_annotate import proofread
from asem_annotate.proofread.review import Pick, Review

from asem_core import AsemError, Box

from .drawn import CRUMB, CUT, FUSED, LEFT, POINTS, RIGHT, SHAPE, draw, write_drawn

WHOLE = Box.of_shape(SHAPE)
IN_LEFT, IN_RIGHT, IN_CRUMB = (15, 18, 80), (15, 18, 100), (2, 31, 71)


@pytest.fixture
def review(tmp_path: Path) -> Review:
    return Review(proofread.open_proof(write_drawn(tmp_path / "mito.zarr", draw())), user="ann")


def order(review: Review) -> list[int]:
    return [row.id for row in review.rows]


def told(review: Review) -> list[str]:
    return [operation.told for operation in proofread.log(review.proof)]


def test_the_queue_is_walked_through(review: Review) -> None:
    expected = [row.id for row in proofread.queue(review.proof)]
    assert order(review) == expected
    assert review.current == expected[0]
    assert [review.step(1).id for _ in range(6)] == [*expected[1:], expected[-1], expected[-1]]  # type: ignore[union-attr]
    assert review.step(-1).id == expected[-2]  # type: ignore[union-attr]
    assert review.look_at(0).id == review.current == expected[0]
    contact = Review(review.proof, by="contact")
    assert order(contact) == [row.id for row in proofread.queue(review.proof, by="contact")]


def test_what_is_picked(review: Review) -> None:
    assert review.pick(IN_LEFT) == Pick(LEFT, IN_LEFT)
    assert review.pick(IN_RIGHT, more=True) == Pick(RIGHT, IN_RIGHT)
    assert review.chosen == (LEFT, RIGHT)
    assert review.pick(IN_LEFT) == Pick(LEFT, IN_LEFT)
    assert review.chosen == (LEFT,)
    assert review.pick((0, 0, 0), more=True) is None
    assert review.chosen == (LEFT,)
    assert review.pick((-1, 0, 900)) is None
    assert review.chosen == (review.current,)


def test_every_operation_is_that_of_the_library(review: Review, tmp_path: Path) -> None:
    other = proofread.open_proof(write_drawn(tmp_path / "other.zarr", draw()))
    review.pick(IN_LEFT)
    review.pick(IN_RIGHT, more=True)
    review.merge()
    proofread.merge(other, (LEFT, RIGHT))
    review.pick(POINTS[0])
    review.pick(POINTS[1], more=True)
    review.split()
    proofread.split(other, FUSED, points=POINTS)
    review.pick(IN_CRUMB)
    review.delete()
    proofread.delete(other, (CRUMB,))
    review.look_at(order(review).index(CUT))
    review.recategorise("lysosome")
    proofread.recategorise(other, (CUT,), category="lysosome")
    review.accept()
    proofread.accept(other, (CUT,))
    assert told(review) == [operation.told for operation in proofread.log(other)]
    assert {line.user for line in proofread.log(review.proof)} == {"ann"}
    assert np.array_equal(review.volume.read(WHOLE), other.edited().ids(WHOLE))
    review.undo()
    assert CUT in order(review)
    assert told(review)[-1] == "undo 5"


def test_what_leaves_the_queue_makes_room_for_the_next(review: Review) -> None:
    before = order(review)
    review.step(1)
    review.accept()
    assert review.current == before[2]
    review.undo()
    assert review.current == before[2]
    for _ in before:
        review.accept()
    assert review.row is None
    assert review.current is None
    assert review.step(1) is None
    with pytest.raises(AsemError, match="the queue is empty: click"):
        review.delete()


def test_too_little_is_picked(review: Review) -> None:
    review.pick(IN_LEFT)
    with pytest.raises(AsemError, match="another one with Shift: these are merged"):
        review.merge()
    review.pick(IN_RIGHT, more=True)
    with pytest.raises(AsemError, match="another place in it: it is cut"):
        review.split()
    assert told(review) == []


def test_the_label_as_it_is_now_is_read_in_any_box(review: Review) -> None:
    review.pick(POINTS[0])
    review.pick(POINTS[1], more=True)
    review.split()
    box = Box((10, 5, 15), (20, 30, 60))
    assert np.array_equal(review.volume.read(box), review.edited.ids(WHOLE)[box.slices])
    assert len(np.unique(review.volume.read(box))) == 3
