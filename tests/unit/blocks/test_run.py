"""Running blocks: order, failures, a full disk, going on, progress."""

from __future__ import annotations

import errno
import random
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from asem_core.blocks.run import Stage, run_stage

from asem_core.blocks.journal import Journal, load, start
from asem_core.errors import BlockError, OutputError, VolumeError
from asem_core.geometry import Box
from asem_core.progress import silent

BLOCKS = list(Box.of_shape((8, 2, 4)).tiles(2))
Step = Callable[[Box], None]


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return start(tmp_path / "out.zarr", {"stages": {"square": len(BLOCKS)}})


class Work:
    """A stage that squares the block's first coordinate sum; each step can be made to fail."""

    def __init__(self, *, read: Step | None = None, compute: Step | None = None, write: Step | None = None) -> None:
        self.faults = {"read": read, "compute": compute, "write": write}
        self.calls: dict[str, list[Box]] = {"read": [], "compute": [], "write": []}
        self.threads: dict[str, set[int]] = {"read": set(), "compute": set(), "write": set()}
        self.output: dict[str, int] = {}

    def note(self, step: str, block: Box) -> None:
        self.calls[step].append(block)
        self.threads[step].add(threading.get_ident())
        fault = self.faults[step]
        if fault is not None:
            fault(block)

    def read(self, block: Box) -> int:
        self.note("read", block)
        return sum(block.start)

    def compute(self, block: Box, value: int) -> int:
        self.note("compute", block)
        return value**2

    def write(self, block: Box, value: int) -> dict[str, str]:
        self.note("write", block)
        self.output[str(block)] = value
        return {f"0/{block}": str(value)}

    @property
    def stage(self) -> Stage[int, int]:
        return Stage(name="square", read=self.read, compute=self.compute, write=self.write)


EXPECTED = {str(block): sum(block.start) ** 2 for block in BLOCKS}


class Steps:
    """What progress was told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int, int]] = []

    def __call__(self, stage: str, done: int, total: int) -> None:
        self.told.append((stage, done, total))

    def check(self, *, begin: int = 0) -> None:
        assert self.told == [("square", done, len(BLOCKS)) for done in range(begin, len(BLOCKS) + 1)]


def at(*numbers: int, error: Exception) -> Step:
    def fault(block: Box) -> None:
        if BLOCKS.index(block) in numbers:
            raise error

    return fault


def test_every_block_is_run_and_recorded(journal: Journal) -> None:
    work, steps = Work(), Steps()
    run_stage(work.stage, BLOCKS, journal, progress=steps)
    assert work.output == EXPECTED
    assert journal.complete
    assert journal.records["square", str(BLOCKS[3])].chunks == {f"0/{BLOCKS[3]}": str(EXPECTED[str(BLOCKS[3])])}
    again = load(journal.path.with_name("out.zarr"))
    assert again is not None
    assert again.records == journal.records
    steps.check()


def test_reading_and_writing_have_threads_of_their_own(journal: Journal) -> None:
    work = Work()
    run_stage(work.stage, BLOCKS, journal, progress=silent)
    assert work.threads["compute"] == {threading.get_ident()}
    assert len(work.threads["read"] | work.threads["write"] | work.threads["compute"]) == 3


def test_reading_runs_ahead_of_computing_but_not_far(journal: Journal) -> None:
    work = Work()
    ahead: list[int] = []
    started = threading.Event()

    def second_read(block: Box) -> None:
        if block == BLOCKS[1]:
            started.set()

    def compute(block: Box) -> None:
        if block == BLOCKS[0]:
            assert started.wait(10), "the next block is read while this one is computed"
        ahead.append(len(work.calls["read"]) - len(work.calls["compute"]))

    work.faults.update(read=second_read, compute=compute)
    run_stage(work.stage, BLOCKS, journal, progress=silent)
    assert max(ahead) <= 2


@pytest.mark.parametrize("seed", range(4))
def test_the_order_of_the_blocks_does_not_matter(journal: Journal, seed: int) -> None:
    blocks = random.Random(seed).sample(BLOCKS, len(BLOCKS))
    work = Work()
    run_stage(work.stage, blocks, journal, progress=silent)
    assert work.output == EXPECTED
    assert journal.done("square") == set(EXPECTED)


@pytest.mark.parametrize("step", ["read", "compute", "write"])
@pytest.mark.parametrize("failing", [(0,), (3, 4), (len(BLOCKS) - 1,), tuple(range(len(BLOCKS)))])
def test_failures_are_recorded_and_never_hide(journal: Journal, step: str, failing: tuple[int, ...]) -> None:
    work, steps = Work(**{step: at(*failing, error=ValueError("bad voxel"))}), Steps()
    with pytest.raises(BlockError, match=f"^{len(failing)} of {len(BLOCKS)} blocks failed in stage 'square'") as caught:
        run_stage(work.stage, BLOCKS, journal, progress=steps)
    assert f"(first: block {BLOCKS[failing[0]]}: ValueError: bad voxel)" in str(caught.value)
    assert {record.block for record in journal.failed()} == {str(BLOCKS[i]) for i in failing}
    assert all(record.failed == "ValueError: bad voxel" for record in journal.failed())
    assert work.output == {str(b): EXPECTED[str(b)] for i, b in enumerate(BLOCKS) if i not in failing}
    assert journal.missing() == {"square": len(failing)}
    steps.check()


def test_an_error_of_ours_is_recorded_in_its_own_words(journal: Journal) -> None:
    with pytest.raises(BlockError, match="truncated section"):
        run_stage(Work(read=at(2, error=VolumeError("truncated section"))).stage, BLOCKS, journal, progress=silent)
    assert [record.failed for record in journal.failed()] == ["truncated section"]


def test_running_again_retries_only_what_is_not_done(journal: Journal) -> None:
    with pytest.raises(BlockError):
        run_stage(Work(compute=at(1, 5, error=ValueError())).stage, BLOCKS, journal, progress=silent)
    resumed = load(journal.path.with_name("out.zarr"))
    assert resumed is not None
    work, steps = Work(), Steps()
    run_stage(work.stage, BLOCKS, resumed, progress=steps)
    assert list(work.calls.values()) == [[BLOCKS[1], BLOCKS[5]]] * 3
    assert resumed.complete
    steps.check(begin=len(BLOCKS) - 2)


def test_nothing_left_to_do(journal: Journal) -> None:
    run_stage(Work().stage, BLOCKS, journal, progress=silent)
    work, steps = Work(), Steps()
    run_stage(work.stage, BLOCKS, journal, progress=steps)
    assert work.calls["read"] == []
    steps.check(begin=len(BLOCKS))


@pytest.mark.parametrize("step", ["read", "compute", "write"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_stops_at_once(journal: Journal, step: str, code: int) -> None:
    work = Work(**{step: at(1, error=OSError(code, "full"))})
    with pytest.raises(OutputError, match=r"no space left on the disk of .* to resume"):
        run_stage(work.stage, BLOCKS, journal, progress=silent)
    assert len(work.calls["compute"]) < len(BLOCKS), "no further blocks are tried"
    assert journal.failed() == []
    assert str(BLOCKS[1]) not in journal.done("square")
    work = Work()
    run_stage(work.stage, BLOCKS, journal, progress=silent)
    assert journal.complete


def test_no_room_for_the_journal_either(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Journal, records: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(Journal, "add", full)
    with pytest.raises(OutputError, match="no space left"):
        run_stage(Work().stage, BLOCKS, journal, progress=silent)
    with pytest.raises(OutputError, match="no space left"):
        run_stage(Work(compute=at(0, error=ValueError())).stage, BLOCKS, journal, progress=silent)


def test_an_interrupted_run_keeps_what_is_done(journal: Journal) -> None:
    def interrupt(block: Box) -> None:
        if block == BLOCKS[-1]:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_stage(Work(compute=interrupt).stage, BLOCKS, journal, progress=silent)
    assert journal.done("square")
    work = Work()
    run_stage(work.stage, BLOCKS, journal, progress=silent)
    assert BLOCKS[0] not in work.calls["compute"]
    assert journal.complete
