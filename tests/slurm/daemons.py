"""SLURM on this machine: munged, slurmctld and three slurmd in one folder, which end with the context.

Nothing of the system's own SLURM or munge is used or changed but their programs. Needs root: slurmd does.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import attrs
import psutil

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "scancel", "scontrol")
NODES = 3
_CONFIGURATION = """\
ClusterName=asem
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
SlurmUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.%n.log
# Neither systemd nor cgroups are needed: a container may have none.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SelectType=select/linear
SlurmdParameters=config_overrides
JobCompType=jobcomp/filetxt
JobCompLoc={folder}/jobs.txt
JobRequeue=1
MinJobAge=86400
KillWait=5
SlurmdTimeout=600
SchedulerParameters=batch_sched_delay=0,sched_interval=5
{nodes}
PartitionName=all Nodes=ALL Default=YES State=UP MaxTime=60
"""


@attrs.frozen
class Slurm:
    """A queue of three nodes."""

    folder: Path
    environment: dict[str, str]
    """With which its commands find it, and programs that use them."""

    def call(self, *words: str) -> str:
        """What a command of SLURM prints."""
        ran = subprocess.run(words, env=self.environment, capture_output=True, text=True, cwd=self.folder)
        assert ran.returncode == 0, f"{' '.join(words)}: {ran.stderr}"
        return ran.stdout

    def submit(self, script: Path) -> str:
        """The number of a job that runs ``script``."""
        return self.call("sbatch", "--parsable", str(script)).strip()

    def running(self) -> list[str]:
        """Numbers of the jobs that run, the oldest first."""
        return sorted(self.call("squeue", "--noheader", "--states=RUNNING", "--format=%i").split(), key=int)

    @property
    def ended(self) -> list[dict[str, str]]:
        """What is recorded of every job that ended: JobId, Name, JobState, EndTime ..."""
        file = self.folder / "jobs.txt"
        lines = file.read_text().splitlines() if file.exists() else []
        return [dict(word.split("=", 1) for word in line.split() if "=" in word) for line in lines]


@contextmanager
def started(folder: Path) -> Iterator[Slurm]:
    """SLURM with its files in ``folder``; its daemons and jobs end with the context."""
    _write(folder)
    environment = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf")}
    slurm = Slurm(folder, environment)
    files = {"socket": "munge.socket", "key-file": "munge.key", "pid-file": "munged.pid", "log-file": "munged.log",
             "seed-file": "munged.seed"}  # fmt: skip
    munged = [f"--{option}={folder}/{name}" for option, name in files.items()]
    with ExitStack() as stack:
        stack.callback(_end_orphans, environment["SLURM_CONF"])
        stack.enter_context(_daemon(["munged", "--foreground", "--force", *munged], environment))
        wait_for(lambda: (folder / "munge.socket").exists(), "munged")
        stack.enter_context(_daemon(["slurmctld", "-D", "-c"], environment))
        for node in range(NODES):
            stack.enter_context(_daemon(["slurmd", "-D", "-c", "-N", f"n{node}"], environment))
        wait_for(lambda: _idle(slurm) == NODES, "nodes")
        try:
            yield slurm
        finally:
            slurm.call("scancel", "--user=root", "--full")
            wait_for(lambda: not slurm.call("squeue", "--noheader").strip(), "the end of all jobs")


def wait_for(holds: Callable[[], bool], what: str, *, seconds: float = 900) -> None:
    """Wait until ``holds()``."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, f"waited {seconds:.0f} s for {what}"
        time.sleep(0.5)


def missing() -> str | None:
    """Why SLURM cannot be started here; None: it can."""
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    if absent:
        return f"{', '.join(absent)} missing: apt-get install slurm-wlm munge"
    return None if os.geteuid() == 0 else "slurmd needs root"


def _write(folder: Path) -> None:
    folder.chmod(0o755)
    (folder / "state").mkdir()
    key = folder / "munge.key"
    key.write_bytes(secrets.token_bytes(1024))
    key.chmod(0o400)
    host, ports = socket.gethostname().split(".")[0], _free_ports(NODES + 1)
    nodes = "\n".join(
        f"NodeName=n{node} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=1 RealMemory=4000 State=UNKNOWN"
        for node, port in enumerate(ports[1:])
    )
    (folder / "slurm.conf").write_text(_CONFIGURATION.format(folder=folder, host=host, ports=ports, nodes=nodes))


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _idle(slurm: Slurm) -> int:
    found = subprocess.run(
        ["sinfo", "--noheader", "--Node", "--states=idle", "--format=%N"],
        env=slurm.environment,
        capture_output=True,
        text=True,
    )
    return len(found.stdout.split())


def _end_orphans(configuration: str) -> None:
    """End what SLURM lost sight of: a worker whose shell was killed first (``proctrack/linuxproc`` goes by parents)."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("SLURM_CONF") == configuration:
                process.kill()


@contextmanager
def _daemon(command: Sequence[str], environment: dict[str, str]) -> Iterator[None]:
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
