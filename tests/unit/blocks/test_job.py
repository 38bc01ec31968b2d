"""A job: begun, killed at every moment, gone on with, damaged, refused, replaced."""

from __future__ import annotations

import errno
import multiprocessing
import os
import random
import shutil
import signal
import sys
from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

from asem_core.blocks import job as module
from asem_core.blocks.executors import Task, Threads
from asem_core.blocks.fill import Run, produce
from asem_core.blocks.job import Done, Job, finishing_command, run, scratch_folder
from asem_core.blocks.journal import journal_path, load
from asem_core.blocks.verify import status, verify
from asem_core.errors import BlockError, OutputError, ResumeError, UnfinishedError, VolumeError
from asem_core.geometry import Box, VoxelSize
from asem_core.volume import Volume, open_labels, open_volume
from asem_core.volume.formats.ome_write import IMAGE, ArrayPlan, OmePlan
from asem_core.volume.formats.tiff_write import TiffPlan
from asem_core.volume.unfinished import unfinished_place

from ...dying import Killed, dying
from ...jobs import contents

SHAPE = (3, 4, 140)
VALUES = np.random.default_rng(0).integers(0, 200, SHAPE).astype(np.uint8)
FIVE = VoxelSize((5, 4, 4))
KINDS = ("out.zarr", "new.zarr", "out", "out.tif")
"""new.zarr is an OME-Zarr 0.5."""
MOMENTS = 8 * int(os.environ.get("ASEM_KILLS", "1"))
"""Moments at which a run is killed, of the some hundred that there are."""


def source(values: Any = VALUES, *, planewise: bool = False, **more: Any) -> Volume:
    chunks = (1, *values.shape[1:]) if planewise else (2, 4, 64)
    return Volume(array=values, voxel_size=FIVE, format="memory", chunks=chunks, **{"uri": "memory", **more})


def make_job(
    destination: Path,
    volume: Volume | None = None,
    *,
    compute: Callable[[np.ndarray], np.ndarray] = lambda values: values + 1,
    settings: dict[str, Any] | None = None,
    **more: Any,
) -> Job:
    """Adds 1 to a volume; an OME-Zarr also gets the label image ``big``, and reads through temporary copies."""
    volume = volume or source(planewise=destination.suffix == ".zarr")
    zarr = destination.suffix == ".zarr"
    array = ArrayPlan(shape=SHAPE, dtype="uint8", chunk=(2, 4, 64))
    plan: Any = TiffPlan(
        shape=SHAPE,
        dtype="uint8",
        stack=destination.suffix == ".tif",
        first=7,
        voxel_size=FIVE,
        lower_edge_nm=(0, 0, 0),
    )
    if zarr:
        version: Any = "0.5" if destination.name == "new.zarr" else "0.4"
        plan = OmePlan(
            image=array, labels={"big": array}, voxel_size=FIVE, lower_edge_nm=(0, 0, 0), ome_version=version
        )

    def fill(run: Run) -> None:
        readable = run.readable(volume)

        def one(box: Box) -> dict[str, np.ndarray]:
            values = compute(readable.read(box))
            return {IMAGE: values, "big": values > 99}

        run.each("adding", list(Box.of_shape(SHAPE).tiles((2, 4, 64 if zarr else 140))), one, executor=Threads(1))
        run.results["voxels"] = int(np.prod(SHAPE))

    return Job(
        verb="asem add",
        destination=destination,
        plan=plan,
        fill=fill,
        inputs={"source": volume},
        settings=settings or {"plus": 1},
        provenance={"made_by": "asem add"},
        **more,
    )


@pytest.fixture(params=KINDS)
def out(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Where an output of each kind goes."""
    return tmp_path / str(request.param)


@pytest.fixture
def whole(out: Path, tmp_path: Path) -> dict[str, bytes]:
    """What an undisturbed run makes of it."""
    path = tmp_path / "undisturbed" / out.name
    run(make_job(path))
    found = contents(path)
    shutil.rmtree(path.parent)
    return found


def check(out: Path, whole: dict[str, bytes]) -> None:
    """The output is whole, and beside it lies its journal alone."""
    assert contents(out) == whole
    assert sorted(path.name for path in out.parent.iterdir()) == [out.name, journal_path(out).name]
    assert verify(out).sound


def stop_at(step: int | None, job: Job, **more: Any) -> int:
    """Run ``job`` and kill it at ``step``; how many steps there were."""
    with pytest.MonkeyPatch.context() as patch, dying(job.destination.parent, at=step) as steps:
        # Who died in this process would hold the lock for good.
        patch.setattr(module, "held", lambda _: nullcontext(lambda: None))
        with suppress(Killed):
            run(job, **more)
    return steps.count


def test_the_output_holds_what_was_computed(out: Path, whole: dict[str, bytes]) -> None:
    seen: list[tuple[str, int, int]] = []
    done = run(make_job(out), progress=lambda *step: seen.append(step[:3]))
    assert done == Done(path=out, results={"voxels": VALUES.size})
    check(out, whole)
    found = open_volume(out, voxel_size=FIVE)
    np.testing.assert_array_equal(found.read(found.box), VALUES + 1)
    assert found.first_section == (0 if out.suffix == ".zarr" else 7)
    if out.suffix == ".zarr":
        labels = open_labels(out, "big")
        np.testing.assert_array_equal(labels.read(labels.box), VALUES + 1 > 99)
        assert ("pyramid 1", 4, 4) in seen
    assert {("adding", 0, 6), ("adding", 6, 6)} <= set(seen) or out.suffix != ".zarr"


def moments(total: int) -> list[int]:
    """Steps to be killed at: the last ones, where the output becomes data, and others by chance."""
    last = range(max(1, total - MOMENTS // 2), total + 1)
    rest = random.Random(total).sample(range(1, last.start), min(MOMENTS // 2, last.start - 1))
    return sorted({*last, *rest})


@pytest.mark.slow
def test_a_kill_at_any_step_leaves_no_trace(out: Path, whole: dict[str, bytes]) -> None:
    total = stop_at(None, make_job(out))
    check(out, whole)
    for step in moments(total):
        shutil.rmtree(out.parent)
        out.parent.mkdir()
        stop_at(step, make_job(out))
        is_not_data_or_whole(out, whole)
        run(make_job(out))
        check(out, whole)


@pytest.mark.slow
def test_a_kill_at_any_step_of_a_repair(out: Path, whole: dict[str, bytes]) -> None:
    """A finished output loses its first chunk and its last; what mends it is killed at every step."""
    victims = [name for name in whole if not name.rpartition("/")[2].startswith((".z", "zarr.json"))]

    def damage() -> None:
        shutil.rmtree(out.parent)
        out.parent.mkdir()
        run(make_job(out))
        for name in (victims[0], victims[-1]):
            content = (out / name).read_bytes()
            (out / name).write_bytes(content[:-9] + b"\0" * 9)

    damage()
    total = stop_at(None, make_job(out))
    check(out, whole)
    for step in moments(total):
        damage()
        stop_at(step, make_job(out))
        run(make_job(out))
        check(out, whole)


@pytest.mark.slow
def test_a_kill_at_any_step_of_an_overwrite_keeps_the_old_or_the_new(out: Path, whole: dict[str, bytes]) -> None:
    def begin() -> dict[str, bytes]:
        shutil.rmtree(out.parent)
        out.parent.mkdir()
        run(make_job(out, compute=lambda values: values + 2, settings={"plus": 2}))
        return contents(out)

    begin()
    total = stop_at(None, make_job(out), overwrite=True)
    check(out, whole)
    for step in moments(total):
        old = begin()
        stop_at(step, make_job(out), overwrite=True)
        found = contents(out) if out.exists() else None
        assert found in (old, whole, None)
        if found == old and not unfinished_place(out).exists():  # the new one had hardly begun
            with pytest.raises(OutputError, match="use --overwrite"):
                run(make_job(out))
            run(make_job(out), overwrite=True)
        run(make_job(out))
        check(out, whole)


def is_not_data_or_whole(out: Path, whole: dict[str, bytes]) -> None:
    """What a kill left is refused, not there, or whole."""
    try:
        open_volume(out, voxel_size=FIVE)
    except UnfinishedError:
        assert not status(out).complete
    except VolumeError:
        assert not out.exists()
    else:
        assert {name: content for name, content in contents(out).items() if not name.endswith(".partial")} == whole


# What is not done again


def test_a_finished_run_computes_nothing_again(out: Path, whole: dict[str, bytes]) -> None:
    run(make_job(out))
    done = run(make_job(out, compute=lambda _: pytest.fail("computed again")))
    assert done.results == {"voxels": VALUES.size}
    check(out, whole)


def test_blocks_that_are_done_are_not_done_again(out: Path, whole: dict[str, bytes]) -> None:
    asked: list[int] = []

    def flaky(values: np.ndarray) -> np.ndarray:
        asked.append(1)
        if len(asked) == 2:
            raise VolumeError("section 3 is torn")
        return values + 1

    job = make_job(out, compute=flaky)
    with pytest.raises(BlockError, match=r"1 of \d blocks failed in sweep 'adding' \(first: block .*section 3 is torn"):
        run(job)
    blocks = len(asked)
    found = status(out)
    assert not found.complete
    assert found.sweeps["adding"] == (blocks - 1, blocks)
    assert [record.failed for record in found.failed] == ["section 3 is torn"]
    assert not verify(out).sound
    assert scratch_folder(out).exists()
    run(job)
    assert len(asked) == blocks + 1
    check(out, whole)


def test_each_piece_is_read_back_once_at_the_end(out: Path, whole: dict[str, bytes]) -> None:
    seen: list[tuple[str, int, int]] = []
    run(make_job(out), progress=lambda *step: seen.append(step[:3]))
    sweeps = list(dict.fromkeys(name for name, _, _ in seen))
    assert sweeps[-1] == "verify"
    assert sweeps.index("adding") < sweeps.index("verify")


# Damage


def damaged(path: Path, how: str) -> None:
    content = path.read_bytes()
    if how == "gone":
        path.unlink()
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "cut":
        path.write_bytes(content[: len(content) // 2])
    else:
        middle = len(content) // 2
        path.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])


ZARR_VICTIMS = {
    "out.zarr": [
        ".zgroup", ".zattrs", "0/.zarray", "0/0/0/0", "0/1/0/2", "1/.zarray", "1/0/0/1", "labels/big/.zattrs",
        "labels/big/.zgroup", "labels/big/0/.zarray", "labels/big/0/0/0/1", "labels/big/1/0/0/0",
    ],
    "new.zarr": [
        "zarr.json", "0/zarr.json", "0/c/0/0/0", "1/zarr.json", "1/c/0/0/1", "labels/big/zarr.json",
        "labels/big/0/zarr.json", "labels/big/0/c/0/0/1",
    ],
}  # fmt: skip


DAMAGE = ["gone", "empty", "cut", "changed"]


@pytest.mark.parametrize(
    ("out", "how"),
    # A single TIFF is the whole output: gone or empty, there is no run left to mend.
    [(kind, how) for kind in KINDS for how in (DAMAGE[2:] if kind == "out.tif" else DAMAGE)],
    indirect=["out"],
)
def test_damage_is_found_and_mended(out: Path, whole: dict[str, bytes], how: str) -> None:
    run(make_job(out))
    for name in ZARR_VICTIMS.get(out.name, sorted(whole)):
        damaged(out / name, how)
        found = verify(out)
        assert not found.sound, name
        assert {piece.partition("#")[0].partition("@")[0] for piece in found.missing + found.changed} == {name}
        run(make_job(out))
        check(out, whole)


def test_a_header_of_tiff_is_mended(tmp_path: Path) -> None:
    for name in ("out", "out.tif"):
        out = tmp_path / name / name
        run(make_job(out))
        whole = contents(out)
        file = out / "section_0008.tif" if out.is_dir() else out
        for at in (0, 4, 9, 40, 200):
            content = file.read_bytes()
            file.write_bytes(content[:at] + bytes([content[at] ^ 255]) + content[at + 1 :])
            assert not verify(out).sound
            run(make_job(out))
            check(out, whole)


def test_pieces_swapped_are_found(tmp_path: Path) -> None:
    out = tmp_path / "out.zarr"
    run(make_job(out))
    one, other = out / "0/0/0/0", out / "0/0/0/1"
    first = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(first)
    assert set(verify(out).changed) == {"0/0/0/0", "0/0/0/1"}


def test_all_of_an_output_lost_but_its_journal(out: Path, whole: dict[str, bytes]) -> None:
    run(make_job(out))
    shutil.rmtree(out) if out.is_dir() else out.unlink()
    for question in (status, verify):
        with pytest.raises(OutputError, match="is not there, only its journal; to make it again"):
            question(out)
    run(make_job(out))
    check(out, whole)


def test_what_cannot_be_told_from_a_file_of_the_users_is_kept(tmp_path: Path) -> None:
    out = tmp_path / "out.tif"
    run(make_job(out))
    out.write_bytes(b"my diary")
    assert not verify(out).sound
    with pytest.raises(OutputError, match="exists already"):
        run(make_job(out))
    assert out.read_bytes() == b"my diary"


def test_a_disk_that_forgets_is_blamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out.zarr"
    real = module.find_damage

    def never_whole(journal: Any, root: Path, **more: Any) -> Any:
        found = real(journal, root, **more)
        return found if more.get("scratch") else attrs.evolve(found, missing=("0/0/0/0",))

    monkeypatch.setattr(module, "find_damage", never_whole)
    with pytest.raises(OutputError, match="1 pieces on disk, such as 0/0/0/0, are not what was written a moment ago"):
        run(make_job(out))
    monkeypatch.undo()
    with pytest.raises(UnfinishedError):
        open_volume(out)
    run(make_job(out))
    assert verify(out).sound


@pytest.mark.parametrize("loss", ["all", "a chunk", "a chunk changed", "the array", "the mark"])
def test_temporary_copies_that_were_lost_are_made_again(tmp_path: Path, loss: str) -> None:
    out = tmp_path / "out.zarr"
    run(make_job(tmp_path / "undisturbed" / "out.zarr"))
    whole = contents(tmp_path / "undisturbed" / "out.zarr")
    shutil.rmtree(tmp_path / "undisturbed")
    with pytest.raises(BlockError):
        run(make_job(out, compute=lambda _: 1 // 0))
    scratch = scratch_folder(out)
    chunk = scratch / "sections/0/0/0"
    if loss == "all":
        shutil.rmtree(scratch)
    elif loss == "a chunk":
        chunk.unlink()
    elif loss == "a chunk changed":
        chunk.write_bytes(chunk.read_bytes()[:-1] + b"?")
    elif loss == "the array":
        (scratch / "sections/.zarray").write_text("{")
    else:
        (scratch / "asem-work.json").write_text('"cut sho')
    run(make_job(out))
    check(out, whole)


# Other settings, other outputs


def test_other_settings_are_named(out: Path, whole: dict[str, bytes]) -> None:
    with pytest.raises(BlockError):
        run(make_job(out, compute=lambda _: 1 // 0))
    with pytest.raises(
        ResumeError, match=r"unfinished run with other settings \(plus was 1, now 2\): repeat them to res"
    ):
        run(make_job(out, settings={"plus": 2}))
    changed = source(identity={"uri": "memory", "digest": "a"}, planewise=out.suffix == ".zarr")
    with pytest.raises(ResumeError, match=r"inputs\.source\.uri was None, now memory"):
        run(make_job(out, changed))
    run(make_job(out))
    with pytest.raises(
        OutputError, match=r"exists already, made with other settings \(plus was 1, now 2\); use --over"
    ):
        run(make_job(out, settings={"plus": 2}))
    check(out, whole)


def test_an_input_that_changed_on_disk_is_named(tmp_path: Path) -> None:
    old, new = (source(identity={"digest": digest}) for digest in "ab")
    run(make_job(tmp_path / "out.zarr", old))
    with pytest.raises(OutputError, match=r"\(inputs\.source changed on disk\)"):
        run(make_job(tmp_path / "out.zarr", new))


def test_an_output_of_a_version_that_looked_at_less_is_told_and_kept(tmp_path: Path) -> None:
    old, new = (source(identity={"digest": digest}) for digest in ("ab", "9 files ab"))
    run(make_job(tmp_path / "out.zarr", old))
    with pytest.raises(ResumeError, match=r"\(inputs\.source may have changed: an earlier version .*; use --overwrite"):
        run(make_job(tmp_path / "out.zarr", new))
    assert verify(tmp_path / "out.zarr").sound


def test_an_unfinished_output_without_its_journal_begins_anew(out: Path, whole: dict[str, bytes]) -> None:
    with pytest.raises(BlockError):
        run(make_job(out, compute=lambda _: 1 // 0))
    journal_path(out).unlink()
    run(make_job(out))
    check(out, whole)


def test_a_whole_output_without_its_journal_is_kept(out: Path, whole: dict[str, bytes]) -> None:
    run(make_job(out))
    journal_path(out).unlink()
    with pytest.raises(OutputError, match="exists already; use --overwrite"):
        run(make_job(out, compute=lambda _: pytest.fail("computed")))
    assert contents(out) == whole


def test_a_damaged_journal_is_told(out: Path, whole: dict[str, bytes]) -> None:
    run(make_job(out))
    lines = journal_path(out).read_text().splitlines()
    journal_path(out).write_text("\n".join([lines[0], "{" + lines[1], *lines[2:]]) + "\n")
    with pytest.raises(OutputError, match=r"is not a journal of this version.*--overwrite"):
        run(make_job(out))
    assert contents(out) == whole
    run(make_job(out), overwrite=True)
    check(out, whole)


def test_a_moved_run_goes_on_where_it_is(out: Path, whole: dict[str, bytes], tmp_path: Path) -> None:
    asked: list[int] = []

    def half(values: np.ndarray) -> np.ndarray:
        asked.append(1)
        return values + 1 if len(asked) == 1 else 1 // 0

    with pytest.raises(BlockError):
        run(make_job(out, compute=half))
    new = tmp_path / "elsewhere" / out.name
    new.parent.mkdir()
    for path in list(tmp_path.iterdir()):
        if path != new.parent:
            path.rename(new.parent / path.name)
    count = len(asked)
    run(make_job(new, compute=lambda values: asked.append(1) or values + 1))
    assert len(asked) == count + count - 1, "the block that was done is not done again"
    check(new, whole)


def test_the_journal_of_another_output_is_not_believed(out: Path, whole: dict[str, bytes], tmp_path: Path) -> None:
    """Somebody puts another output of ours at the place of the first one."""
    other = tmp_path / "other" / out.name
    run(make_job(out))
    run(make_job(other, compute=lambda values: values + 2, settings={"plus": 2}))
    theirs = contents(other)
    shutil.rmtree(out) if out.is_dir() else out.unlink()
    other.rename(out)
    with pytest.raises(OutputError, match="exists already; use --overwrite"):
        run(make_job(out))
    assert contents(out) == theirs
    if out.suffix == ".zarr":
        with pytest.raises(OutputError, match="the journal beside it is that of another run"):
            verify(out)
    else:
        assert not verify(out).sound


@pytest.mark.parametrize("name", ["out.zarr", "out", "out.tif"])
def test_what_was_put_there_meanwhile_is_not_replaced(tmp_path: Path, name: str) -> None:
    out = tmp_path / name

    def busy(values: np.ndarray) -> np.ndarray:
        if name != "out.zarr" and not out.exists():
            out.mkdir()
            (out / "thesis.doc").write_text("precious")
        return values + 1

    if name == "out.zarr":
        run(make_job(out, settings={"plus": 0}))

        def busy(values: np.ndarray) -> np.ndarray:  # type: ignore[no-redef]
            (out / "thesis.doc").write_text("precious")
            return values + 1

    with pytest.raises(OutputError, match=r"put there while its run|is not replaced"):
        run(make_job(out, compute=busy), overwrite=name == "out.zarr")
    assert (out / "thesis.doc").read_text() == "precious"
    out.rename(tmp_path / "mine")
    run(make_job(out))
    assert verify(out).sound


def test_what_the_user_added_stays(tmp_path: Path) -> None:
    """Labels that somebody drew into an output of ours."""
    import zarr

    out = tmp_path / "out.zarr"
    run(make_job(out))
    mine = zarr.open_group(out, mode="r+").create_array("labels/mine/0", data=VALUES, chunks=SHAPE)
    shown = zarr.open_group(out, mode="r+")
    shown.attrs["omero"] = {"name": "mine"}
    assert verify(out).sound
    (out / "0/0/0/0").unlink()
    run(make_job(out))
    np.testing.assert_array_equal(mine[:], VALUES)
    assert dict(zarr.open_group(out, mode="r").attrs)["omero"] == {"name": "mine"}
    assert verify(out).sound
    with pytest.raises(OutputError, match="is not replaced: it is not, or not only, a volume that ASEM wrote"):
        run(make_job(out), overwrite=True)
    np.testing.assert_array_equal(mine[:], VALUES)


def test_what_is_not_ours_is_not_replaced(out: Path) -> None:
    out.parent.mkdir(exist_ok=True)
    out.mkdir()
    (out / "thesis.doc").write_text("precious")
    with pytest.raises(OutputError, match="exists already; use --overwrite"):
        run(make_job(out))
    with pytest.raises(OutputError, match="is not replaced"):
        run(make_job(out), overwrite=True)
    assert [path.name for path in out.parent.iterdir()] == [out.name]


# The disk, other processes, signals


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_stops_at_once_and_keeps_what_is_done(
    out: Path, whole: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    asked: list[int] = []

    def full(values: np.ndarray) -> np.ndarray:
        asked.append(1)
        if len(asked) >= 2:
            raise OSError(code, "full")
        return values + 1

    with pytest.raises(OutputError, match="no space left on the disk; free some, then run the same command again"):
        run(make_job(out, compute=full))
    assert len(asked) <= 3, "no further blocks are tried"
    assert status(out).failed == ()
    count = len(asked)
    run(make_job(out, compute=lambda values: asked.append(1) or values + 1))
    check(out, whole)
    assert len(asked) > count


def test_no_room_for_the_journal_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out.zarr"

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as patch:
        patch.setattr("asem_core.blocks.journal.Journal._append", full)
        with pytest.raises(OutputError, match="no space left"):
            run(make_job(out))
    run(make_job(out))
    assert verify(out).sound


def test_room_is_asked_for_before_anything_is_written(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(out.parent)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=100))
    with pytest.raises(OutputError, match=r"the disk has 100 bytes left, up to .* are needed"):
        run(make_job(out))
    assert list(out.parent.iterdir()) == []
    monkeypatch.undo()
    with pytest.raises(BlockError):
        run(make_job(out, compute=lambda _: 1 // 0))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=100))
    run(make_job(out))  # what it takes was counted when it began


def hold(out: Path, ready: Any, go_on: Any) -> None:
    """A job of another process, which waits in its first block."""

    def wait(values: np.ndarray) -> np.ndarray:
        ready.set()
        go_on.wait(30)
        return values + 1

    run(make_job(out, compute=wait))


def test_a_second_process_is_refused(out: Path, whole: dict[str, bytes]) -> None:
    context = multiprocessing.get_context("fork")
    ready, go_on = context.Event(), context.Event()
    first = context.Process(target=hold, args=(out, ready, go_on))
    first.start()
    assert ready.wait(30)
    for overwrite in (False, True):
        with pytest.raises(OutputError, match="is being written by another process"):
            run(make_job(out), overwrite=overwrite)
    assert not status(out).complete
    go_on.set()
    first.join(30)
    assert first.exitcode == 0
    check(out, whole)


def test_the_lock_of_a_killed_process_is_not_in_the_way(out: Path, whole: dict[str, bytes]) -> None:
    context = multiprocessing.get_context("fork")
    ready, go_on = context.Event(), context.Event()
    first = context.Process(target=hold, args=(out, ready, go_on))
    first.start()
    assert ready.wait(30)
    assert first.pid is not None
    os.kill(first.pid, signal.SIGKILL)
    first.join(30)
    assert out.with_name(f".{out.name}.lock").exists()
    run(make_job(out))
    check(out, whole)


def test_two_at_once_leave_one_whole_output(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    out = tmp_path / "out.zarr"

    def go(codes: Any, number: int) -> None:
        try:
            run(make_job(out))
            codes[number] = 1
        except OutputError as error:
            codes[number] = 2 if "another process" in str(error) else 3

    codes = context.Array("i", 4)
    racers = [context.Process(target=go, args=(codes, number)) for number in range(4)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join(60)
    assert set(codes) <= {1, 2}
    assert 1 in codes[:]
    assert verify(out).sound
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.zarr", "out.zarr.journal.jsonl"]


def test_ctrl_c_keeps_what_is_done(out: Path, whole: dict[str, bytes]) -> None:
    asked: list[int] = []

    def interrupted(values: np.ndarray) -> np.ndarray:
        asked.append(1)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return values + 1

    with pytest.raises(KeyboardInterrupt):
        run(make_job(out, compute=interrupted))
    assert 1 <= status(out).sweeps["adding"][0] < 6
    run(make_job(out))
    check(out, whole)


# The rest


def test_the_command_that_finishes_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["/usr/bin/asem", "convert", "my cell", "x.zarr", "--overwrite"])
    assert finishing_command() == f"asem convert 'my cell' x.zarr (in {tmp_path})"
    with pytest.raises(BlockError):
        run(make_job(tmp_path / "x.zarr", compute=lambda _: 1 // 0))
    assert status(tmp_path / "x.zarr").command == finishing_command()
    with pytest.raises(UnfinishedError, match=r"finish it with: asem convert 'my cell' x\.zarr \(in "):
        open_volume(tmp_path / "x.zarr")
    monkeypatch.setattr(sys, "argv", ["/home/ada/study.py"])
    assert finishing_command() == f"the same call again (from study.py in {tmp_path})"


def test_missing_parents_are_made_and_links_followed(tmp_path: Path) -> None:
    run(make_job(tmp_path / "a/b/out.zarr"))
    (tmp_path / "link").symlink_to(tmp_path / "a/b")
    assert run(make_job(tmp_path / "link/out.zarr")).path == tmp_path / "a/b/out.zarr"
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
    with pytest.raises(OutputError, match=r"is a link to .*gone, which does not exist"):
        run(make_job(tmp_path / "nowhere"))


def test_a_run_reads_nothing_of_its_output(tmp_path: Path) -> None:
    values = source(uri=str(tmp_path / "out.zarr"))
    with pytest.raises(OutputError, match="would lie in, or replace, what is read"):
        run(make_job(tmp_path / "out.zarr", values), overwrite=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("block", [(1, 1, 1), (2, 3, 70), (50, 50, 500)])
def test_produce_writes_every_chunk_once(tmp_path: Path, block: Any) -> None:
    plan = OmePlan(
        image=ArrayPlan(shape=SHAPE, dtype="uint8", chunk=(1, 4, 16)),
        labels={"er": ArrayPlan(shape=SHAPE, dtype="uint8", chunk=(2, 2, 24))},
        voxel_size=FIVE,
        lower_edge_nm=(50, 0, 8),
    )
    asked: list[Box] = []

    def one(box: Box) -> dict[str, np.ndarray]:
        asked.append(box)
        return {IMAGE: VALUES[box.slices], "er": VALUES[box.slices] > 99}

    out = tmp_path / "out.zarr"
    run(
        Job(
            verb="asem make",
            destination=out,
            plan=plan,
            inputs={},
            fill=produce(lambda _: one, sweep="making", block=block, plan=plan),
        )
    )
    image, labels = open_volume(out), open_labels(out, "er")
    np.testing.assert_array_equal(image.read(image.box), VALUES)
    np.testing.assert_array_equal(labels.read(labels.box), VALUES > 99)
    assert image.lower_edge_nm == labels.lower_edge_nm == (50, 0, 8)
    assert sum(box.size for box in asked) == VALUES.size
    assert all(a % c == 0 for box in asked for a, c in zip(box.start, (2, 4, 48), strict=True))


def test_a_stage_cut_otherwise_is_done_anew(tmp_path: Path) -> None:
    """Blocks are chosen for the machine: another one may cut otherwise."""
    out, written = tmp_path / "out.zarr", []

    def job(side: int) -> Job:
        made = make_job(out)

        def fill(run: Run) -> None:
            def write(block: int, _: None) -> dict[str, str]:
                written.append(block)
                (run.scratch / f"{block}").write_text("x")
                return {}

            run.sweep("noting", list(range(0, 12, side)), Task(write=write))
            made.fill(run)

        return attrs.evolve(made, fill=fill)

    failing = job(4)

    def fail(run: Run) -> None:
        failing.fill(run)
        run.sweep("failing", [1], Task(write=lambda *_: {"": str(1 // 0)}))

    with pytest.raises(BlockError):
        run(attrs.evolve(failing, fill=fail))
    assert written == [0, 4, 8]
    run(job(6))
    assert written == [0, 4, 8, 0, 6]
    assert load(out).sweeps["noting"].blocks == 2  # type: ignore[union-attr]
