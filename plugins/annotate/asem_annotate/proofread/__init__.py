"""Proofreading of objects: a queue, operations that are kept in a log, and the label that comes of them.

::

    LABEL (only read)  +  LOG (only appended to)  ->  queue, the label in any box, and by `write` a label of its own

================  =============================================================================
``proof``         `open_proof`: a label, its log, its objects; ``table``: objects as rows
``operations``    `merge`, `split`, `delete`, `accept`, `recategorise`, `undo`, `log`
``turn``          one of them under way; ``halving``: the graph cut of a split
``doubt``         `queue`: objects in the order in which to look at them
``review``        all of that with somebody looking: a place in the queue, what is picked
``carrying``      `replay`: operations on another label; ``sketch``: objects found again
``written``       `write`: the label by its log as an OME-Zarr
``operation``     a line of the log; ``ledger``: the file
``edited``        a label as it is by operations, computed when it is asked for
``commands``      ``asem proofread``
================  =============================================================================

The log is the truth: nothing that it leads to is stored before `write`, and what is stored then can be made again.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_PUBLIC = {
    "Doubtful": "doubt",
    "Operation": "operation",
    "Proof": "proof",
    "Replayed": "carrying",
    "Written": "written",
    "accept": "operations",
    "delete": "operations",
    "log": "operations",
    "merge": "operations",
    "open_proof": "proof",
    "queue": "doubt",
    "recategorise": "operations",
    "replay": "carrying",
    "split": "operations",
    "undo": "operations",
    "write": "written",
}
__all__ = sorted(_PUBLIC)


def __getattr__(name: str) -> Any:
    """Public names are imported on use, as those of `asem_annotate`."""
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PUBLIC[name]}"), name)
