"""A YAML of a cluster with a queue, whose jobs are workers: SLURM, LSF, SGE or PBS through dask-jobqueue.

::

    slurm:                            # or lsf, sge, pbs: what dask-jobqueue's cluster takes
      queue: normal
      cores: 8
      memory: 32GB
      walltime: "04:00:00"
    adapt: {minimum: 1, maximum: 40}  # or jobs: 10
    lifetime: 210m                    # before the walltime, so that a worker ends by itself
    stagger: 20m
    wait: 2h
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
from attrs import validators

from asem_core.errors import AsemError, ClusterError
from asem_core.plain_yaml import read_as

_KINDS = {"slurm": "SLURMCluster", "lsf": "LSFCluster", "sge": "SGECluster", "pbs": "PBSCluster"}


@attrs.frozen(kw_only=True)
class Adapt:
    """How many jobs there are, as there is work."""

    minimum: int = attrs.field(default=1, validator=validators.ge(1))
    """At least 1: the driver asks a worker before it hands out the first block."""
    maximum: int


@attrs.frozen(kw_only=True)
class Queue:
    """Jobs that are to be asked for; each is one worker with one thread that blocks begin in."""

    slurm: Mapping[str, Any] | None = None
    """What ``dask_jobqueue.SLURMCluster`` takes; of this and the next three exactly one is given."""
    lsf: Mapping[str, Any] | None = None
    sge: Mapping[str, Any] | None = None
    pbs: Mapping[str, Any] | None = None
    jobs: int | None = attrs.field(default=None, validator=validators.optional(validators.ge(1)))
    """A fixed number of jobs, each replaced when it has ended; this or ``adapt``."""
    adapt: Adapt | None = None
    lifetime: str | None = None
    """After this a worker takes no more blocks, and ends; ``55m``, ``3.5h``."""
    stagger: str | None = None
    """By how much ``lifetime`` differs between workers, so that not all end at once."""
    wait: str = "1h"
    """Without any worker for so long, it is given up."""

    def __attrs_post_init__(self) -> None:
        if len(self._given) != 1:
            raise ValueError(f"give one of {', '.join(_KINDS)}, with what dask-jobqueue takes for it")
        if (self.jobs is None) == (self.adapt is None):
            raise ValueError("say how many jobs there are: jobs, or adapt with minimum and maximum")
        for text in (self.lifetime, self.stagger, self.wait):
            _seconds(text or "1s")

    @property
    def _given(self) -> dict[str, Mapping[str, Any]]:
        return {kind: found for kind in _KINDS if (found := getattr(self, kind)) is not None}

    @property
    def wait_s(self) -> float:
        """``wait`` in seconds."""
        return _seconds(self.wait)

    @contextmanager
    def started(self) -> Iterator[Any]:
        """The cluster, its jobs asked for; they are taken back at the end.

        Raises
        ------
        ClusterError
            dask-jobqueue does not take what is given, or the queue refuses.
        AsemError
            It is not installed.
        """
        cluster = self.make()
        with cluster:
            _ask_for_one(cluster, queue=next(iter(self._given)))
            # A fixed number too: `scale` asks for no other job when one has ended.
            least, most = (self.jobs, self.jobs) if self.adapt is None else (self.adapt.minimum, self.adapt.maximum)
            cluster.adapt(minimum_jobs=least, maximum_jobs=most)
            yield cluster

    def make(self) -> Any:
        """The cluster, no job asked for yet; see `started`."""
        try:
            import dask_jobqueue
        except ImportError:
            raise AsemError("a queue needs dask-jobqueue: pip install 'asem-core[distributed]'") from None
        ((kind, given),) = self._given.items()
        extra = [*given.get("worker_extra_args", ()), "--nthreads", "1"]
        extra += ["--lifetime", self.lifetime] if self.lifetime else []
        extra += ["--lifetime-stagger", self.stagger] if self.stagger else []
        try:
            return getattr(dask_jobqueue, _KINDS[kind])(**{"processes": 1, **given, "worker_extra_args": extra})
        except (TypeError, ValueError, RuntimeError, OSError) as error:
            raise ClusterError(f"{kind}: dask-jobqueue does not take this: {' '.join(str(error).split())}") from error


def _ask_for_one(cluster: Any, *, queue: str) -> None:
    """Submit the first job: what the queue has against it would be lost in the loop in which `adapt` submits."""
    from distributed.core import Status

    async def submitted() -> None:
        cluster.worker_spec.update(cluster.new_worker_spec())
        try:
            await cluster
        except BaseException:
            for job in cluster.workers.values():
                job.status = Status.failed  # dask-jobqueue leaves it as created, which the cluster does not end with
            raise

    try:
        cluster.sync(submitted)
    except (RuntimeError, OSError, ValueError) as error:
        told = str(error).rpartition("stderr:")[2]  # of the command and what it printed, as dask-jobqueue tells it
        raise ClusterError(f"{queue}: the queue refuses: {' '.join(told.split())}") from None


def read_queue(path: Path) -> Queue:
    """What the YAML ``path`` asks for.

    Raises
    ------
    ClusterError
        It cannot be read, or a key or value does not belong.
    """
    return read_as(path, Queue, error=ClusterError)


def _seconds(text: str) -> float:
    from dask.utils import parse_timedelta

    try:
        return float(parse_timedelta(text))
    except (ValueError, KeyError):
        raise ValueError(f"a time is a number with a unit, such as 55m or 2h; got {text!r}") from None
