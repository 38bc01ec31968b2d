"""Runs that are killed, damaged or continued otherwise."""

from __future__ import annotations

import contextlib
import random
import signal
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pytest
import zarr

from asem_core import Box, Registry, Volume, segment
from asem_core.blocks.job import scratch_folder
from asem_core.blocks.journal import journal_path
from asem_core.blocks.verify import status, verify
from asem_core.conversion.convert import convert
from asem_core.errors import OutputError, ResumeError

from ..processes import PROCESSES

SCRIPT = """
import sys
from asem_core import Box, Registry, open_volume, segment
from asem_core.plugins import make_manager
sys.path.insert(0, folder)
registry = Registry(make_manager([]))
segment(open_volume(volume, registry=registry), output, organelle=organelle, registry=registry, tile=128,
        runtime="onnxruntime", max_memory=2 * 10**9, roi=Box.parse(roi),
        progress=lambda stage, done, total: said.send((stage, done)))
"""


@pytest.fixture(scope="module")
def stored(
    tissue: npt.NDArray[np.uint8], tmp_path_factory: pytest.TempPathFactory, as_volume: Callable[..., Volume]
) -> Path:
    """A volume of 12 tiles on disk."""
    path = tmp_path_factory.mktemp("input") / "raw.zarr"
    convert(as_volume(tissue[:48, :48, :72]), path)
    return path


class Job:
    """The same segmentation, in a process of its own."""

    def __init__(self, toy: Any, volume: Path, roi: str) -> None:
        self._given = {
            "folder": str(toy.onnx.parents[2]), "volume": str(volume), "organelle": toy.organelle, "roi": roi
        }  # fmt: skip

    def start(self, output: Path) -> tuple[BaseProcess, Connection]:
        """The process, and where it says what is done: a stage and its number of blocks."""
        said, hers = PROCESSES.Pipe(duplex=False)
        process = PROCESSES.Process(target=exec, args=(SCRIPT, {**self._given, "output": str(output), "said": hers}))
        process.start()
        hers.close()
        return process, said

    def finish(self, output: Path) -> None:
        process, said = self.start(output)
        with said:
            assert list(told_by(said))
        process.join()
        assert process.exitcode == 0

    def kill_during(self, output: Path, stage: str, at_least: int, delay: float) -> None:
        """Start, wait until ``at_least`` blocks of ``stage`` are done and ``delay`` seconds more, kill -9."""
        process, said = self.start(output)
        with said:
            for name, done in told_by(said):
                if name == stage and done >= at_least:
                    break
            time.sleep(delay)
            process.kill()
            process.join()
        assert process.exitcode == -signal.SIGKILL


def told_by(said: Connection) -> Iterator[tuple[str, int]]:
    """What a process says, until it ends."""
    with contextlib.suppress(EOFError):
        while True:
            yield said.recv()


def contents(output: Path) -> dict[str, bytes]:
    """Every chunk file of an output."""
    return {
        path.relative_to(output).as_posix(): path.read_bytes()
        for path in sorted(output.rglob("*"))
        if path.is_file() and not path.name.startswith(".z")
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("roi", "last"), [("0:48,0:48,0:72", "predict"), ("5:48,3:48,1:72", "deliver")], ids=["direct", "cropped"]
)
def test_three_kills_leave_no_trace(toy: Any, stored: Path, tmp_path: Path, roi: str, last: str) -> None:
    job = Job(toy, stored, roi)
    job.finish(tmp_path / "undisturbed.zarr")
    output = tmp_path / "killed.zarr"
    chance = random.Random(11)
    for stage, at_least in (("predict", 1), ("predict", 4), (last, 0 if last == "deliver" else 6)):
        job.kill_during(output, stage, at_least, 0.0 if stage == "deliver" else chance.random() * 0.1)
        assert not status(output).complete
        assert not verify(output).sound
    job.finish(output)
    assert contents(output) == contents(tmp_path / "undisturbed.zarr")
    assert verify(output).sound
    assert not scratch_folder(output).exists()


@pytest.fixture
def run(toy: Any, registry: Registry, stored: Path, tmp_path: Path) -> Callable[..., Path]:
    """Segment a small ROI of the stored volume into one file; returns its path."""
    from asem_core import open_volume

    def go(**options: Any) -> Path:
        options = {
            "roi": Box.parse("0:24,0:24,0:24"),
            "tile": 128,
            "runtime": "onnxruntime",
            "organelle": toy.organelle,
            **options,
        }
        volume = options.pop("volume", None) or open_volume(stored, registry=registry)
        segment(volume, tmp_path / "out.zarr", registry=registry, max_memory=2 * 10**9, **options)
        return tmp_path / "out.zarr"

    return go


def test_verify_finds_every_damage(run: Callable[..., Path]) -> None:
    output = run()
    assert verify(output).sound
    chunk = output / "0" / "0" / "0" / "0"
    good = chunk.read_bytes()
    chunk.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    assert verify(output).changed == ("0/0/0/0",)
    chunk.unlink()
    assert verify(output).missing == ("0/0/0/0",)
    chunk.write_bytes(good)
    assert verify(output).sound
    label = output / "labels" / "toy" / "0" / "0" / "0" / "0"
    label.unlink()
    assert verify(output).missing == ("labels/toy/0/0/0/0",)


def test_a_complete_output_is_left_alone_or_refused(run: Callable[..., Path]) -> None:
    output = run()
    before = contents(output)
    run()
    assert contents(output) == before
    with pytest.raises(OutputError, match=r"made with other settings \(.*tile was .*--overwrite"):
        run(tile=232)
    assert contents(output) == before
    run(overwrite=True)
    assert contents(output) == before


def test_damage_is_repaired_by_the_same_call(run: Callable[..., Path]) -> None:
    output = run(roi=Box.parse("5:48,3:24,1:24"))
    before = contents(output)
    for chunk in ("0/0/0/0", "labels/toy/0/0/0/0"):
        (output / chunk).write_bytes(b"cut")
    run(roi=Box.parse("5:48,3:24,1:24"))
    assert contents(output) == before
    assert verify(output).sound


def test_a_resume_with_other_settings_is_refused(
    run: Callable[..., Path], toy: Any, as_volume: Callable[..., Volume], tissue: npt.NDArray[np.uint8]
) -> None:
    output = run()
    lines = journal_path(output).read_text().splitlines(keepends=True)
    journal_path(output).write_text("".join(lines[:-3]))  # as if killed before the pyramid
    with pytest.raises(ResumeError, match=r"output\.arrays\.image\.dtype was uint8, now float32"):
        run(prob_dtype="float32")
    with pytest.raises(ResumeError, match="--tile 128,128,128, not 232,232,232"):
        run(tile=232)
    with pytest.raises(ResumeError, match=r"threshold was 0\.5, now 0\.7"):
        run(organelle=attrs.evolve(toy.organelle, threshold=0.7))
    with pytest.raises(ResumeError, match=r"inputs\.volume\.uri was"):
        run(volume=as_volume(tissue[:48, :48, :72]))
    before = contents(output)
    run(tile=None, runtime="auto")
    assert contents(output) == before
    assert verify(output).sound


def test_temporary_copies_that_are_lost_are_made_again(run: Callable[..., Path]) -> None:
    """Tiles that were predicted into a working copy do not count as done without it."""
    roi = Box.parse("5:48,3:24,1:24")
    output = run(roi=roi)
    before = contents(output)
    lines = journal_path(output).read_text().splitlines(keepends=True)
    begun = next(n for n, line in enumerate(lines) if '"sweep": "deliver"' in line)
    journal_path(output).write_text("".join(lines[:begun]))
    for chunk in (output / "0").rglob("[0-9]"):
        if chunk.is_file():
            chunk.write_bytes(b"")
    run(roi=roi)
    assert contents(output) == before


def test_failed_blocks_are_told_and_retried(run: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    from asem_core.errors import BlockError
    from asem_core.models.runtimes.onnx_session import OnnxSession

    def broken(*_: Any, **__: Any) -> Any:
        raise ValueError("no luck")

    with monkeypatch.context() as patch:
        patch.setattr(OnnxSession, "run", broken)
        with pytest.raises(BlockError, match=r"1 of 1 blocks failed.*no luck"):
            run()
    run()


def test_a_full_disk_stops_the_run_and_keeps_what_is_done(
    run: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import errno

    from asem_core.volume.formats import ome_write as module

    def full(*_: Any) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    roi = Box.parse("0:24,0:24,0:48")
    with monkeypatch.context() as patch:
        patch.setattr(module, "digests", full)
        with pytest.raises(OutputError, match="no space left"):
            run(roi=roi)
    assert not status(tmp_path / "out.zarr").complete
    run(roi=roi)
    assert verify(tmp_path / "out.zarr").sound


def test_the_whole_output_has_no_hole(run: Callable[..., Path]) -> None:
    """Chunks that are all zero are on disk, too."""
    mask_free = run(roi=Box.parse("0:48,0:24,0:24"))
    image = zarr.open_array(mask_free / "0", mode="r")
    assert len(contents(mask_free)) >= 2 * image.nchunks
    for index in np.ndindex(*image.cdata_shape):
        assert (mask_free / "0" / "/".join(map(str, index))).is_file()
