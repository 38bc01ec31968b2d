"""How many threads are worth having, on machines that are made up."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest

from asem_core.processors import cores, processors

V2 = "30 24 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw"
V1 = "33 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct"


@pytest.fixture
def bound(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2, 3, 4, 5, 6, 7}, raising=False)
    return monkeypatch


def machine(root: Path, threads: dict[int, tuple[int, int]], **files: str) -> Path:
    """A file system: of each processor its package and core; more files by their paths."""
    for number, (package, core) in threads.items():
        folder = root / f"sys/devices/system/cpu/cpu{number}/topology"
        folder.mkdir(parents=True)
        (folder / "physical_package_id").write_text(f"{package}\n")
        (folder / "core_id").write_text(f"{core}\n")
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


def in_cgroup(cgroup: str, mount: str, **files: str) -> dict[str, str]:
    return {"proc/self/cgroup": cgroup + "\n", "proc/self/mountinfo": mount + "\n", **files}


TWO_THREADS_A_CORE = {n: (0, n // 2) for n in range(8)}


def test_two_threads_of_a_core_are_one_core(tmp_path: Path, bound: pytest.MonkeyPatch) -> None:
    root = machine(tmp_path, TWO_THREADS_A_CORE)
    assert (processors(root), cores(root)) == (8, 4)
    # As Linux often numbers them: the second threads come after all the first.
    bound.setattr(os, "sched_getaffinity", lambda pid: {0, 2, 4, 6})
    assert (processors(root), cores(root)) == (4, 4)
    bound.setattr(os, "sched_getaffinity", lambda pid: {6, 7})
    assert (processors(root), cores(root)) == (2, 1)


def test_cores_of_two_packages_have_the_same_numbers(tmp_path: Path, bound: pytest.MonkeyPatch) -> None:
    root = machine(tmp_path, {n: (n // 4, n % 4 // 2) for n in range(8)})
    assert cores(root) == 4
    bound.setattr(os, "sched_getaffinity", lambda pid: {4, 5, 6, 7})  # numactl --cpunodebind=1
    assert cores(root) == 2


def test_slow_cores_do_not_hold_a_network_up(tmp_path: Path, bound: pytest.MonkeyPatch) -> None:
    kinds = {"sys/devices/cpu_core/cpus": "0-3\n", "sys/devices/cpu_atom/cpus": "4-7\n"}
    root = machine(tmp_path, {n: (0, n // 2 if n < 4 else n) for n in range(8)}, **kinds)
    assert (processors(root), cores(root)) == (8, 2)
    bound.setattr(os, "sched_getaffinity", lambda pid: {4, 5, 6})
    assert cores(root) == 3, "where there are no others"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (in_cgroup("0::/a/b", V2, **{"sys/fs/cgroup/a/cpu.max": "150000 100000"}), 2),
        (in_cgroup("0::/a", V2, **{
            "sys/fs/cgroup/a/cpu.max": "300000 100000", "sys/fs/cgroup/cpu.max": "max 100000",
        }), 3),
        (in_cgroup("0::/a", V2, **{"sys/fs/cgroup/a/cpu.max": "20000 100000"}), 1),
        (in_cgroup("0::/", V2, **{"sys/fs/cgroup/cpu.max": "max 100000"}), 8),
        (in_cgroup("4:cpu,cpuacct:/job", V1, **{
            "sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us": "200000",
            "sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_period_us": "100000",
        }), 2),
        (in_cgroup("4:cpu,cpuacct:/", V1, **{
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1", "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
        }), 8),
        (in_cgroup("0::/", V2, **{"sys/fs/cgroup/cpu.max": "garbage"}), 8),
        ({}, 8),
    ],
)  # fmt: skip
def test_time_that_a_container_or_job_is_given(
    tmp_path: Path, bound: pytest.MonkeyPatch, files: dict[str, str], expected: int
) -> None:
    root = machine(tmp_path, TWO_THREADS_A_CORE, **files)
    assert processors(root) == expected
    assert cores(root) == min(expected, 4)


def test_systems_that_do_not_tell(tmp_path: Path, bound: pytest.MonkeyPatch) -> None:
    bound.setattr(psutil, "cpu_count", lambda logical=True: 4)
    assert (processors(tmp_path), cores(tmp_path)) == (8, 4)
    bound.setattr(psutil, "cpu_count", lambda logical=True: None)
    assert cores(tmp_path) == 8


def test_here() -> None:
    assert 1 <= cores() <= processors()
