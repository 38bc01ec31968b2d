"""Batches drawn while the step before is computed, so that a step seldom waits for one."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")


class Ahead(Generic[T]):
    """``draw(number)`` for each of ``numbers``, in order; as many are drawn ahead as there are threads."""

    def __init__(self, draw: Callable[[int], T], numbers: Iterable[int], *, threads: int) -> None:
        self._draw = draw
        self._numbers = iter(numbers)
        self._coming: deque[Future[T]] = deque()
        self._pool = ThreadPoolExecutor(threads)
        self.waited = 0.0
        """Seconds that `take` has waited."""
        for _ in range(threads):
            self._begin_one()

    def take(self) -> T:
        """The next one."""
        began = time.monotonic()
        drawn = self._coming.popleft().result()
        self.waited += time.monotonic() - began
        self._begin_one()
        return drawn

    def close(self) -> None:
        """Draw no more; what is being drawn is waited for."""
        self._pool.shutdown(cancel_futures=True)

    def _begin_one(self) -> None:
        number = next(self._numbers, None)
        if number is not None:
            self._coming.append(self._pool.submit(self._draw, number))
