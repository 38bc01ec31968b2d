"""A job whose output lies in a bucket: begun, killed at every moment, gone on with, replaced, refused."""

from __future__ import annotations

import json
import os
import random
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import attrs
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from asem_core.blocks.job import run
from asem_core.blocks.journal import load
from asem_core.blocks.verify import status, verify
from asem_core.errors import OutputError, ResumeError, UnfinishedError, VolumeError
from asem_core.volume import lease, open_volume
from asem_core.volume.address import destination_of
from asem_core.volume.places import delete, write
from asem_core.volume.unfinished import find_unfinished

from ...dying import Killed, dying_in_memory
from ...jobs import contents
from .test_job import make_job

URL = "memory://cells"
MOMENTS = 6 * int(os.environ.get("ASEM_KILLS", "1"))


@pytest.fixture(autouse=True)
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty bucket, and a place for temporary files."""
    monkeypatch.setattr(MemoryFileSystem, "store", {})
    monkeypatch.setattr(MemoryFileSystem, "pseudo_dirs", [""])
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.fixture(params=["out.zarr", "new.zarr"])
def out(request: pytest.FixtureRequest) -> Any:
    """Where an OME-Zarr of either version goes."""
    return destination_of(f"{URL}/{request.param}")


def objects() -> dict[str, bytes]:
    """All that is in the bucket but the journal."""
    return {name: file.getvalue() for name, file in MemoryFileSystem.store.items() if ".journal." not in name}


@pytest.fixture
def whole(out: Any) -> dict[str, bytes]:
    """What an undisturbed run makes of it."""
    run(make_job(out))
    found = objects()
    MemoryFileSystem.store.clear()
    return found


def stop_at(step: int | None, job: Any, **more: Any) -> int:
    """Run ``job`` and kill it at ``step``; how many steps there were."""
    with dying_in_memory(at=step) as steps, suppress(Killed):
        run(job, **more)
    delete(job.destination.with_name(f".{job.destination.name}.lock.claim"))  # of who died while it took a lock over
    return steps.count


def check_says_what_it_is(out: Any, whole: dict[str, bytes]) -> None:
    """What opens is whole; this holds for every level too."""
    for place in (out, out / "0", out / "1", out / "labels/big"):
        try:
            open_volume(str(place))
        except VolumeError:
            continue
        assert objects().items() >= whole.items(), place


def test_it_is_what_a_disk_would_hold(out: Any, tmp_path: Path) -> None:
    path = tmp_path / "disk" / out.name
    run(make_job(path))
    run(make_job(out))
    assert objects() == {f"/cells/{out.name}/{name}": content for name, content in contents(path).items()}
    assert verify(str(out)).sound
    assert verify(str(out)).pieces == verify(path).pieces
    assert {path.name for path in tmp_path.iterdir()} == {"disk"}, "temporary files are removed"


@pytest.mark.slow
def test_a_kill_at_any_step_leaves_no_trace(out: Any, whole: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "STALE_S", 0.0)  # who died in this process seems to live
    steps = stop_at(None, make_job(out))
    MemoryFileSystem.store.clear()
    for step in sorted(random.Random(steps).sample(range(1, steps + 1), min(steps, MOMENTS))):
        stop_at(step, make_job(out))
        check_says_what_it_is(out, whole)
        stop_at(step, make_job(out))  # once more, a little further
        check_says_what_it_is(out, whole)
        run(make_job(out))
        assert objects() == whole, step
        assert verify(str(out)).sound
        MemoryFileSystem.store.clear()


def test_a_kill_between_what_makes_a_group_leaves_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Format 2 has two objects for it, of which that with the mark is there first."""
    monkeypatch.setattr(lease, "STALE_S", 0.0)
    out = destination_of(f"{URL}/out.zarr")
    run(make_job(out))
    whole = objects()
    halves = 0
    for step in range(1, 9):
        MemoryFileSystem.store.clear()
        stop_at(step, make_job(out))
        if f"/cells/{out.name}/.zattrs" not in objects() or f"/cells/{out.name}/.zgroup" in objects():
            continue
        halves += 1
        run(make_job(out), overwrite=bool(halves % 2))
        assert objects() == whole
    assert halves


@pytest.mark.slow
def test_a_kill_while_it_is_replaced_leaves_the_new_one(
    out: Any, whole: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "STALE_S", 0.0)
    earlier = make_job(out, compute=lambda values: values + 2, settings={"plus": 2})
    run(earlier)
    steps = stop_at(None, make_job(out), overwrite=True)
    for step in sorted(random.Random(steps).sample(range(1, steps + 1), min(steps, MOMENTS))):
        MemoryFileSystem.store.clear()
        run(earlier)
        old = objects()
        stop_at(step, make_job(out), overwrite=True)
        if objects().items() >= old.items():  # killed before anything happened to it
            run(make_job(out), overwrite=True)
        else:
            check_says_what_it_is(out, whole)
            run(make_job(out))
        assert objects() == whole, step


def test_what_is_done_is_not_done_again(out: Any) -> None:
    steps = stop_at(None, make_job(out))
    assert stop_at(None, make_job(out)) < 5 < steps, "the lock, and nothing else"


def test_damage_is_found_and_mended(out: Any, whole: dict[str, bytes]) -> None:
    run(make_job(out))
    chunk = next(name for name in objects() if name.endswith("0/0/0"))
    MemoryFileSystem().pipe_file(chunk, b"damaged")
    lost = next(name for name in objects() if name.endswith(("big/0/.zarray", "big/0/zarr.json")))
    MemoryFileSystem().rm_file(lost)
    found = verify(str(out))
    assert [f"/cells/{out.name}/{piece}" for piece in (*found.missing, *found.changed)] == [lost, chunk]
    run(make_job(out))
    assert objects() == whole


def test_other_settings_are_refused_and_what_is_not_ours_is_not_replaced(out: Any) -> None:
    run(make_job(out))
    other = make_job(out, settings={"plus": 2})
    with pytest.raises(ResumeError, match=r"memory://cells/.*\.zarr exists already, made with other settings \(plus"):
        run(other)
    write(out / "notes.txt", b"mine")
    with pytest.raises(OutputError, match="is not replaced: it is not, or not only, a volume that ASEM wrote"):
        run(other, overwrite=True)


def test_a_run_under_way_says_how_far_it_is_and_is_not_read(out: Any) -> None:
    def stop(values: Any) -> Any:
        assert not status(str(out)).complete
        with pytest.raises(UnfinishedError, match="is unfinished"):
            open_volume(str(out))
        return values + 1

    run(make_job(out, compute=stop))
    assert status(str(out)).complete
    assert find_unfinished(out) is None


def test_a_journal_is_kept_in_parts(out: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asem_core.blocks.lines.PART", 400)
    run(make_job(out))
    parts = sorted(name for name in MemoryFileSystem.store if ".journal." in name)
    assert [name.rpartition("/")[2] for name in parts] == [f"{number:05d}" for number in range(len(parts))]
    assert len(parts) > 3
    journal = load(out)
    assert journal is not None
    assert journal.complete
    assert verify(str(out)).sound


def test_lines_wait_for_one_another(monkeypatch: pytest.MonkeyPatch) -> None:
    out = destination_of(f"{URL}/out.zarr")
    few = stop_at(None, make_job(out))
    MemoryFileSystem.store.clear()
    monkeypatch.setattr("asem_core.blocks.lines.PAUSE_S", 0.0)
    assert stop_at(None, make_job(out)) > few


def test_two_do_not_write_one_output(out: Any) -> None:
    def second(values: Any) -> Any:
        with pytest.raises(OutputError, match=r"is being written by another process \(.* on .*, process \d+, since 2"):
            run(make_job(out))
        return values + 1

    run(make_job(out, compute=second))
    assert [name for name in MemoryFileSystem.store if "lock" in name] == []


def test_the_lock_of_a_dead_process_is_taken_over(out: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = out.with_name(f".{out.name}.lock")
    dead = lease.Owner(process=2**22 + 7)
    write(lock, json.dumps(attrs.asdict(dead)).encode())
    run(make_job(out))
    elsewhere = lease.Owner(process=2**22 + 7, machine="another")
    write(lock, json.dumps(attrs.asdict(elsewhere)).encode())
    with pytest.raises(OutputError, match=r"if that process is dead, run this again in 5 minutes, or delete memory://"):
        run(make_job(out))
    monkeypatch.setattr(lease, "STALE_S", 0.0)
    run(make_job(out))
    assert not lock.exists()


def test_of_several_that_find_a_dead_lock_one_takes_it(out: Any) -> None:
    lock = out.with_name(f".{out.name}.lock")
    write(lock, json.dumps(attrs.asdict(lease.Owner(process=2**22 + 7))).encode())
    write(lock.with_name(f"{lock.name}.claim"), b"another")
    with pytest.raises(OutputError, match=r"another process decides .* delete memory://cells/\..*\.lock\.claim"):
        run(make_job(out))


def test_a_run_that_lost_its_lock_stops(out: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "RENEW_S", 0.01)
    lock = out.with_name(f".{out.name}.lock")
    taken: list[bool] = []

    def watch(sweep: str, done: int, total: int) -> None:
        if not taken:
            write(lock, json.dumps(attrs.asdict(lease.Owner(user="another"))).encode())
            taken.append(True)
        time.sleep(0.2)

    with pytest.raises(OutputError, match="could not renew its lock for too long, and another one may have taken over"):
        run(make_job(out), progress=watch)
    assert b"another" in MemoryFileSystem.store[f"/cells/.{out.name}.lock"].getvalue(), "it is not ours to delete"
