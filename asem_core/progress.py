"""How long work tells its caller how far it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

__all__ = ["Progress", "TrainingProgress", "silent"]

Progress = Callable[[str, int, int], None]
"""``progress(sweep, done, total)``: called from the thread that called the library, at least once per block.

Where a run goes on that was stopped, ``done`` of a sweep's first call counts the blocks of the earlier run.
"""


class TrainingProgress(Protocol):
    """`Progress` that is also told how good the network is."""

    def __call__(self, sweep: str, done: int, total: int, note: str = "", /) -> None:
        """As `Progress`; ``note`` in a few words, such as ``loss 0.12``."""


def silent(sweep: str, done: int, total: int, note: str = "", /) -> None:
    """A progress that shows nothing."""
