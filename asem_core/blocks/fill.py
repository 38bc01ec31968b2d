"""What a job's ``fill`` is given: sweeps over blocks that leave out what is done, and temporary copies.

::

    run.each(name, boxes, compute)            writes what ``compute`` gives of each box
    run.sweep(name, blocks, task)             the same in parts: read | compute | write, on an executor
    sweep_together(runs, name, blocks, task)  one sweep for several runs, whose blocks write for each
    run.readable(volume)                      sections in chunks, so that boxes can be read
    run.array, run.writer                     a temporary array, and what writes blocks of it

The functions that a sweep calls may run in another process: they use what they need of the `Run`, never the `Run`.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.blocks.executors import B, Executor, Outcome, Task, Threads, chosen
from asem_core.blocks.journal import Begun, Journal, Record
from asem_core.errors import AsemError, BlockError, ClusterError, ModelError, OutputError, PluginError, StorageError
from asem_core.geometry import Box, Triple, triple
from asem_core.progress import Progress
from asem_core.volume.formats.ome_write import OmePlan
from asem_core.volume.formats.zarr_array import ZarrArray, temporary_array
from asem_core.volume.output import is_no_space
from asem_core.volume.pieces import chunk_pieces, digests
from asem_core.volume.staging import slabs
from asem_core.volume.volume import Volume
from asem_core.volume.window import window

log = logging.getLogger(__name__)

_SCRATCH_CHUNK = 64
_READERS = 2
"""Slabs of a source that are held at once."""


@attrs.frozen(kw_only=True, eq=False)
class Run:
    """A job under way, as its ``fill`` sees it."""

    output: Any
    """An `Output`; of an OME-Zarr, its arrays."""
    scratch: Path
    """Folder for temporary copies, which stays until the run has ended, whatever stops it meanwhile."""
    progress: Progress
    results: dict[str, Any] = attrs.field(factory=dict)
    """What is found out beside the output, JSON types: kept in the journal for whoever runs the finished job again."""
    journal: Journal
    """What is done."""

    def sweep(
        self,
        name: str,
        blocks: Sequence[B],
        task: Task[B, dict[str, str]],
        *,
        executor: Executor | None = None,
        scratch: bool = False,
    ) -> None:
        """Run the blocks that are not done yet.

        Parameters
        ----------
        name
            Of the sweep, in words.
        blocks
            Their ``str`` tells them apart.
        task
            Returns the digest of every piece that it wrote. Blocks write disjoint sets of pieces.
        executor
            On this machine, by default `Threads`; see `asem_core.blocks.executors.chosen`.
        scratch
            Whether it writes into `scratch`.

        Raises
        ------
        BlockError
            Some blocks failed: the others are done, the message says how to go on.
        OutputError
            The disk is full: stopped at once, what is done is kept.
        """
        alone: Task[B, Sequence[dict[str, str]]] = Task(
            read=task.read, compute=task.compute, write=partial(_alone, task.write), gpu=task.gpu
        )
        sweep_together((self,), name, blocks, alone, executor=executor, scratch=scratch)

    def is_done(self, name: str, blocks: Sequence[Hashable]) -> bool:
        """Whether all ``blocks`` of the sweep ``name`` are done: then nothing need be prepared for it."""
        keys = [str(block) for block in blocks]
        begun = self.journal.sweeps.get(name)
        return begun is not None and begun.cut == _cut(keys) and self.journal.done(name) >= set(keys)

    def each(
        self,
        name: str,
        blocks: Sequence[Box],
        compute: Callable[[Box], Mapping[str, npt.NDArray[Any]]],
        *,
        executor: Executor | None = None,
    ) -> None:
        """A `sweep` that writes what ``compute`` gives of each box, by the names of the output's arrays."""
        self.sweep(name, blocks, Task(read=compute, write=self.output.write), executor=executor)

    def readable(self, volume: Volume, name: str = "sections", *, part: Box | None = None) -> Volume:
        """``volume`` itself, or for plane-wise storage a chunked copy among the temporary ones, called ``name``.

        Of the copy only ``part`` can be read, by default all.
        """
        if not volume.planewise:
            return volume
        wanted = volume if part is None else window(volume, part)
        copy = self.array(name, shape=wanted.shape, dtype=volume.dtype)
        self.sweep(
            f"staging {name}",
            list(slabs(wanted.box, triple(copy.chunks), volume.dtype.itemsize)),
            Task(read=wanted.read, write=self.writer(copy)),
            executor=Threads(_READERS),
            scratch=True,
        )
        copied = attrs.evolve(wanted, array=ZarrArray(copy, self.scratch / name), chunks=triple(copy.chunks))
        return copied if part is None else window(copied, volume.box.shift([-s for s in part.start]))

    def array(self, name: str, *, shape: Triple, dtype: npt.DTypeLike, chunk: Triple | None = None) -> Any:
        """A temporary Zarr array ``(z, y, x)``, created or opened again; write to it in scratch sweeps."""
        return temporary_array(self.scratch / name, shape=shape, dtype=dtype, chunk=chunk or (_SCRATCH_CHUNK,) * 3)

    def writer(self, array: Any) -> Callable[[Box, npt.NDArray[Any]], dict[str, str]]:
        """What writes whole chunks of a temporary array and returns the digests of its pieces."""
        return partial(_write_chunks, self.scratch, array)

    def temporary(
        self,
        name: str,
        blocks: Sequence[Box],
        write: Callable[[Box], Iterable[Path]],
        *,
        executor: Executor | None = None,
    ) -> None:
        """A `sweep` whose blocks write files into `scratch`; ``write`` returns their paths."""
        task = Task(read=write, write=partial(_digested, self.scratch))
        self.sweep(name, blocks, task, executor=executor, scratch=True)


def sweep_together(
    runs: Sequence[Run],
    name: str,
    blocks: Sequence[B],
    task: Task[B, Sequence[dict[str, str]]],
    *,
    executor: Executor | None = None,
    scratch: bool = False,
) -> None:
    """A `Run.sweep` for several runs at once: of the blocks that none of them has done.

    A block that some of them have done, as a kill may leave it, is for a sweep of each of the others.

    Parameters
    ----------
    runs
        The first is told of progress.
    task
        Returns, for every run in the same order, the digest of every piece that it wrote for it.
    """
    keys = [str(block) for block in blocks]
    done: set[str] = set()
    for run in runs:
        run.journal.begin(Begun(sweep=name, blocks=len(keys), cut=_cut(keys), scratch=scratch))
        done |= run.journal.done(name)
    waiting = [block for block, key in zip(blocks, keys, strict=True) if key not in done]
    finished, total = len(blocks) - len(waiting), len(blocks)
    progress = runs[0].progress
    progress(name, finished, total)
    failures: list[str] = []
    with ExitStack() as stack:
        for run in runs:
            stack.callback(run.journal.flush)
        for outcome in stack.enter_context(closing(chosen(executor).run(task, waiting))):
            key = str(outcome.block)
            if outcome.error is None:
                records = [Record(sweep=name, block=key, pieces=pieces) for pieces in outcome.result or ()]
            else:
                why = _told(name, outcome, outcome.error)
                records = [Record(sweep=name, block=key, failed=why)] * len(runs)
                failures.append(f"block {key}: {why}")
            for run, record in zip(runs, records, strict=True):
                run.journal.add(record)
            finished += 1
            progress(name, finished, total)
    if failures:
        raise BlockError(
            f"{len(failures)} of {total} blocks failed in sweep {name!r} (first: {failures[0]}); "
            "the others are kept: run the same command again to retry, `asem status` lists the failures"
        )


def _alone(write: Callable[[B, Any], dict[str, str]], block: B, result: Any) -> tuple[dict[str, str]]:
    return (write(block, result),)


def _told(sweep: str, outcome: Outcome[Any, Any], error: Exception) -> str:
    """Why a block failed, in words; errors that every further block would meet too are raised at once."""
    if is_no_space(error) and outcome.where:
        raise OutputError(
            f"{outcome.where}: a disk that it writes to has no space left (output, or temporary files); free some, "
            "then run the same command again"
        ) from error
    if is_no_space(error) or isinstance(error, PluginError | ModelError | ClusterError | StorageError):
        raise error
    text = str(error) if isinstance(error, AsemError) else f"{type(error).__name__}: {error}"
    if outcome.where:
        text = f"{text} (on {outcome.where})"
    log.warning("block %s of sweep %s failed: %s", outcome.block, sweep, text)
    log.info("where it happened", exc_info=error)
    return text


def produce(
    compute: Callable[[Run], Callable[[Box], Mapping[str, npt.NDArray[Any]]]],
    *,
    sweep: str,
    block: Triple,
    plan: OmePlan,
) -> Callable[[Run], None]:
    """A ``fill`` that computes an OME-Zarr block by block.

    Parameters
    ----------
    compute
        ``compute(run)`` prepares and returns ``of(box)``: the voxels of ``box`` ``(z, y, x)`` under `IMAGE` and the
        name of every label image. Called for boxes in any order, from several threads.
    sweep
        Name of the work.
    block
        Voxels per axis of a block, rounded up to whole chunks or shards.
    """

    def fill(run: Run) -> None:
        of = compute(run)

        def every_array(box: Box) -> Mapping[str, npt.NDArray[Any]]:
            found = of(box)
            return {name: found[name] for name in plan.arrays}

        run.each(sweep, whole_chunks(plan, block), every_array)

    return fill


def whole_chunks(plan: OmePlan, block: Triple) -> list[Box]:
    """The volume of ``plan`` in boxes of at least ``block`` voxels per axis, so that every file has one writer."""
    units = [[min(u, n) for u, n in zip(p.unit, p.shape, strict=True)] for p in plan.arrays.values()]
    steps = [int(np.lcm.reduce(lengths)) for lengths in zip(*units, strict=True)]
    side = [-(-length // step) * step for length, step in zip(block, steps, strict=True)]
    return list(Box.of_shape(plan.shape).tiles(side))


def _write_chunks(scratch: Path, array: Any, box: Box, values: npt.NDArray[Any]) -> dict[str, str]:
    array[box.slices] = values
    folder = Path(array.store.root).relative_to(scratch).as_posix()
    return digests(scratch, [f"{folder}/{piece}" for piece in (".zarray", *chunk_pieces(array, box))])


def _digested(scratch: Path, _: Box, written: Iterable[Path]) -> dict[str, str]:
    return digests(scratch, [path.relative_to(scratch).as_posix() for path in written])


def _cut(keys: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(keys).encode()).hexdigest()
