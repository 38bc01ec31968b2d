"""How much memory this process may still take: of the machine, a container, a batch job, a GPU."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import attrs
import psutil

from asem_core.cgroups import cgroup_folders, text_of

__all__ = ["available_memory", "default_max_memory"]

SHARE = 0.4
"""Of what is free, for one run. Two that start together see the same free memory: both fit, a fifth is left over."""
LIMIT = 0.9
"""Of what is free, for a run that cannot choose: its tile was fixed when it began, or by the user."""


def default_max_memory(device_memory: int | None = None, *, fixed: bool = False) -> int:
    """Bytes that a run may plan with where the user sets no limit.

    Parameters
    ----------
    device_memory
        Bytes that are free on the device that it runs on, where that has memory of its own.
    fixed
        Whether what it needs is settled already, so that only what cannot fit is to be refused.

    Notes
    -----
    Runs do not know of one another. What one has taken is not free when the next begins, and of two that begin at the
    same moment each plans with two fifths: together four fifths. Three that begin together can want more than there is.
    """
    free = available_memory()
    if device_memory is not None:
        free = min(free, device_memory)
    return int((LIMIT if fixed else SHARE) * free)


def available_memory() -> int:
    """Bytes that this process can take now without swapping, without being killed and without being refused.

    The least of: what the machine has available; the room in every cgroup that the process is in (a container's, a
    batch job's, a systemd slice's); the memory a SLURM job asked for; what a Dask worker may take; ``ulimit -v``.
    """
    own = psutil.Process().memory_info()
    bounds = (
        int(psutil.virtual_memory().available),
        cgroup_room(Path("/")),
        slurm_room(os.environ, taken=own.rss),
        dask_room(taken=own.rss),
        address_space_room(taken=own.vms),
    )
    return max(0, min(bound for bound in bounds if bound is not None))


def address_space_room(*, taken: int) -> int | None:
    """Bytes of addresses left below ``ulimit -v`` where ``taken`` are in use; None without such a limit."""
    try:
        from resource import RLIM_INFINITY, RLIMIT_AS, getrlimit
    except ImportError:  # Windows
        return None
    limit, _ = getrlimit(RLIMIT_AS)
    return None if limit == RLIM_INFINITY else limit - taken


def slurm_room(environ: Mapping[str, str], *, taken: int) -> int | None:
    """Bytes left of what the SLURM job asked for on this node, also where no cgroup enforces it; None outside of one.

    Parameters
    ----------
    environ
        Environment variables.
    taken
        Bytes that this process holds.

    Examples
    --------
    >>> slurm_room({"SLURM_MEM_PER_NODE": "4096"}, taken=2**30) == 3 * 2**30
    True
    """
    per_node, per_cpu = (_digits(environ.get(f"SLURM_MEM_PER_{unit}")) for unit in ("NODE", "CPU"))
    megabytes = per_node or (per_cpu or 0) * (_digits(environ.get("SLURM_CPUS_ON_NODE")) or 1)
    return megabytes * 2**20 - taken if megabytes else None  # 0: all of the node


def dask_room(*, taken: int) -> int | None:
    """Bytes left of what Dask lets the worker take that this process is; None where it is none, or has no limit."""
    distributed = sys.modules.get("distributed")
    try:
        limit = None if distributed is None else distributed.get_worker().memory_manager.memory_limit
    except ValueError:
        return None
    # Above this share of its limit a worker takes no new block.
    return None if limit is None else int(_DASK_SHARE * limit) - taken


_DASK_SHARE = 0.8
"""``distributed.worker.memory.pause``; at 0.95 it is killed."""


@attrs.frozen(kw_only=True)
class _Files:
    """Where a version of cgroups keeps its numbers."""

    limits: tuple[str, ...]
    usage: str
    cache: tuple[str, ...]
    """Lines of ``memory.stat``: files kept in memory, given back before anything is killed, as in ``MemAvailable``."""


_FILES = {
    1: _Files(
        limits=("memory.limit_in_bytes",),
        usage="memory.usage_in_bytes",
        cache=("total_inactive_file", "total_active_file"),
    ),
    2: _Files(limits=("memory.max", "memory.high"), usage="memory.current", cache=("inactive_file", "active_file")),
}
"""By version."""


def cgroup_room(root: Path) -> int | None:
    """Bytes left in the fullest of the cgroups that this process is in; None where nothing is limited.

    Parameters
    ----------
    root
        Of the file system with ``proc`` and the mounted cgroups: ``/``.
    """
    rooms = (_room(folder, _FILES[version]) for version, folder in cgroup_folders(root, "memory"))
    return min((room for room in rooms if room is not None), default=None)


def _room(folder: Path, files: _Files) -> int | None:
    limits = [limit for name in files.limits if (limit := _digits(text_of(folder / name))) is not None]
    used = _digits(text_of(folder / files.usage))
    if not limits or used is None:  # "max", or the root, which has no such files
        return None
    lines = (line.split() for line in (text_of(folder / "memory.stat") or "").splitlines())
    cache = sum(int(line[1]) for line in lines if len(line) == 2 and line[0] in files.cache)
    return min(limits) - max(0, used - cache)


def gpu_free_memory() -> int | None:
    """Bytes that are free on the GPU that comes first for this process; None where nvidia-smi does not say.

    Notes
    -----
    ``CUDA_VISIBLE_DEVICES`` may name it by its number or its UUID.
    """
    query = ["nvidia-smi", "--query-gpu=index,uuid,memory.free", "--format=csv,noheader,nounits"]
    try:
        said = subprocess.run(query, capture_output=True, text=True, timeout=10).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    return first_gpu(said, visible=os.environ.get("CUDA_VISIBLE_DEVICES"))


def first_gpu(said: str, *, visible: str | None) -> int | None:
    """Free bytes of the GPU that ``visible`` names first, among those of nvidia-smi's lines ``index, uuid, MiB``.

    Parameters
    ----------
    said
        What nvidia-smi printed.
    visible
        ``CUDA_VISIBLE_DEVICES``: numbers or UUIDs, which may be cut short; None: all are visible.

    Examples
    --------
    >>> first_gpu("0, GPU-5ae1, 81037\\n1, GPU-99c0, 512", visible="GPU-99,0") == 512 * 2**20
    True
    """
    first = ("0" if visible is None else visible).partition(",")[0].strip()
    for line in said.splitlines():
        index, uuid, free = ([part.strip() for part in line.split(",")] + ["", "", ""])[:3]
        if first and (first == index or (first.startswith("GPU-") and uuid.startswith(first))):
            return None if (mebibytes := _digits(free)) is None else mebibytes * 2**20
    return None


def _digits(text: str | None) -> int | None:
    text = (text or "").strip()
    return int(text) if text.isdecimal() else None
