"""Blocks on many machines, through Dask: the driver hands out blocks and keeps the journal, workers read and write.

::

    driver                                        workers
    context.py   what every verb asks
    address.py   address, file, local:N, YAML     own.py      processors and GPUs of workers on one machine
    queues.py    what such a YAML says
    parcel.py    a task as bytes  ----once---->   worker.py   opened once, kept
    executor.py  blocks, few at a time  ------>               read | compute | write
                 journal  <---------------------              digests, or what went wrong: failure.py
    installed.py what both must have alike        gpus.py     which there are; none for two workers
    summary.py   what was done, and how fast

Voxels never travel: what is open travels as what opens it. Nothing here schedules; that is Dask's.
"""

from typing import TYPE_CHECKING

from asem_core.lazy import lazy_names

if TYPE_CHECKING:
    from asem_core.cluster.address import connect
    from asem_core.cluster.context import executing
    from asem_core.cluster.executor import Dask

__all__ = ["Dask", "connect", "executing"]
__getattr__, __dir__ = lazy_names(__name__)
