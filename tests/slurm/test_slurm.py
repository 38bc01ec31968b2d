"""A segmentation as jobs of SLURM: killed by walltime and by ``scancel``, finished, and the laptop's bit for bit.

``make test-slurm`` runs this, and nothing else does: it starts daemons, needs root and takes some minutes, most of them
waiting for a walltime. ``ASEM_SLURM_MINUTES`` is that walltime; on a machine that needs a minute to start a worker, let
it be more.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import attrs
import numpy as np
import pytest
import zarr

from asem_core.blocks.journal import load
from asem_core.blocks.verify import verify

from ..jobs import contents
from .daemons import Slurm, missing, started, wait_for

MINUTES = int(os.environ.get("ASEM_SLURM_MINUTES", "1"))
WORDS = ["--organelle", "mito", "--model", "mito-compact-10nm", "--tile", "112", "--runtime", "onnxruntime",
         "--precision", "f32"]  # fmt: skip
NAME = "mito.zarr"
"""Of every output: it is in the metadata."""
ASEM = str(Path(sys.executable).with_name("asem"))
GATE = Path(__file__).with_name("gate.py")
DASK = str(Path(sys.executable).with_name("dask"))

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("ASEM_SLURM" not in os.environ, reason="make test-slurm runs it"),
]


@attrs.frozen
class Bench:
    """A queue, a volume, what a laptop makes of it, and the tickets that let workers go on."""

    slurm: Slurm
    folder: Path
    whole: dict[str, bytes]

    @property
    def volume(self) -> Path:
        """Of 12 tiles."""
        return self.folder / "cell.zarr"

    @property
    def tickets(self) -> Path:
        """See `tests/slurm/gate.py`."""
        return self.folder / "tickets"

    def let(self, tiles: int | None) -> None:
        """Let so many more tiles begin; None: all."""
        for number in range(tiles or 0):
            (self.tickets / f"{time.monotonic_ns()}-{number}").touch()
        if tiles is None:
            (self.tickets / "all").touch()

    def close(self) -> None:
        """Let no more tile begin."""
        for ticket in self.tickets.iterdir():
            ticket.unlink()

    def check(self, out: Path) -> None:
        """The output is whole, and the laptop's."""
        assert verify(out).sound
        assert contents(out) == self.whole


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    why = missing()
    assert why is None, why
    folder = tmp_path_factory.mktemp("shared")
    (folder / "tickets").mkdir()
    noise = np.random.default_rng(8).integers(90, 170, (32, 32, 48)).astype(np.uint8)
    zarr.create_array(folder / "cell.zarr", data=noise, chunks=(32, 32, 32)).attrs["resolution"] = [5, 5, 5]
    subprocess.run(
        [ASEM, "segment", str(folder / "cell.zarr"), *WORDS, "-o", str(folder / "laptop" / NAME)], check=True
    )
    daemons = tmp_path_factory.mktemp("slurm")
    with started(daemons) as slurm:
        slurm.environment["ASEM_TICKETS"] = str(folder / "tickets")
        say(slurm.call("sinfo", "--version").strip())
        say(slurm.call("sinfo", "--Node", "--long").rstrip())
        yield Bench(slurm, folder, contents(folder / "laptop" / NAME))
    for job in slurm.ended:
        say(" ".join(f"{key}={job[key]}" for key in ("JobId", "Name", "JobState", "NodeList", "StartTime", "EndTime")))


def test_workers_are_jobs_that_dask_jobqueue_asks_for(bench: Bench) -> None:
    bench.close()
    out, queue = bench.folder / "queue" / NAME, bench.folder / "slurm.yaml"
    queue.write_text(QUEUE.format(minutes=MINUTES, python=sys.executable, gate=GATE, folder=bench.folder))
    command = [ASEM, "segment", str(bench.volume), *WORDS, "-o", str(out), "--dask", str(queue)]
    bench.let(3)
    with subprocess.Popen(command, env=bench.slurm.environment, stderr=subprocess.PIPE, text=True) as driver:
        wait_for(partial(has_tiles, out, 1), "a tile")
        first, *_ = bench.slurm.running()
        bench.slurm.call("scancel", first)
        say(f"{done(out)} tiles are done; scancel {first}")
        wait_for(lambda: "TIMEOUT" in states(bench), "a job that reaches its walltime")
        say("a job has reached its walltime")
        bench.let(None)
        told = driver.stderr.read() if driver.stderr else ""
        assert driver.wait() == 0, told
    say(told.splitlines()[-1])
    assert {"CANCELLED", "TIMEOUT"} <= states(bench)
    bench.check(out)


def test_scheduler_workers_and_driver_in_one_job_that_is_requeued(bench: Bench) -> None:
    bench.close()
    out, script = bench.folder / "job" / NAME, bench.folder / "job.sh"
    asem = f"{ASEM} segment {bench.volume} {' '.join(WORDS)} -o {out}"
    script.write_text(JOB.format(minutes=MINUTES, folder=bench.folder, gate=GATE, asem=asem, dask=DASK))
    bench.let(3)
    job = bench.slurm.submit(script)
    wait_for(partial(has_tiles, out, 1), "a tile")
    bench.slurm.call("scancel", job)
    wait_for(lambda: (job, "CANCELLED") in ends(bench), "scancel")
    before = done(out)
    say(f"{before} tiles are done; scancel {job}, scontrol requeue {job}")
    bench.let(3)
    bench.slurm.call("scontrol", "requeue", job)
    wait_for(partial(has_tiles, out, before + 1), "another tile")
    wait_for(lambda: (job, "TIMEOUT") in ends(bench), "the walltime")
    before = done(out)
    say(f"{before} tiles are done; job {job} has reached its walltime, scontrol requeue {job}")
    bench.let(None)
    bench.slurm.call("scontrol", "requeue", job)
    wait_for(lambda: (job, "COMPLETED") in ends(bench), "the end")
    bench.check(out)


def done(out: Path) -> int:
    journal = load(out)
    return 0 if journal is None else len(journal.done("predict"))


def has_tiles(out: Path, count: int) -> bool:
    return done(out) >= count


def ends(bench: Bench) -> list[tuple[str, str]]:
    return [(job["JobId"], job["JobState"]) for job in bench.slurm.ended]


def states(bench: Bench) -> set[str]:
    return {state for _, state in ends(bench)}


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


QUEUE = """\
slurm:
  cores: 1
  memory: 2GB
  walltime: "00:{minutes:02d}:00"
  interface: lo
  python: {python}
  local_directory: {folder}
  log_directory: {folder}/logs
  nanny: false
  death_timeout: 900
  worker_extra_args: [--preload, {gate}]
adapt: {{minimum: 2, maximum: 2}}
wait: 15m
"""

JOB = """\
#!/bin/bash
#SBATCH --job-name=asem --nodes=2 --ntasks=2 --time={minutes} --requeue --output={folder}/job-%j-%N.log
cd {folder}
rm -f scheduler.json
{dask} scheduler --scheduler-file scheduler.json --interface lo --port 0 --dashboard-address :0 &
until [ -f scheduler.json ]; do sleep 1; done
srun --ntasks=2 {dask} worker --scheduler-file scheduler.json --interface lo --nthreads 1 --no-nanny --no-dashboard \\
  --local-directory {folder} --preload {gate} &
{asem} --dask scheduler.json
"""
