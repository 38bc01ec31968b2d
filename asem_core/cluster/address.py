"""From what a user types to workers: ``local:4``, an address, a scheduler file, a YAML that asks a queue for jobs."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asem_core.cluster.executor import Dask
from asem_core.errors import AsemError, ClusterError
from asem_core.home import expand
from asem_core.memory import LIMIT, available_memory

if TYPE_CHECKING:
    from distributed import Client

ANSWER_S = 30.0
"""A scheduler answers within this."""


@contextmanager
def connect(text: str) -> Iterator[Dask]:
    """Dask workers, for as long as the context lasts; those that it started end with it.

    Parameters
    ----------
    text
        ``local:N``: N processes on this machine, the first of which have a GPU each, as far as there are any; the
        address of a scheduler, ``tcp://HOST:8786``; the file that ``dask scheduler --scheduler-file FILE.json`` writes;
        a ``.yaml`` of jobs in a queue, see `asem_core.cluster.queues`.

    Raises
    ------
    ClusterError
        It is none of these, the scheduler does not answer, no worker came, or workers have other versions.
    AsemError
        Dask is not installed.
    """
    try:
        import distributed  # noqa: F401
    except ImportError:
        raise AsemError(f"--dask {text} needs Dask: pip install 'asem-core[distributed]'") from None
    with _connected(text) as found:
        found.check()
        yield found


@contextmanager
def _connected(text: str) -> Iterator[Dask]:
    if text.startswith("local:"):
        with _local(text) as client:
            yield Dask(client=client)
    elif text.endswith((".yaml", ".yml")):
        from asem_core.cluster.queues import read_queue

        queue = read_queue(Path(expand(text)))
        with queue.started() as cluster, _client(text, address=cluster) as client:
            yield Dask(client=client, wait_s=queue.wait_s)
    elif text.endswith(".json"):
        file = Path(expand(text))
        _check_scheduler_file(file)
        with _client(text, scheduler_file=str(file)) as client:
            yield Dask(client=client)
    else:
        with _client(text, address=text) as client:
            yield Dask(client=client)


def _check_scheduler_file(file: Path) -> None:
    """Refuse what `distributed` would wait for, or stumble over."""
    writes_it = f"`dask scheduler --scheduler-file {file}` writes it"
    if not file.is_file():
        raise ClusterError(f"{file}: there is no such file; {writes_it}")
    try:
        found = json.loads(file.read_bytes())
    except (OSError, ValueError):
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("address"), str):
        raise ClusterError(
            f"{file} is not the file of a Dask scheduler, or not all of it: expected JSON with the scheduler's "
            f"'address'; {writes_it}"
        )


@contextmanager
def _client(text: str, **where: Any) -> Iterator[Client]:
    from distributed import Client

    try:
        client = Client(**where, timeout=ANSWER_S, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise ClusterError(
            f"no Dask scheduler answers at {text} within {ANSWER_S:.0f} s ({error}): expected local:N, "
            "tcp://HOST:PORT, the scheduler's FILE.json, or a FILE.yaml of a queue"
        ) from error
    with client:
        yield client


@contextmanager
def _local(text: str) -> Iterator[Client]:
    from distributed import LocalCluster

    from asem_core.cluster.gpus import visible_gpus
    from asem_core.cluster.own import OwnDevices
    from asem_core.models.runtimes.device import has_cuda

    number = text.removeprefix("local:")
    if not number.isdecimal() or int(number) < 1:
        raise ClusterError(f"--dask {text}: expected local:N, N processes, such as local:4")
    workers = int(number)
    with (
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            memory_limit=int(LIMIT * available_memory() / workers),
            silence_logs=logging.ERROR,
            dashboard_address="127.0.0.1:0",
        ) as cluster,
        _client(text, address=cluster) as client,
    ):
        client.register_plugin(OwnDevices(workers, visible_gpus() if has_cuda() else ()))
        yield client
