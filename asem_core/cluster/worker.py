"""What runs on a worker: parcels, opened once and kept, and their blocks.

An error that says what is wrong comes back as a result; any other one is raised, so that Dask tries the block again.
"""

from __future__ import annotations

import pickle
import socket
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

import attrs

from asem_core.cluster.gpus import visible_gpus
from asem_core.cluster.installed import difference, installed
from asem_core.cluster.parcel import Parcel
from asem_core.errors import AsemError, ClusterError
from asem_core.volume.output import is_no_space

_KEPT = 2
"""Parcels that stay open: that of the sweep, and the one before it."""

_open: OrderedDict[str, Any] = OrderedDict()
_opening = Lock()
_under_way: list[str] = []
"""Digests of the parcels of which blocks are being worked on, once per block."""


@attrs.frozen(kw_only=True, eq=False)
class Report:
    """How a block ended on a worker."""

    result: Any = None
    error: Exception | None = None
    seconds: float = 0.0
    where: str


def hold(parcel: Parcel) -> Parcel:
    """``parcel``, as a task of Dask's whose result every worker fetches once."""
    return parcel


def work(block: Any, parcel: Parcel) -> Report:
    """One block of the task in ``parcel``, from beginning to end."""
    began = time.perf_counter()
    result, error = None, None
    try:
        task = opened(parcel)
        with _working(parcel):
            result = task(block)
    except Exception as raised:
        if not isinstance(raised, AsemError) and not is_no_space(raised):
            raise
        error = raised
    return Report(result=result, error=error, seconds=time.perf_counter() - began, where=where())


def answer(parcel: Parcel) -> Any:
    """What the question in ``parcel`` returns; it is not kept."""
    _check(parcel)
    return _unpacked(parcel)()


def busy(digest: str) -> bool:
    """Whether this worker is at a block of that parcel."""
    return digest in _under_way


def opened(parcel: Parcel) -> Any:
    """What was packed into ``parcel``, opened by the first who asks.

    Raises
    ------
    ClusterError
        This worker has other versions, or does not see all files.
    """
    with _opening:
        if parcel.digest not in _open:
            _check(parcel)
            _open[parcel.digest] = _unpacked(parcel)
            while len(_open) > _KEPT:
                _open.popitem(last=False)
        return _open[parcel.digest]


@attrs.frozen(kw_only=True)
class Introduced:
    """A worker, as it describes itself."""

    name: str
    installed: Mapping[str, str]
    gpu: str | None
    """UUID of the one that it states, where that can be found out."""


def introduce(dask_worker: Any) -> Introduced:
    """For `distributed.Client.run`."""
    gpus = visible_gpus() if dask_worker.state.total_resources.get("GPU") else ()
    return Introduced(name=_named(dask_worker), installed=installed(), gpu=next(iter(gpus), None))


def where() -> str:
    """The worker that runs this task, in words."""
    from distributed import get_worker

    return _named(get_worker())


def _named(dask_worker: Any) -> str:
    return f"worker {dask_worker.name} on {socket.gethostname()}"


def _check(parcel: Parcel) -> None:
    differs = difference(parcel.installed, installed())
    if differs is not None:
        raise ClusterError(f"{where()}: {differs}: install the same versions everywhere")
    hidden = next((path for path in parcel.paths if not Path(path).exists()), None)
    if hidden is not None:
        raise ClusterError(
            f"{where()} does not see {hidden}: inputs, outputs and temporary files (TMPDIR) must lie on a file system "
            "that driver and workers share, under the same path"
        )


def _unpacked(parcel: Parcel) -> Any:
    try:
        return pickle.loads(parcel.content)
    except AsemError as error:
        raise ClusterError(f"{where()}: {error}") from error
    except Exception as error:  # whatever a module that is imported there raises
        raise ClusterError(f"{where()} cannot open its task: {type(error).__name__}: {error}") from error


@contextmanager
def _working(parcel: Parcel) -> Iterator[None]:
    _under_way.append(parcel.digest)
    try:
        yield
    finally:
        _under_way.remove(parcel.digest)
