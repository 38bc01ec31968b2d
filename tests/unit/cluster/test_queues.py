"""The YAML of a queue, and the jobs that it asks for. No queue is needed to write a job's script."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from asem_core.cluster import connect
from asem_core.cluster.queues import Queue, read_queue
from asem_core.errors import ClusterError

SLURM = """
slurm: {queue: gpu, cores: 8, memory: 32GB, walltime: "04:00:00", interface: lo}
adapt: {minimum: 1, maximum: 40}
lifetime: 210m
stagger: 20m
wait: 90s
"""


def read(text: str, folder: Path) -> Queue:
    path = folder / "queue.yaml"
    path.write_text(text)
    return read_queue(path)


def test_a_job_is_one_worker_of_one_thread_that_ends_before_the_walltime(tmp_path: Path) -> None:
    queue = read(SLURM, tmp_path)
    assert queue.wait_s == 90
    cluster = queue.make()
    try:
        script = cluster.job_script()
    finally:
        cluster.close()
    assert "#SBATCH -p gpu" in script
    assert "#SBATCH --cpus-per-task=8" in script
    assert "--nthreads 1 --lifetime 210m --lifetime-stagger 20m" in script.rpartition("--nthreads 8")[2]


@pytest.mark.parametrize("kind", ["lsf", "sge", "pbs"])
def test_other_queues_alike(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LSF_BINDIR", "/nowhere")
    given = f'{kind}: {{queue: long, cores: 4, memory: 16GB, walltime: "04:00", interface: lo}}\njobs: 3'
    cluster = read(given, tmp_path).make()
    try:
        script = cluster.job_script()
    finally:
        cluster.close()
    assert "-q long" in script
    assert "--nthreads 1 " in script.rpartition("--nthreads 4 ")[2]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("jobs: 3", "give one of slurm, lsf, sge, pbs"),
        ("slurm: {}\nlsf: {}\njobs: 3", "give one of slurm, lsf, sge, pbs"),
        ("slurm: {cores: 1}", "jobs, or adapt with minimum and maximum"),
        ("slurm: {cores: 1}\njobs: 3\nadapt: {maximum: 4}", "jobs, or adapt with minimum and maximum"),
        ("slurm: {cores: 1}\njobs: 3\nlifetime: long", "such as 55m or 2h; got 'long'"),
        ("slurm: {cores: 1}\nnodes: 3", "unknown key 'nodes'"),
    ],
)
def test_what_a_file_cannot_say(text: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match=told):
        read(text, tmp_path)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # of what was not made
def test_what_dask_jobqueue_does_not_take(tmp_path: Path) -> None:
    queue = read("slurm: {cores: 1, memory: 1GB, partition_of: a}\njobs: 1", tmp_path)
    with pytest.raises(ClusterError, match=r"slurm: dask-jobqueue does not take this: .*partition_of"):
        queue.make()


@pytest.mark.slow
def test_a_queue_that_never_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, does in (("sbatch", 'echo "Submitted batch job 17"'), ("scancel", "exit 0")):
        command = tmp_path / name
        command.write_text(f"#!/bin/sh\n{does}\n")
        command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    read("slurm: {cores: 1, memory: 1GB, interface: lo}\njobs: 1\nwait: 1s", tmp_path)
    began = time.monotonic()
    with (
        pytest.raises(ClusterError, match=r"no worker came to the scheduler tcp://.* for 1 s: do its jobs wait"),
        connect(str(tmp_path / "queue.yaml")),
    ):
        pass
    assert time.monotonic() - began > 1
