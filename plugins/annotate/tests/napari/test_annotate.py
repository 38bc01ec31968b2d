"""The widgets *Annotate* and *Correct*, as somebody uses them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from asem_annotate.commands import annotate
from click.testing import CliRunner
from scipy import ndimage

from asem_core import Box, convert, open_volume
from asem_core.volume import Volume

from ..cells import VOXELS, dice, make_cell

GREY, TRUTH = make_cell()
ROI = "0:24,0:40,44:88"
Wait = Callable[[Callable[[], bool]], None]
Picture = Callable[[str], None]


def opened(viewer: Any, cell: Path, wait: Wait, *, widget: str = "Annotate", prediction: Path | None = None) -> Any:
    """The widget, in a session on the second of the four cells in the image."""
    viewer.open(str(cell), plugin="asem-annotate")
    _, desk = viewer.window.add_plugin_dock_widget("asem-annotate", widget)
    desk.form.roi.value = ROI
    desk.form.prediction.value = "" if prediction is None else str(prediction)
    desk.begin_button.changed.emit(True)
    wait(lambda: desk.canvas is not None and not desk.running.busy)
    desk.tools.edge.value = 3
    return desk


def stroke(desk: Any, points: np.ndarray, value: int) -> None:
    """Paint along points, as dragging the mouse does."""
    desk.canvas.paint(value)
    with desk.canvas.seeds.block_history():
        for point in points:
            desk.canvas.seeds.paint(tuple(point), value)
    settle()


def settle() -> None:
    """Let the window do what is due."""
    from qtpy.QtWidgets import QApplication

    QApplication.processEvents()


def strokes(count: int) -> list[tuple[np.ndarray, int]]:
    """Lines of five points, well inside of the first body and of background by turns."""
    rng, made = np.random.default_rng(0), []
    for number in range(count):
        value = 2 - number % 2
        inside = ndimage.binary_erosion((TRUTH == 2) == (value == 2), iterations=4)
        section = (8, 12, 16)[number % 3]
        places = np.argwhere(inside[section])
        made.append((np.c_[np.full(5, section), rng.choice(places, 5)], value))
    return made


def stored(desk: Any) -> np.ndarray:
    return np.asarray(zarr.open_array(desk.canvas.session.file.path / "0", mode="r")[:])


def press(desk: Any, key: str) -> None:
    """What the key does on the layer of seeds."""
    found = {str(each): act for each, act in desk.canvas.seeds.keymap.items()}
    found[key](desk.canvas.seeds)


def test_fifty_strokes_cut_undo_save_and_go_on(viewer: Any, cell: Path, wait: Wait, picture: Picture) -> None:
    desk = opened(viewer, cell, wait)
    picture("1 open")
    seeds = desk.canvas.seeds
    seeds.brush_size = 2
    assert seeds.data.shape == (24, 40, 44)
    assert tuple(seeds.translate) == (105, 205, 745)
    for points, value in strokes(50):
        stroke(desk, points, value)
        assert np.array_equal(stored(desk), seeds.data)
    painted = seeds.data.copy()
    picture("2 fifty strokes")

    press(desk, "C")
    wait(lambda: desk.canvas.found is not None and not desk.running.busy)
    found = desk.canvas.found.data == 2
    assert dice(found, TRUTH == 2) > 0.8
    assert viewer.layers.index(desk.canvas.found) < viewer.layers.index(seeds)
    assert viewer.layers.selection.active.name == seeds.name
    picture("3 cut")

    for _ in range(50):
        press(desk, "Ctrl+Z")
    assert not seeds.data.any()
    assert not stored(desk).any()
    picture("4 undone")
    for _ in range(50):
        press(desk, "Ctrl+Shift+Z")
    assert np.array_equal(stored(desk), painted)

    desk.tools.output.value = str(cell.with_name("cut.zarr"))
    desk.tools.save.changed.emit(True)
    wait(lambda: not desk.running.busy)
    picture("5 saved")
    made = open_volume(cell.with_name("cut.zarr") / "labels" / "mito")
    assert made.lower_edge_nm == (100, 200, 740)
    assert np.array_equal(made.read(made.box) > 0, found)

    desk.form.roi.value = ""
    desk.begin()
    wait(lambda: desk.canvas is not None and not desk.running.busy)
    assert desk.canvas.seeds is not seeds
    assert np.array_equal(desk.canvas.seeds.data, painted)
    assert [layer.name for layer in viewer.layers] == ["cell", "cell_mito_seeds"]
    picture("6 gone on with")


def test_a_stroke_of_the_mouse_is_saved(viewer: Any, cell: Path, wait: Wait) -> None:
    from qtpy.QtCore import QPoint, Qt
    from qtpy.QtTest import QTest

    desk = opened(viewer, cell, wait)
    press(desk, "W")
    canvas = viewer.window.qt_viewer.canvas.native if hasattr(viewer.window, "qt_viewer") else None
    canvas = canvas or viewer.window._qt_viewer.canvas.native
    middle = canvas.rect().center()
    QTest.mousePress(canvas, Qt.LeftButton, pos=middle)
    for step in range(1, 6):
        QTest.mouseMove(canvas, middle + QPoint(8 * step, 0))
        QTest.qWait(20)
    QTest.mouseRelease(canvas, Qt.LeftButton, pos=middle + QPoint(40, 0))
    wait(lambda: bool((stored(desk) == 1).any()))
    assert np.array_equal(stored(desk), desk.canvas.seeds.data)


def test_the_bucket_is_saved_and_undone(viewer: Any, cell: Path, wait: Wait) -> None:
    desk = opened(viewer, cell, wait)
    desk.canvas.seeds.fill((3, 10, 10), 1)
    settle()
    assert (stored(desk) == 1).sum() == 40 * 44
    press(desk, "Ctrl+Z")
    assert not stored(desk).any()


def test_keys(viewer: Any, cell: Path, wait: Wait) -> None:
    desk = opened(viewer, cell, wait)
    seeds = desk.canvas.seeds
    assert (str(seeds.mode), seeds.selected_label) == ("paint", 2)
    press(desk, "W")
    assert (str(seeds.mode), seeds.selected_label) == ("paint", 1)
    press(desk, "E")
    assert str(seeds.mode) == "erase"
    press(desk, "Q")
    assert (str(seeds.mode), seeds.selected_label) == ("paint", 2)
    seeds.selected_label = 9
    assert seeds.selected_label == 2
    for section in (4, 9):
        stroke(desk, np.array([(section, 20, 20)]), 1)
    viewer.dims.set_point(0, 105 + 10 * 6)
    press(desk, "M")
    assert viewer.dims.point[0] == 105 + 90
    press(desk, "M")
    press(desk, "Z")
    assert viewer.dims.point[0] == 105 + 40


def test_supervoxels_and_the_cut_are_hidden_and_shown(viewer: Any, cell: Path, wait: Wait) -> None:
    desk = opened(viewer, cell, wait)
    press(desk, "D")
    assert desk.canvas.supervoxels is None
    for points, value in strokes(4):
        stroke(desk, points, value)
    desk.solve()
    wait(lambda: desk.canvas.found is not None and not desk.running.busy)
    press(desk, "D")
    assert desk.canvas.supervoxels.visible
    press(desk, "D")
    assert not desk.canvas.supervoxels.visible
    press(desk, "A")
    assert not desk.canvas.found.visible
    press(desk, "S")
    assert desk.canvas.found.visible


def test_it_cuts_after_every_stroke_where_asked(viewer: Any, cell: Path, wait: Wait) -> None:
    desk = opened(viewer, cell, wait)
    desk.canvas.seeds.brush_size = 2
    many = strokes(6)
    for points, value in many[:4]:
        stroke(desk, points, value)
    desk.tools.live.value = True
    for points, value in many[4:]:
        stroke(desk, points, value)
    wait(lambda: desk.canvas.found is not None and not desk.running.busy)
    session = desk.canvas.session
    assert np.array_equal(desk.canvas.found.data, session.solve(session.seeds.copy()))


def test_what_is_missing_is_said_in_a_line(viewer: Any, cell: Path, wait: Wait) -> None:
    from napari.utils.notifications import notification_manager

    desk = opened(viewer, cell, wait)
    desk.solve()
    wait(lambda: not desk.running.busy)
    assert "no voxel is marked as background (1)" in notification_manager.records[-1].message
    assert desk.canvas.found is None
    desk.form.path.value = "seeds.tif"
    desk.begin()
    wait(lambda: not desk.running.busy)
    assert "name it NAME.zarr" in notification_manager.records[-1].message


def test_cancelled(viewer: Any, cell: Path, wait: Wait) -> None:
    desk = opened(viewer, cell, wait)
    for points, value in strokes(4):
        stroke(desk, points, value)
    desk.solve()
    desk.running.cancel()
    wait(lambda: not desk.running.busy)
    assert desk.canvas.found is None
    desk.solve()
    wait(lambda: not desk.running.busy)
    assert desk.canvas.found is not None


def test_a_prediction_is_shown_and_corrected(viewer: Any, cell: Path, wait: Wait) -> None:
    wrong = np.where(TRUTH == 2, 180, np.where(TRUTH == 3, 100, 10)).astype(np.uint8)
    prediction = Volume(array=np.concatenate([wrong] * 4, axis=2), voxel_size=VOXELS, lower_edge_nm=(100, 200, 300),
                        uri="memory", format="memory", chunks=(16, 16, 16))  # fmt: skip
    convert(prediction, cell.with_name("wrong.zarr"))
    desk = opened(viewer, cell, wait, widget="Correct", prediction=cell.with_name("wrong.zarr"))
    assert np.array_equal(desk.canvas.found.data == 2, TRUTH == 2)
    for section in (6, 9, 12, 15):
        desk.canvas.seeds.data[section] = np.where(TRUTH[section] == 3, 2, TRUTH[section] == 2)
    desk.canvas.keep()
    desk.tools.smoothness.value = 10
    desk.solve()
    wait(lambda: not desk.running.busy)
    assert dice(desk.canvas.found.data == 2, TRUTH == 3) > 0.5


def test_the_roi_of_what_is_seen(viewer: Any, cell: Path) -> None:
    from asem_annotate.viewer.view import box_of_view

    viewer.open(str(cell), plugin="asem-annotate")
    assert box_of_view(viewer, open_volume(cell)) == Box.parse("0:24,0:40,0:176")


def test_the_command_opens_everything(
    display: None, cell: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import napari

    monkeypatch.chdir(tmp_path)
    seen: list[Any] = []

    def look() -> None:
        viewer = napari.current_viewer()
        seen.extend([viewer.title, [layer.name for layer in viewer.layers], list(viewer.window.dock_widgets)])
        viewer.close()

    monkeypatch.setattr(napari, "run", look)
    made = CliRunner().invoke(annotate, [str(cell), "--organelle", "mito", "--organelle", "er", "--roi", ROI])
    assert made.exit_code == 0, made.exception
    title, layers, widgets = seen
    assert title == f"ASEM: {cell}"
    assert layers == ["cell", "cell_mito_seeds"]
    assert any("Annotate" in name for name in widgets)
    assert (tmp_path / "cell_mito_seeds.zarr").is_dir()


def test_killed_after_a_stroke(display: None, cell: Path) -> None:
    code = f"""
import os
from qtpy.QtWidgets import QApplication
from asem_annotate.session import begin
from asem_annotate.viewer.opening import window_of
viewer, desk = window_of(begin({str(cell)!r}, {str(cell.with_name("seeds.zarr"))!r}, organelle="mito"))
for section in (3, 5):
    desk.canvas.seeds.paint((section, 20, 20), 2)
    QApplication.processEvents()
os._exit(9)
"""
    run = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert run.returncode == 9, run.stderr
    kept = np.asarray(zarr.open_array(cell.with_name("seeds.zarr") / "0", mode="r")[:])
    assert np.flatnonzero(kept.any(axis=(1, 2))).tolist() == [3, 5]
