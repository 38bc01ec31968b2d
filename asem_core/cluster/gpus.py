"""GPUs of one machine: a worker for each, and no two workers on one."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable


def visible_gpus() -> tuple[str, ...]:
    """UUIDs of the GPUs that this process may use, the one that it takes first; empty where nvidia-smi does not say."""
    query = ["nvidia-smi", "--query-gpu=index,uuid", "--format=csv,noheader"]
    try:
        said = subprocess.run(query, capture_output=True, text=True, timeout=10).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return named_gpus(said, visible=os.environ.get("CUDA_VISIBLE_DEVICES"))


def named_gpus(said: str, *, visible: str | None) -> tuple[str, ...]:
    """UUIDs of the GPUs that ``visible`` names, of nvidia-smi's lines ``index, uuid``.

    Parameters
    ----------
    visible
        ``CUDA_VISIBLE_DEVICES``: numbers or UUIDs, which may be cut short; what follows an unknown one is not seen, as
        CUDA has it. None: all.

    Examples
    --------
    >>> named_gpus("0, GPU-5ae1\\n1, GPU-99c0", visible="GPU-99,0,7,1")
    ('GPU-99c0', 'GPU-5ae1')
    """
    lines = [line.partition(",") for line in said.splitlines()]
    there = {index.strip(): uuid.strip() for index, _, uuid in lines if uuid}
    found = []
    for name in there if visible is None else [name.strip() for name in visible.split(",")]:
        short = name.startswith("GPU-")
        uuid = there.get(name) or next((uuid for uuid in there.values() if short and uuid.startswith(name)), None)
        if uuid is None:
            break
        found.append(uuid)
    return tuple(found)


def shared(workers: Iterable[tuple[str, str | None]]) -> str | None:
    """Which two of ``workers``, name and UUID of the GPU that each computes on, have the same, in words; None: none.

    Examples
    --------
    >>> shared([("worker 0", "GPU-5ae1"), ("worker 1", None), ("worker 2", "GPU-5ae1")])
    'worker 0 and worker 2 compute on one GPU (GPU-5ae1)'
    """
    taken: dict[str, str] = {}
    for worker, gpu in workers:
        if gpu is not None and gpu in taken:
            return f"{taken[gpu]} and {worker} compute on one GPU ({gpu})"
        if gpu is not None:
            taken[gpu] = worker
    return None
