"""How long work tells its caller how far it is."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""``progress(stage, done, total)``: called from the thread that called the library, at least once per block."""


def silent(stage: str, done: int, total: int) -> None:
    """A progress that shows nothing."""
