"""Losses that are read some iterations late, so that a GPU need not stop for each; told in order, and all of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import attrs
import torch
from torch import Tensor


@attrs.frozen(kw_only=True, eq=False)
class Taken:
    """An iteration that was begun on the device."""

    iteration: int
    """Counted from 1."""
    loss: Tensor
    rate: float
    seconds: float
    """Since the run began."""
    waited: float
    """Seconds of these in which it waited for blocks."""


def behind(device: torch.device) -> int:
    """Iterations by which losses are read late: 1 on a GPU, which then computes one while the last is told."""
    return 1 if device.type == "cuda" else 0


class Late:
    """Calls ``tell(taken, loss)`` for every `Taken`, in order: at most ``behind`` are held back."""

    def __init__(self, tell: Callable[[Taken, float], None], *, behind: int) -> None:
        self._tell, self._behind = tell, behind
        self._held: deque[Taken] = deque()

    def add(self, taken: Taken) -> None:
        """Hold ``taken``, and tell of those that have waited long enough."""
        self._held.append(taken)
        self._tell_all_but(self._behind)

    def flush(self) -> None:
        """Tell of all: before anything is kept, validated or concluded."""
        self._tell_all_but(0)

    def _tell_all_but(self, count: int) -> None:
        while len(self._held) > count:
            taken = self._held.popleft()
            self._tell(taken, float(taken.loss))
