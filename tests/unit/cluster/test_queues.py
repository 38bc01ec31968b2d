"""The YAML of a queue, and the jobs that it asks for. No queue is needed to write a job's script."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import attrs
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


DOCUMENTED = Path(__file__).parents[3] / "docs" / "scripts" / "cluster"


@pytest.mark.parametrize("file", sorted(DOCUMENTED.glob("*.yaml")), ids=lambda file: file.stem)
def test_documented_queues(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LSF_BINDIR", "/nowhere")
    queue, kind = read_queue(file), file.stem.partition("-")[0]
    any_port = {"scheduler_options": {"dashboard_address": ":0"}}
    cluster = attrs.evolve(queue, **{kind: {**getattr(queue, kind), **any_port}}).make()
    try:
        script = cluster.job_script()
    finally:
        cluster.close()
    assert "--nthreads 1 --lifetime 210m --lifetime-stagger 20m" in script.rpartition("--nthreads 8")[2]
    asked = {"slurm": "--gpus-per-task=1", "lsf": '-gpu "num=1', "sge": "gpu=1", "pbs": "ngpus=1"}[
        file.stem.split("-")[0]
    ]
    assert (asked in script) == ("--resources GPU=1" in script) == file.stem.endswith("-gpu")


@pytest.mark.parametrize("file", sorted(DOCUMENTED.glob("*.sh")), ids=lambda file: file.stem)
def test_documented_scripts(file: Path) -> None:
    assert subprocess.run(["bash", "-n", str(file)]).returncode == 0
    text = file.read_text()
    assert f" {file.name}\n" in text  # how it is submitted
    assert ("dask worker" in text) == ("--nthreads 1" in text)
    assert ("--resources GPU=1" in text) == ("-gpu" in file.stem)


def test_the_page_shows_those_files() -> None:
    page = (DOCUMENTED.parents[1] / "cluster.md").read_text()
    assert all((DOCUMENTED / name).read_text() in page for name in ("slurm.yaml", "slurm.sh"))
    assert all(f"scripts/cluster/{file.name})" in page for file in DOCUMENTED.iterdir())


def a_queue(monkeypatch: pytest.MonkeyPatch, folder: Path, *, sbatch: str = 'echo "Submitted batch job 17"') -> None:
    """Let the commands of SLURM be found, of which submitting a job is the shell's ``sbatch``."""
    for name, does in (("sbatch", sbatch), ("scancel", "exit 0")):
        command = folder / name
        command.write_text(f"#!/bin/sh\n{does}\n")
        command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_a_fixed_number_of_jobs_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    a_queue(monkeypatch, tmp_path)
    monkeypatch.setattr("distributed.deploy.spec.SpecCluster.adapt", lambda *_, **bounds: asked.append(bounds))
    with read("slurm: {cores: 1, memory: 1GB, interface: lo}\njobs: 3", tmp_path).started():
        pass
    assert [(bounds["minimum"], bounds["maximum"]) for bounds in asked] == [(3, 3)]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("jobs: 3", "give one of slurm, lsf, sge, pbs"),
        ("slurm: {}\nlsf: {}\njobs: 3", "give one of slurm, lsf, sge, pbs"),
        ("slurm: {cores: 1}", "jobs, or adapt with minimum and maximum"),
        ("slurm: {cores: 1}\njobs: 3\nadapt: {maximum: 4}", "jobs, or adapt with minimum and maximum"),
        ("slurm: {cores: 1}\njobs: 3\nlifetime: long", "such as 55m or 2h; got 'long'"),
        ("slurm: {cores: 1}\nnodes: 3", "unknown key 'nodes'"),
        ("slurm: {cores: 1}\njobs: 0", "jobs"),
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


@pytest.mark.parametrize(
    ("sbatch", "told"),
    [
        ('echo "sbatch: error: invalid partition" >&2; exit 1', "sbatch: error: invalid partition$"),
        ('echo "no number"', "Could not parse job id"),
    ],
)
def test_a_queue_that_refuses_is_told_at_once(
    sbatch: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_queue(monkeypatch, tmp_path, sbatch=sbatch)
    queue = read("slurm: {cores: 1, memory: 1GB, interface: lo}\njobs: 2\nwait: 1h", tmp_path)
    with pytest.raises(ClusterError, match=f"^slurm: the queue refuses: {told}"), queue.started():
        pass


@pytest.mark.slow
def test_a_queue_that_never_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a_queue(monkeypatch, tmp_path)
    read("slurm: {cores: 1, memory: 1GB, interface: lo}\njobs: 1\nwait: 1s", tmp_path)
    began = time.monotonic()
    with (
        pytest.raises(ClusterError, match=r"no worker came to the scheduler tcp://.* for 1 s: do its jobs wait"),
        connect(str(tmp_path / "queue.yaml")),
    ):
        pass
    assert time.monotonic() - began > 1
