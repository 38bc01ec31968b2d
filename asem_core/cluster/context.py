"""Where blocks run: what every verb asks, without anything of Dask where it is not wanted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from asem_core.blocks.executors import running_on

if TYPE_CHECKING:
    from distributed import Client

    from asem_core.cluster.executor import Dask


@contextmanager
def executing(executor: Dask | Client | None) -> Iterator[None]:
    """Within this context blocks run on ``executor``; None: on this machine.

    Raises
    ------
    ClusterError
        It has no workers, or they have other versions of ASEM or of plugins.
    """
    if executor is None:
        yield
        return
    from asem_core.cluster.executor import Dask

    found = executor if isinstance(executor, Dask) else Dask(client=executor)
    found.check()
    with running_on(found):
        yield
