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

from typing import TYPE_CHECKING

from asem_core.lazy import lazy_names

if TYPE_CHECKING:
    from asem_annotate.proofread.carrying import Replayed, replay
    from asem_annotate.proofread.doubt import Doubtful, queue
    from asem_annotate.proofread.operation import Operation
    from asem_annotate.proofread.operations import accept, delete, log, merge, recategorise, split, undo
    from asem_annotate.proofread.proof import Proof, open_proof
    from asem_annotate.proofread.written import Written, write

__all__ = [
    "Doubtful",
    "Operation",
    "Proof",
    "Replayed",
    "Written",
    "accept",
    "delete",
    "log",
    "merge",
    "open_proof",
    "queue",
    "recategorise",
    "replay",
    "split",
    "undo",
    "write",
]
__getattr__, __dir__ = lazy_names(__name__)
