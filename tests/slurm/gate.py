"""Loaded by workers before they begin (``dask worker --preload``): a tile waits until there is a ticket for it.

So a test decides how far a run gets before it is killed, however fast the machine is.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from asem_core.cluster import worker
from asem_core.geometry import Box

# Dask loads this more than once.
_work = getattr(worker.work, "without_gate", worker.work)


def work(block: Any, parcel: Any) -> Any:
    """`asem_core.cluster.worker.work`, of a tile once it has a ticket."""
    while isinstance(block, Box) and not _taken(Path(os.environ["ASEM_TICKETS"])):
        time.sleep(0.2)
    return _work(block, parcel)


def _taken(folder: Path) -> bool:
    if (folder / "all").exists():
        return True
    for ticket in folder.iterdir():
        with suppress(FileNotFoundError):  # another worker was faster
            ticket.unlink()
            return True
    return False


work.without_gate = _work  # type: ignore[attr-defined]
worker.work = work
