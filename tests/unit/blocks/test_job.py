"""A job: begun, killed at every moment, gone on with, damaged, refused, replaced."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
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
from asem_core.blocks.job import Done, Job, Run, finishing_command, produce, run, scratch_folder
from asem_core.blocks.journal import journal_path, load
from asem_core.blocks.verify import status, verify
from asem_core.errors import BlockError, OutputError, ResumeError, UnfinishedError, VolumeError
from asem_core.geometry import Box, VoxelSize
from asem_core.volume import Volume, open_labels, open_volume
from asem_core.volume.formats.ome_write import IMAGE, ArrayPlan, OmePlan
from asem_core.volume.formats.tiff_write import TiffPlan

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
    return Volume(array=values, voxel_size=FIVE, uri="memory", format="memory", chunks=chunks, **more)


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
        shape=SHAPE, dtype="uint8", stack=destination.suffix == ".tif", first=7, voxel_size=FIVE, lower_edge_nm=(0, 0, 0)
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
        verb="asem add", destination=destination, plan=plan, fill=fill, inputs={"source": volume},
        settings=settings or {"plus": 1}, provenance={"made_by": "asem add"}, **more,
    )  # fmt: skip


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
        patch.setattr(module, "held", lambda _: nullcontext())  # who died in this process would hold the lock for good
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
        try:
            run(make_job(out))
        except OutputError as error:  # the old one is still there, and the new one had hardly begun
            assert found == old
            assert "use --overwrite" in str(error)
            run(make_job(out), overwrite=True)
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
