"""The block engine: which blocks there are, running them, and proof that none is missing.

::

    job.py        a run that reads volumes and writes one: begin or resume, fill, verified end
    fill.py       what fills it: sweeps over blocks, temporary copies
    executors.py  who runs the blocks of a sweep: threads, or a pipeline round one computation
    components.py connected components of a mask too large for memory
    local_ids.py  ids that blocks gave by themselves, in one count
    journal.py    what was done, beside the output, block by block, with a digest of every chunk
    verify.py     status and verification from the journal and the chunks on disk
    preflight.py  memory, disk and time, before anything starts
"""

from typing import TYPE_CHECKING

from asem_core.lazy import lazy_names

if TYPE_CHECKING:
    from asem_core.blocks.executors import Threads, map_blocks
    from asem_core.blocks.fill import Run, produce
    from asem_core.blocks.job import Done, Job, run

__all__ = ["Done", "Job", "Run", "Threads", "map_blocks", "produce", "run"]
__getattr__, __dir__ = lazy_names(__name__)
