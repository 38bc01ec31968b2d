"""Batches that are drawn ahead come in order, and waiting for them is measured."""

from __future__ import annotations

from contextlib import closing
from threading import Event

import pytest

from asem_core.training.ahead import Ahead


@pytest.mark.parametrize("threads", [1, 3])
def test_all_come_in_order(threads: int) -> None:
    with closing(Ahead(lambda number: number**2, range(4, 10), threads=threads)) as ahead:
        assert [ahead.take() for _ in range(6)] == [16, 25, 36, 49, 64, 81]
        assert ahead.waited >= 0


def test_the_next_is_drawn_before_it_is_wanted() -> None:
    drawn = [Event(), Event()]
    with closing(Ahead(lambda number: drawn[number].set(), range(2), threads=1)) as ahead:
        ahead.take()
        assert drawn[1].wait(10)


def test_waiting_is_measured() -> None:
    def draw(number: int) -> int:
        Event().wait(0.05)
        return number

    with closing(Ahead(draw, range(2), threads=1)) as ahead:
        ahead.take()
        ahead.take()
        assert ahead.waited > 0.05


def test_what_fails_to_be_drawn_is_raised_and_no_more_is_drawn() -> None:
    begun = []

    def draw(number: int) -> int:
        begun.append(number)
        raise ValueError(f"no {number}")

    with closing(Ahead(draw, range(100), threads=1)) as ahead, pytest.raises(ValueError, match="no 0"):
        ahead.take()
    assert len(begun) <= 2
