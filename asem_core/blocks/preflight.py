"""What a run will need, worked out before it starts, and refused where it cannot fit."""

from __future__ import annotations

import time
from pathlib import Path

import attrs
import numpy as np

from asem_core.errors import BudgetError
from asem_core.volume.address import Location
from asem_core.volume.output import check_room


@attrs.frozen(kw_only=True)
class Preflight:
    """Memory, disk and time of a run, estimated."""

    memory: int
    """Peak bytes of the process."""
    disk: int
    """Bytes of the output and of temporary files, before compression."""
    seconds: float
    """Expected, on this machine as it is now."""


def check_memory(preflight: Preflight, *, max_memory: int) -> None:
    """Refuse with a `BudgetError` what needs more than ``max_memory`` bytes."""
    if preflight.memory > max_memory:
        raise BudgetError(
            f"this needs about {preflight.memory / 1e9:.1f} GB of memory, --max-memory allows {max_memory / 1e9:.1f} GB"
        )


def check_disk(preflight: Preflight, *, output: Location) -> None:
    """Refuse with an `OutputError` a run that begins anew where less disk is free than it needs.

    One that goes on has part of that written already: how much is left cannot be told, and nothing is asked.
    """
    if isinstance(output, Path):  # in a bucket there is room; for temporary files `asem_core.blocks.job` looks
        check_room(output.absolute().parent, preflight.disk)


def machine_flops(*, size: int = 1024) -> float:
    """Floating-point operations per second of a float32 matrix product here and now (some 0.1 s)."""
    a = np.ones((size, size), np.float32)
    a @ a
    began = time.perf_counter()
    for _ in range(3):
        a @ a
    return 3 * 2.0 * size**3 / (time.perf_counter() - began)
