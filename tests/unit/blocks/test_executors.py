"""Executors: every block once, errors as outcomes, bounded reading ahead, and an end that waits."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import closing
from typing import Any

import numpy as np
import pytest

from asem_core.blocks.executors import Executor, Outcome, Pipeline, Task, Threads, map_blocks
from asem_core.errors import VolumeError
from asem_core.geometry import Box
from asem_core.processors import processors

BLOCKS = list(range(16))
EXECUTORS = [Threads(1), Threads(4), Pipeline()]
Step = Callable[[int], None]

executors = pytest.mark.parametrize("executor", EXECUTORS, ids=["one thread", "threads", "pipeline"])


class Work:
    """Squares numbers; each step can be made to fail."""

    def __init__(self, **faults: Step) -> None:
        self.faults = faults
        self.calls: dict[str, list[int]] = {"read": [], "compute": [], "write": []}
        self.threads: dict[str, set[int]] = {"read": set(), "compute": set(), "write": set()}

    def note(self, step: str, block: int) -> None:
        self.calls[step].append(block)
        self.threads[step].add(threading.get_ident())
        if step in self.faults:
            self.faults[step](block)

    def read(self, block: int) -> int:
        self.note("read", block)
        return block

    def compute(self, block: int, value: int) -> int:
        self.note("compute", block)
        return value**2

    def write(self, block: int, value: int) -> str:
        self.note("write", block)
        return str(value)

    @property
    def task(self) -> Task[int, str]:
        return Task(read=self.read, compute=self.compute, write=self.write)


def at(*numbers: int, error: BaseException) -> Step:
    def fault(block: int) -> None:
        if block in numbers:
            raise error

    return fault


def outcomes(executor: Executor, work: Work) -> list[Outcome[int, str]]:
    with closing(executor.run(work.task, BLOCKS)) as found:
        return list(found)


@executors
def test_every_block_once(executor: Executor) -> None:
    work = Work()
    found = outcomes(executor, work)
    assert {outcome.block: outcome.result for outcome in found} == {block: str(block**2) for block in BLOCKS}
    assert all(outcome.error is None for outcome in found)
    assert all(sorted(calls) == BLOCKS for calls in work.calls.values())
    assert list(executor.run(work.task, [])) == []


@pytest.mark.parametrize("executor", [Threads(1), Pipeline()], ids=["one thread", "pipeline"])
def test_in_the_order_given(executor: Executor) -> None:
    work = Work()
    assert [outcome.block for outcome in outcomes(executor, work)] == BLOCKS
    assert list(work.calls.values()) == [BLOCKS] * 3


@executors
@pytest.mark.parametrize("step", ["read", "compute", "write"])
@pytest.mark.parametrize("failing", [(0,), (3, 4), (15,), tuple(BLOCKS)])
def test_an_error_is_an_outcome_and_the_others_go_on(executor: Executor, step: str, failing: tuple[int, ...]) -> None:
    error = ValueError("bad voxel")
    found = outcomes(executor, Work(**{step: at(*failing, error=error)}))
    assert sorted(outcome.block for outcome in found) == BLOCKS
    assert {outcome.block for outcome in found if outcome.error is error} == set(failing)
    assert all(outcome.result is None for outcome in found if outcome.error)


@executors
@pytest.mark.parametrize("step", ["read", "compute", "write"])
@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_what_is_no_error_stops_everything(executor: Executor, step: str, stop: type[BaseException]) -> None:
    work = Work(**{step: at(2, error=stop())})
    with pytest.raises(stop):
        outcomes(executor, work)
    assert len(work.calls["read"]) < len(BLOCKS), "the rest does not begin"


@executors
def test_closing_waits_for_what_runs_and_begins_nothing_more(executor: Executor) -> None:
    running: list[int] = []

    def slow(block: int) -> None:
        running.append(block)
        time.sleep(0.02)
        running.remove(block)

    work = Work(read=slow, write=slow)
    found = executor.run(work.task, BLOCKS)
    next(found)
    found.close()
    assert running == []
    begun = {step: list(calls) for step, calls in work.calls.items()}
    assert len(begun["read"]) < len(BLOCKS)
    time.sleep(0.05)
    assert {step: list(calls) for step, calls in work.calls.items()} == begun


@executors
def test_who_consumes_slowly_is_waited_for(executor: Executor) -> None:
    """Results of blocks that nobody took yet do not pile up without end."""
    work = Work()
    with closing(executor.run(work.task, BLOCKS)) as found:
        next(found)
        time.sleep(0.05)
        assert len(work.calls["read"]) <= 10


def test_the_pipeline_computes_in_the_callers_thread() -> None:
    work = Work()
    outcomes(Pipeline(), work)
    assert work.threads["compute"] == {threading.get_ident()}
    assert len(work.threads["read"] | work.threads["compute"] | work.threads["write"]) == 3


def test_the_pipeline_reads_ahead_but_not_far() -> None:
    second = threading.Event()
    ahead: list[int] = []
    work = Work()

    def compute(block: int) -> None:
        if block == 0:
            assert second.wait(10), "the next block is read while this one is computed"
        time.sleep(0.002)
        ahead.append(len(work.calls["read"]) - len(work.calls["compute"]))

    work.faults = {"read": lambda block: second.set() if block == 1 else None, "compute": compute}
    outcomes(Pipeline(), work)
    assert 1 <= max(ahead) <= 2


def test_the_pipeline_holds_few_blocks() -> None:
    made: list[weakref.ref[Any]] = []
    most: list[int] = []

    class Array(np.ndarray):
        pass

    def read(block: int) -> Any:
        found = np.zeros(4).view(Array)
        made.append(weakref.ref(found))
        return found

    def write(block: int, value: Any) -> None:
        gc.collect()
        most.append(sum(array() is not None for array in made))
        time.sleep(0.002)

    task: Task[int, None] = Task(read=read, write=write)
    gc.freeze()  # what other tests left is not looked through at every block
    with closing(Pipeline().run(task, list(range(12)))) as found:
        for _ in found:
            pass
    gc.unfreeze()
    assert max(most) <= 2 + 1 + 2 + 1, "read ahead, computed, waiting to be written, being written"


@pytest.mark.parametrize("workers", [1, 3])
def test_as_many_threads_as_asked_for(workers: int) -> None:
    running, most, lock = [0], [0], threading.Lock()

    def busy(block: int) -> None:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        time.sleep(0.01)
        with lock:
            running[0] -= 1

    outcomes(Threads(workers), Work(compute=busy))
    assert most[0] == workers
    assert Threads().workers == processors() >= 1


# map_blocks


def test_results_in_order_and_progress_per_block() -> None:
    seen: list[int] = []
    blocks = list(Box.of_shape((3, 3, 3)).tiles(1))
    found = map_blocks(lambda box: box.start, blocks, sweep="s", progress=lambda _s, done, _t: seen.append(done))
    assert found == [box.start for box in blocks]
    assert seen == list(range(28))
    assert map_blocks(lambda box: box, [], sweep="s") == []
    assert map_blocks(lambda _: None, [1, 2], sweep="s", executor=Pipeline()) == [None, None]


def test_the_first_error_is_raised_when_nothing_runs_any_more() -> None:
    running: list[int] = []
    asked: list[int] = []

    def work(block: int) -> None:
        asked.append(block)
        running.append(block)
        time.sleep(0.01)
        running.remove(block)
        if block == 3:
            raise VolumeError("bad section")

    with pytest.raises(VolumeError, match="bad section"):
        map_blocks(work, BLOCKS, sweep="s", executor=Threads(2))
    assert running == []
    assert len(asked) < len(BLOCKS)
