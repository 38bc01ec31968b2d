"""What runs on a worker: parcels, opened once and kept, and their blocks.

An error that says what is wrong comes back as a result; any other one is raised, so that Dask tries the block again.
Both as a `Failure`, and what a block returns as bytes: what cannot be packed is found here, where it can be told, and
not on the way, where the driver would wait for it.
"""

from __future__ import annotations

import logging
import pickle
import socket
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

import attrs
import cloudpickle

from asem_core.cluster.failure import FailedError, Failure
from asem_core.cluster.gpus import visible_gpus
from asem_core.cluster.installed import difference, installed
from asem_core.cluster.parcel import Parcel
from asem_core.errors import AsemError, ClusterError

log = logging.getLogger(__name__)

_KEPT = 2
"""Parcels that stay open: that of the sweep, and the one before it."""

_open: OrderedDict[str, Any] = OrderedDict()
_opening = Lock()
_under_way: list[str] = []
"""Digests of the parcels of which blocks are being worked on, once per block."""


@attrs.frozen(kw_only=True, eq=False)
class Report:
    """How a block, or a question, ended on a worker."""

    packed: bytes | None = None
    """What it returned; None: it failed."""
    failure: Failure | None = None
    seconds: float = 0.0
    where: str

    @property
    def result(self) -> Any:
        """What it returned."""
        return None if self.packed is None else pickle.loads(self.packed)

    @property
    def error(self) -> Exception | None:
        """Why it failed."""
        return None if self.failure is None else self.failure.error


def hold(parcel: Parcel) -> Parcel:
    """``parcel``, as a task of Dask's whose result every worker fetches once."""
    return parcel


def work(block: Any, parcel: Parcel) -> Report:
    """One block of the task in ``parcel``, from beginning to end.

    Raises
    ------
    FailedError
        By what may pass.
    """

    def done() -> Any:
        task = opened(parcel)
        with _working(parcel):
            return task(block)

    return _reported(done)


def answer(parcel: Parcel) -> Report:
    """What the question in ``parcel`` returns; it is not kept.

    Raises
    ------
    FailedError
        It raised what is not ours.
    """

    def asked() -> Any:
        _check(parcel)
        return _unpacked(parcel)()

    return _reported(asked)


def _reported(do: Callable[[], Any]) -> Report:
    began, packed, failure = time.perf_counter(), None, None
    try:
        packed = cloudpickle.dumps(do())
    except Exception as error:  # whatever readers, stages and runtimes of plugins raise
        failure = Failure.of(error)
        if failure.may_pass:
            # Dask logs it, with the traceback that it had.
            raise FailedError(failure, where()).with_traceback(error.__traceback__) from None
        log.info("where it happened", exc_info=error)
    return Report(packed=packed, failure=failure, seconds=time.perf_counter() - began, where=where())


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
