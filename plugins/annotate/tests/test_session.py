"""Seeds while they are painted, without a window."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from asem_annotate import cut
from asem_annotate import session as sessions
from asem_annotate.prepared import bytes_per_voxel, prepare
from asem_annotate.seed_file import usual_path
from asem_annotate.session import Session, begin

from asem_core import Box, convert, open_volume
from asem_core.errors import AsemError, BudgetError, GeometryError, OutputError, VolumeError
from asem_core.volume import Volume

from .cells import VOXELS, dice, make_cell, mark

GREY, TRUTH = make_cell()
SEEDS = mark(np.where(TRUTH == 3, 0, TRUTH), (4, 12, 19))


def in_memory(values: np.ndarray) -> Volume:
    return Volume(array=values, voxel_size=VOXELS, uri="memory", format="memory", chunks=(16, 16, 16))


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    convert(in_memory(GREY), tmp_path / "raw.zarr")
    return tmp_path / "raw.zarr"


def start(raw: Path, **more: Any) -> Session:
    return begin(raw, raw.with_name("seeds.zarr"), organelle="mito", **more)


def stored(session: Session) -> np.ndarray:
    return np.asarray(zarr.open_array(session.file.path / "0", mode="r")[:])


def draw(session: Session, section: int) -> Box | None:
    """A stroke: what `SEEDS` have in a section."""
    session.seeds[section] = SEEDS[section]
    return session.keep()


def test_every_stroke_is_on_disk_and_undone_one_by_one(raw: Path) -> None:
    session = start(raw)
    assert draw(session, 4).shape[0] == 1
    assert draw(session, 4) is None
    once = session.seeds.copy()
    draw(session, 12)
    assert np.array_equal(stored(session), session.seeds)
    undone = session.undo()
    assert (undone.start[0], undone.stop[0]) == (12, 13)
    assert np.array_equal(session.seeds, once)
    assert np.array_equal(stored(session), once)
    session.redo()
    assert np.array_equal(stored(session)[12], SEEDS[12])
    session.undo()
    session.undo()
    assert session.undo() is None
    assert not stored(session).any()
    draw(session, 19)
    assert session.redo() is None


def test_the_oldest_changes_are_forgotten_and_the_last_never(raw: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = start(raw)
    monkeypatch.setattr(sessions, "HISTORY_BYTES", 0)
    draw(session, 4)
    draw(session, 12)
    assert session.undo() is not None
    assert session.undo() is None
    assert stored(session)[4].any()


def test_it_goes_on_where_an_earlier_one_was_killed(raw: Path) -> None:
    code = f"""
import os, numpy as np
from asem_annotate.session import begin
session = begin({str(raw)!r}, {str(raw.with_name("seeds.zarr"))!r}, organelle="mito")
session.seeds[3, 4:6, 7:9] = 2
session.keep()
session.seeds[5, 4:6, 7:9] = 1
session.keep()
os._exit(9)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    session = start(raw)
    assert session.sections(0) == [3, 5]
    assert (session.seeds == 2).sum() == 4


def test_a_part_is_painted_and_cut_in_its_place(raw: Path) -> None:
    box = Box.parse("2:22,0:32,4:44")
    session = start(raw, roi=box)
    session.seeds[...] = SEEDS[box.slices]
    session.keep()
    found = session.solve(session.seeds.copy())
    assert dice(found == 2, (TRUTH == 2)[box.slices]) > 0.8
    made = session.write(raw.with_name("cut.zarr"))
    assert made.part == box
    assert np.array_equal(stored_labels(made.path), found == 2)
    outside = cut(raw, session.file.path, output=raw.with_name("again.zarr"), organelle="mito")
    assert np.array_equal(stored_labels(outside.path), found == 2)
    session.close()
    assert start(raw).file.part == box


def stored_labels(path: Path) -> np.ndarray:
    return np.asarray(zarr.open_array(path / "labels" / "mito" / "0", mode="r")[:]) > 0


def test_other_settings_prepare_only_what_they_must(raw: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def counted(*given: Any, **more: Any) -> Any:
        made.append(more["settings"].edge)
        return prepare(*given, **more)

    monkeypatch.setattr("asem_annotate.scene.prepare", counted)
    session = start(raw)
    session.seeds[...] = SEEDS
    rough = session.solve(session.seeds)
    session.settings = sessions.choose_settings("mito", smoothness=1000.0)
    assert not np.array_equal(session.solve(session.seeds), rough)
    assert made == [5.0]
    session.settings = sessions.choose_settings("mito", edge=3.0)
    session.solve(session.seeds)
    assert made == [5.0, 3.0]


def test_preparing_can_be_stopped(raw: Path) -> None:
    session = start(raw)
    session.seeds[...] = SEEDS
    told = []

    class StoppedError(Exception):
        pass

    def stop(sweep: str, done: int, total: int) -> None:
        told.append((sweep, done, total))
        if done == 2:
            raise StoppedError

    with pytest.raises(StoppedError):
        session.solve(session.seeds, progress=stop)
    assert told == [("preparing", 0, 6), ("preparing", 1, 6), ("preparing", 2, 6)]
    assert session.solve(session.seeds).any()


def test_strokes_correct_a_prediction(raw: Path) -> None:
    wrong = np.where(TRUTH == 2, 180, np.where(TRUTH == 3, 100, 10)).astype(np.uint8)
    session = start(raw, prediction=in_memory(wrong))
    with pytest.raises(VolumeError, match="nothing is marked"):
        session.solve(session.seeds)
    for section in (6, 9, 12, 15):
        session.seeds[section] = np.where(TRUTH[section] == 3, 2, TRUTH[section] == 2)
    session.keep()
    found = session.solve(session.seeds.copy())
    assert set(np.unique(found)) == {0, 2}
    made = session.write(raw.with_name("right.zarr"))
    assert np.array_equal(stored_labels(made.path), found == 2)
    assert open_volume(made.path / "labels" / "training").shape == GREY.shape


def test_a_prediction_is_corrected_for_one_organelle(raw: Path) -> None:
    with pytest.raises(AsemError, match="for one organelle, got mito, er"):
        begin(raw, raw.with_name("seeds.zarr"), organelle=["mito", "er"], prediction=in_memory(GREY))
    assert not raw.with_name("seeds.zarr").exists()


def test_what_cannot_begin_leaves_nothing(raw: Path) -> None:
    with pytest.raises(VolumeError, match="nothing above 1 of 255 here, as labels do"):
        start(raw, prediction=in_memory((TRUTH > 0).astype(np.uint8)))
    assert not raw.with_name("seeds.zarr").exists()
    assert start(raw, roi=Box.parse("0:20,0:40,0:44")).file.part.shape == (20, 40, 44)


def test_a_part_is_measured_by_the_settings_that_it_is_cut_with(raw: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fine, usual = (bytes_per_voxel(sessions.choose_settings(name), VOXELS) for name in ("er", "mito"))
    monkeypatch.setattr("asem_annotate.scene.available_memory", lambda: GREY.size * (fine + usual) / 2)
    with pytest.raises(BudgetError):
        begin(raw, raw.with_name("fine.zarr"), organelle="er")
    assert not raw.with_name("fine.zarr").exists()
    assert start(raw).file.path.exists()


def test_seeds_of_one_volume_are_not_those_of_another(raw: Path, tmp_path: Path) -> None:
    session = start(raw)
    draw(session, 4)
    session.close()
    convert(in_memory(255 - GREY), tmp_path / "other.zarr")
    with pytest.raises(
        VolumeError, match=r"holds seeds of .*/raw\.zarr, not of .*/other\.zarr: name other seeds \(--s"
    ):
        begin(tmp_path / "other.zarr", session.file.path, organelle="mito")
    raw.rename(tmp_path / "moved.zarr")
    moved = begin(tmp_path / "moved.zarr", session.file.path, organelle="mito")
    assert moved.sections(0) == [4]


def test_seeds_are_called_as_their_volume() -> None:
    assert [usual_path(f"/data/{name}", "mito").name for name in ("cell.1.zarr", "cell.2.ome.tif", "cell.v3")] == [
        "cell.1_mito.zarr", "cell.2_mito.zarr", "cell.v3_mito.zarr"]  # fmt: skip


def test_interpolation_is_one_change(raw: Path) -> None:
    session = start(raw)
    for section in (10, 14):
        session.seeds[section] = np.where(TRUTH[section] == 2, 2, 1)
    session.keep()
    assert session.interpolate() == Box((11, 0, 0), (14, 40, 44))
    assert dice(session.seeds[12] == 2, TRUTH[12] == 2) > 0.9
    session.undo()
    assert session.sections(0) == [10, 14]
    stroke = np.argwhere(TRUTH[12] == 2)[:5].T
    session.seeds[12][tuple(stroke)] = 1
    session.interpolate()
    assert (session.seeds[12][tuple(stroke)] == 1).all(), "the annotator's own word"


def test_what_a_thread_opened_another_closes(raw: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        session = pool.submit(start, raw).result()
    session.close()
    assert start(raw).file.path == session.file.path


def test_what_does_not_fit_is_one_line(raw: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = start(raw, roi=Box.parse("0:10,0:40,0:44"))
    with pytest.raises(VolumeError, match="no voxel is marked as background"):
        session.solve(session.seeds)
    with pytest.raises(OutputError, match="is painted in another window"):
        start(raw)
    session.close()
    with pytest.raises(GeometryError, match=r"covers 0:10,0:40,0:44 of .* not 0:9,0:40,0:44"):
        start(raw, roi=Box.parse("0:9,0:40,0:44"))
    with pytest.raises(VolumeError, match="holds seeds of mito, not of er"):
        begin(raw, session.file.path, organelle="er")
    with pytest.raises(VolumeError, match="no seeds that were painted in napari"):
        begin(raw, raw, organelle="mito")
    with pytest.raises(OutputError, match=r"name it NAME.zarr"):
        begin(raw, raw.with_name("seeds.tif"), organelle="mito")
    monkeypatch.setattr("asem_annotate.scene.LARGEST", 40_000)
    with pytest.raises(BudgetError, match="512"):
        begin(raw, raw.with_name("large.zarr"), organelle="mito")
    assert not raw.with_name("large.zarr").exists()


def test_a_full_disk_loses_nothing(raw: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = start(raw)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(zarr.Array, "__setitem__", full)
        with pytest.raises(AsemError, match="No space left on device"):
            draw(session, 4)
    assert session.keep() is not None
    assert np.array_equal(stored(session), session.seeds)
    assert session.undo() is not None
    assert not session.seeds.any()
