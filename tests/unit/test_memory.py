"""What is free, from recorded files of machines, containers and batch jobs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from asem_core import memory
from asem_core.memory import (
    available_memory,
    cgroup_room,
    default_max_memory,
    first_gpu,
    gpu_free_memory,
    slurm_room,
)

GB = 10**9
UNLIMITED_V1 = "9223372036854771712"
V2 = "30 24 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate"
V1 = "36 31 0:32 / /sys/fs/cgroup/memory rw,nosuid,nodev shared:14 - cgroup cgroup rw,memory"
V1_CPU = "33 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:12 - cgroup cgroup rw,cpu,cpuacct"


def tree(root: Path, cgroup: str, mountinfo: str, files: dict[str, dict[str, object]]) -> Path:
    """A file system: ``/proc/self`` and, by folder, the files of cgroups."""
    texts: dict[str, object] = {"proc/self/cgroup": cgroup + "\n", "proc/self/mountinfo": mountinfo + "\n"}
    texts |= {f"{folder}/{name}": value for folder, names in files.items() for name, value in names.items()}
    for name, value in texts.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{value}\n")
    return root


def v2(limit: object, used: int, *, high: object = "max", cache: int = 0, active: int = 0) -> dict[str, object]:
    stat = f"anon {used - cache - active}\nfile {cache + active}\ninactive_file {cache}\nactive_file {active}"
    return {"memory.max": limit, "memory.high": high, "memory.current": used, "memory.stat": stat}


def v1(limit: object, used: int, *, cache: int = 0) -> dict[str, object]:
    stat = f"cache {cache}\ninactive_file 7\ntotal_inactive_file {cache}\ntotal_active_file 0"
    return {"memory.limit_in_bytes": limit, "memory.usage_in_bytes": used, "memory.stat": stat}


def test_version_2_counts_files_kept_in_memory_as_free(tmp_path: Path) -> None:
    own = "sys/fs/cgroup/user.slice/user-1000.slice/session-3.scope"
    root = tree(tmp_path, "0::/user.slice/user-1000.slice/session-3.scope", V2, {
        own: v2(8 * GB, 7 * GB, cache=2 * GB, active=1 * GB),
        "sys/fs/cgroup/user.slice/user-1000.slice": v2("max", 9 * GB),
        "sys/fs/cgroup/user.slice": v2("max", 9 * GB),
    })  # fmt: skip
    assert cgroup_room(root) == 4 * GB


def test_the_fullest_of_the_ancestors_decides(tmp_path: Path) -> None:
    """SLURM on version 2: the job is limited, its steps and tasks are not."""
    job = "sys/fs/cgroup/system.slice/slurmstepd.scope/job_42"
    root = tree(tmp_path, "0::/system.slice/slurmstepd.scope/job_42/step_0/user/task_0", V2, {
        f"{job}/step_0/user/task_0": v2("max", 1 * GB),
        f"{job}/step_0": v2(20 * GB, 1 * GB),
        job: v2(16 * GB, 3 * GB),
        "sys/fs/cgroup/system.slice": v2(64 * GB, 60 * GB),
    })  # fmt: skip
    assert cgroup_room(root) == 4 * GB


def test_slurm_on_version_1(tmp_path: Path) -> None:
    job = "sys/fs/cgroup/memory/slurm/uid_1000/job_42"
    cgroups = "9:cpu,cpuacct:/\n4:memory:/slurm/uid_1000/job_42/step_0/task_0\n1:name=systemd:/"
    root = tree(tmp_path, cgroups, f"{V1_CPU}\n{V1}", {
        f"{job}/step_0/task_0": v1(UNLIMITED_V1, 1 * GB),
        f"{job}/step_0": v1(10 * GB, 1 * GB),
        job: v1(10 * GB, 3 * GB, cache=1 * GB),
        "sys/fs/cgroup/memory": v1(UNLIMITED_V1, 50 * GB),
    })  # fmt: skip
    assert cgroup_room(root) == 8 * GB


def test_throttled_is_limited(tmp_path: Path) -> None:
    root = tree(tmp_path, "0::/a", V2, {"sys/fs/cgroup/a": v2(8 * GB, 1 * GB, high=3 * GB)})
    assert cgroup_room(root) == 2 * GB


@pytest.mark.parametrize(
    ("cgroup", "top"),
    [
        ("0::/", "/"),  # docker on version 2: a namespace of its own
        ("0::/docker/3f2a", "/docker/3f2a"),  # the host's names, its own cgroup mounted
        ("0::/docker/3f2a", "/"),  # the host's names, none of which are there
        ("0::/../3f2a", "/../9c81"),  # moved after the namespace was made
    ],
)
def test_containers(tmp_path: Path, cgroup: str, top: str) -> None:
    mount = V2.replace("0:26 / ", f"0:26 {top} ")
    root = tree(tmp_path, cgroup, mount, {"sys/fs/cgroup": v2(4 * GB, 1 * GB)})
    assert cgroup_room(root) == 3 * GB


def test_docker_on_version_1(tmp_path: Path) -> None:
    mount = V1.replace("0:32 / ", "0:32 /docker/3f2a ")
    root = tree(tmp_path, "4:memory:/docker/3f2a/inner", mount, {
        "sys/fs/cgroup/memory": v1(4 * GB, 1 * GB), "sys/fs/cgroup/memory/inner": v1(2 * GB, 1 * GB)
    })  # fmt: skip
    assert cgroup_room(root) == 1 * GB


def test_a_mount_of_other_containers_is_not_ours(tmp_path: Path) -> None:
    other = V2.replace("0:26 / /sys/fs/cgroup", r"0:26 /docker/other /var/lib/with\040space")
    root = tree(tmp_path, "0::/docker/own", f"{V2}\n{other}", {
        "sys/fs/cgroup/docker/own": v2(4 * GB, 1 * GB), "var/lib/with space": v2(2 * GB, 2 * GB)
    })  # fmt: skip
    assert cgroup_room(root) == 3 * GB


def test_a_space_in_the_name_of_a_mount(tmp_path: Path) -> None:
    mount = V2.replace("/sys/fs/cgroup", r"/my\040cgroups")
    assert cgroup_room(tree(tmp_path, "0::/", mount, {"my cgroups": v2(4 * GB, 1 * GB)})) == 3 * GB


def test_both_versions_mounted(tmp_path: Path) -> None:
    """A hybrid: version 2 is there, and memory is counted by version 1."""
    unified = V2.replace("/sys/fs/cgroup", "/sys/fs/cgroup/unified")
    root = tree(tmp_path, "4:memory:/job\n0::/", f"{V1}\n{unified}", {
        "sys/fs/cgroup/memory/job": v1(4 * GB, 1 * GB), "sys/fs/cgroup/unified": {"cgroup.procs": "1"}
    })  # fmt: skip
    assert cgroup_room(root) == 3 * GB


def test_nothing_is_limited(tmp_path: Path) -> None:
    assert cgroup_room(tmp_path) is None, "no /proc"
    assert cgroup_room(tree(tmp_path / "a", "", "", {})) is None
    assert cgroup_room(tree(tmp_path / "b", "0::/", V2, {"sys/fs/cgroup": v2("max", 5)})) is None
    assert cgroup_room(tree(tmp_path / "c", "0::/", V2, {"sys/fs/cgroup": {"cgroup.procs": "1"}})) is None
    assert cgroup_room(tree(tmp_path / "d", "garbage", "garbage - \n- - -\n", {})) is None
    assert cgroup_room(tree(tmp_path / "e", "0::/", V2, {"sys/fs/cgroup": {"memory.max": 5}})) is None, "no usage"


def test_what_is_over_its_limit_has_no_room(tmp_path: Path) -> None:
    room = cgroup_room(tree(tmp_path, "0::/", V2, {"sys/fs/cgroup": v2(2 * GB, 3 * GB)}))
    assert room is not None
    assert room < 0


def test_what_a_slurm_job_asked_for() -> None:
    assert slurm_room({}, taken=GB) is None
    assert slurm_room({"SLURM_MEM_PER_NODE": "0"}, taken=GB) is None, "all of the node"
    assert slurm_room({"SLURM_MEM_PER_NODE": "8192"}, taken=2**30) == 7 * 2**30
    assert slurm_room({"SLURM_MEM_PER_CPU": "1024", "SLURM_CPUS_ON_NODE": "4"}, taken=2**30) == 3 * 2**30
    assert slurm_room({"SLURM_MEM_PER_NODE": "8G"}, taken=0) is None, "not what SLURM writes"


def test_the_least_bound_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("SLURM_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(memory, "cgroup_room", lambda root: None)
    free = available_memory()
    assert free == pytest.approx(psutil.virtual_memory().available, rel=0.5)
    monkeypatch.setattr(memory, "cgroup_room", lambda root: 10**8)
    assert available_memory() == 10**8
    monkeypatch.setenv("SLURM_MEM_PER_NODE", "1")
    assert available_memory() == 0, "this process holds more already"


@pytest.mark.skipif(sys.platform != "linux", reason="needs ulimit -v")
def test_address_space_is_a_bound() -> None:
    code = "from asem_core.memory import available_memory; print(available_memory())"
    command = f"ulimit -v {4 * 2**20}; exec '{sys.executable}' -c '{code}'"
    said = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True).stdout
    assert 0 < int(said) < 4 * 2**30


def test_two_runs_that_start_together_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when the second starts after the first has taken its part, and then a third."""
    monkeypatch.setattr(memory, "available_memory", lambda: 10 * GB)
    one = default_max_memory()
    assert 2 * one <= 0.85 * 10 * GB
    left = 10 * GB
    for _ in range(10):
        monkeypatch.setattr(memory, "available_memory", lambda left=left: left)
        left -= default_max_memory()
    assert left > 0


def test_a_run_that_cannot_choose_may_use_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available_memory", lambda: 10 * GB)
    assert default_max_memory() < default_max_memory(fixed=True) < 10 * GB


SMI = "0, GPU-5ae1b0d3-1, 81037\n1, GPU-99c00000-2, 512\n3, GPU-99d00000-3, 1024\n"


@pytest.mark.parametrize(
    ("visible", "mebibytes"),
    [
        (None, 81037),
        ("0", 81037),
        ("1,0", 512),
        (" 3 ", 1024),
        ("GPU-99c00000-2", 512),
        ("GPU-99d", 1024),
        ("", None),
        ("-1", None),
        ("2", None),
        ("GPU-77", None),
        ("MIG-99c00000-2", None),
    ],
)
def test_the_first_visible_gpu(visible: str | None, mebibytes: int | None) -> None:
    assert first_gpu(SMI, visible=visible) == (None if mebibytes is None else mebibytes * 2**20)


def test_nvidia_smi_that_does_not_say() -> None:
    assert first_gpu("", visible=None) is None
    assert first_gpu("NVIDIA-SMI has failed because it couldn't communicate with the driver", visible="0") is None
    assert first_gpu("0, GPU-1, [N/A]", visible="0") is None


def test_memory_of_a_gpu_counts_where_it_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    smi = tmp_path / "nvidia-smi"
    smi.write_text("#!/bin/sh\necho '0, GPU-1, 100'\necho '1, GPU-2, 50'\n")
    smi.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-2")
    monkeypatch.setattr(memory, "available_memory", lambda: 10 * GB)
    assert gpu_free_memory() == 50 * 2**20
    assert default_max_memory(gpu_free_memory()) == int(memory.SHARE * 50 * 2**20)
    assert default_max_memory() == int(memory.SHARE * 10 * GB)
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    assert gpu_free_memory() is None
    assert default_max_memory(gpu_free_memory()) == default_max_memory()
