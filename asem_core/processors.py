"""How many threads are worth having: of what this process may use of the machine, a container or a batch job.

Threads that read and write may share a core; those of a network gain nothing from a second thread on a core, whose
arithmetic they share, and wait for the slowest, so that cores of the slow kind hold the others up.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from pathlib import Path

import psutil

from asem_core.cgroups import cgroup_folders, text_of

__all__ = ["cores", "processors"]

_ROOT = Path("/")
_SYSTEM = "sys/devices/system/cpu"
_FAST = "sys/devices/cpu_core/cpus"
"""Where Linux lists the fast ones of a processor that has cores of two kinds."""


def processors(root: Path = _ROOT) -> int:
    """Processors, as the system counts them, that this process may keep busy: 1 at least.

    Parameters
    ----------
    root
        Of the file system with ``proc``, ``sys`` and the mounted cgroups.

    Notes
    -----
    Those that it is bound to (``taskset``, ``numactl``, SLURM), and no more than the time that its cgroups are given.
    """
    return min(len(_allowed()), _given(root))


def cores(root: Path = _ROOT) -> int:
    """Cores, of the fast kind where there are two, that this process may keep busy: 1 at least."""
    allowed = _allowed()
    fast = allowed & _numbers(text_of(root / _FAST) or "") or allowed
    physical = {_core(root, number) for number in fast}
    if None in physical:  # not Linux
        return min(processors(root), psutil.cpu_count(logical=False) or len(allowed))
    return min(len(physical), _given(root))


def _allowed() -> set[int]:
    """Numbers of the processors that this process is bound to."""
    if hasattr(os, "sched_getaffinity"):
        return set(os.sched_getaffinity(0))
    own = psutil.Process()
    return set(own.cpu_affinity()) if hasattr(own, "cpu_affinity") else set(range(os.cpu_count() or 1))


def _core(root: Path, number: int) -> tuple[str, str] | None:
    """Package and core that the processor ``number`` is a thread of; None where that is not told."""
    told = [text_of(root / _SYSTEM / f"cpu{number}/topology/{name}") for name in ("physical_package_id", "core_id")]
    package, core = told
    return None if package is None or core is None else (package.strip(), core.strip())


def _given(root: Path) -> int:
    """Processors' worth of time that the tightest of the cgroups gives, rounded up; without one, more than any has."""
    shares = (_share(version, folder) for version, folder in cgroup_folders(root, "cpu"))
    return max(1, math.ceil(min((share for share in shares if share is not None), default=2**20)))


def _share(version: int, folder: Path) -> float | None:
    """Processors' worth of time that a cgroup may take; None without a limit."""
    names = ("cpu.max",) if version == 2 else ("cpu.cfs_quota_us", "cpu.cfs_period_us")
    told = " ".join(text_of(folder / name) or "" for name in names).split()
    if len(told) != 2 or not all(number.isdecimal() for number in told) or int(told[1]) == 0:
        return None  # "max", or -1
    return int(told[0]) / int(told[1])


def _numbers(text: str) -> set[int]:
    """What a list such as ``0-3,8`` names."""
    ranges: Iterable[list[str]] = (part.split("-") for part in text.strip().split(",") if part)
    return {number for ends in ranges for number in range(int(ends[0]), int(ends[-1]) + 1)}
