"""The widget *Proofread*, as somebody uses it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from asem_annotate import proofread

from asem_core import open_volume

from ..drawn import CRUMB, CUT, FUSED, LEFT, POINTS, RIGHT, draw, write_drawn

Wait = Callable[[Callable[[], bool]], None]
Picture = Callable[[str], None]
IN_LEFT, IN_RIGHT = (15, 18, 80), (15, 18, 100)


@pytest.fixture
def desk(viewer: Any, tmp_path: Path, wait: Wait) -> Any:
    """The widget, with a label open."""
    path = write_drawn(tmp_path / "mito.zarr", draw())
    viewer.open(str(path), plugin="asem-annotate")
    widget = viewer.window.add_plugin_dock_widget("asem-annotate", "Proofread")[1]
    assert widget.source.value == str(path / "labels" / "mito_instances")
    press(widget.begin_button)
    wait(lambda: widget.review is not None and not widget.running.busy)
    return widget


def press(button: Any) -> None:
    button.changed.emit(True)


def world(desk: Any, voxel: tuple[int, int, int]) -> Any:
    return desk.objects.label.data_to_world(voxel)


def told(desk: Any) -> list[str]:
    return [operation.told for operation in proofread.log(desk.review.proof)]


def shown(desk: Any) -> np.ndarray:
    return np.asarray(desk.objects.label.data)


def test_the_queue_is_shown_and_walked_through(viewer: Any, desk: Any) -> None:
    order = [row.id for row in proofread.queue(desk.review.proof)]
    assert desk.table.shape == (5, 4)
    assert [int(name) for name in desk.table.row_headers] == order
    assert desk.review.current == order[0] == desk.objects.label.selected_label
    for _ in range(2):
        press(desk.tools.next)
    press(desk.tools.back)
    assert desk.review.current == order[1]
    inside = desk.review.rows[1].inside
    assert np.allclose(viewer.dims.point, world(desk, inside))
    desk.table.native.selectRow(3)
    assert desk.review.current == order[3]
    assert f"object {order[3]} of 5" in desk.said.value


def test_split_merge_delete_and_undo(viewer: Any, desk: Any, wait: Wait, tmp_path: Path, picture: Picture) -> None:
    whole = draw()
    desk.objects.pick(world(desk, POINTS[0]), more=False)
    desk.objects.pick(world(desk, POINTS[1]), more=True)
    assert desk.objects.points.data.tolist() == [list(map(float, voxel)) for voxel in POINTS]
    assert f"picked: {FUSED} {FUSED}" in desk.said.value
    picture("8 picked in one object")
    press(desk.tools.split)
    wait(lambda: not desk.running.busy)
    found = shown(desk)
    assert found[POINTS[0]] == FUSED
    new = found[POINTS[1]]
    assert new > CUT
    assert np.array_equal(np.isin(found, (FUSED, new)), whole == FUSED)
    assert len(desk.objects.points.data) == 0
    picture("8 split")

    desk.objects.pick(world(desk, IN_LEFT), more=False)
    desk.objects.pick(world(desk, IN_RIGHT), more=True)
    press(desk.tools.merge)
    wait(lambda: not desk.running.busy)
    assert np.array_equal(shown(desk) == LEFT, np.isin(whole, (LEFT, RIGHT)))
    picture("9 merged")

    desk.review.look_at([row.id for row in desk.review.rows].index(CRUMB))
    press(desk.tools.delete)
    wait(lambda: not desk.running.busy)
    assert CRUMB not in shown(desk)
    press(desk.tools.undo)
    wait(lambda: not desk.running.busy)
    assert CRUMB in shown(desk)

    desk.review.look_at([row.id for row in desk.review.rows].index(CUT))
    desk.tools.category.value = "lysosome"
    press(desk.tools.recategorise)
    wait(lambda: not desk.running.busy)
    press(desk.tools.accept)
    wait(lambda: not desk.running.busy)
    assert told(desk) == [f"split {FUSED}: part of it is {new}", f"merge {LEFT} {RIGHT}", f"delete {CRUMB}", "undo 3",
                          f"recategorise {CUT} as lysosome", f"accept {CUT}"]  # fmt: skip

    desk.tools.output.value = str(tmp_path / "done.zarr")
    press(desk.tools.write)
    wait(lambda: not desk.running.busy)
    made = open_volume(tmp_path / "done.zarr" / "labels" / "mito_proofread")
    assert np.array_equal(made.read(made.box), np.where(shown(desk) == CUT, 0, shown(desk)))


def test_a_click_picks_and_a_drag_does_not(viewer: Any, desk: Any) -> None:
    from qtpy.QtCore import QPoint, Qt
    from qtpy.QtTest import QTest

    desk.review.look_at([row.id for row in desk.review.rows].index(RIGHT))
    desk.objects.show(desk.review.row)
    canvas = viewer.window._qt_viewer.canvas.native
    middle = canvas.rect().center()
    QTest.mousePress(canvas, Qt.LeftButton, pos=middle)
    QTest.mouseMove(canvas, middle + QPoint(30, 0))
    QTest.qWait(20)
    QTest.mouseRelease(canvas, Qt.LeftButton, pos=middle + QPoint(30, 0))
    assert desk.review.picks == []
    desk.objects.show(desk.review.row)
    QTest.mouseClick(canvas, Qt.LeftButton, pos=middle)
    assert [pick.id for pick in desk.review.picks] == [RIGHT]


def test_keys_and_what_cannot_be(desk: Any, wait: Wait) -> None:
    from napari.utils.notifications import notification_manager

    def key(name: str) -> None:
        found = {str(each): act for each, act in desk.objects.label.keymap.items()}
        found[name](desk.objects.label)

    first = desk.review.current
    key("N")
    assert desk.review.current != first
    key("B")
    assert desk.review.current == first
    key("Ctrl+Z")
    wait(lambda: not desk.running.busy)
    assert "there is nothing to undo" in notification_manager.records[-1].message
    press(desk.tools.merge)
    wait(lambda: not desk.running.busy)
    assert "another one with Shift" in notification_manager.records[-1].message
    assert told(desk) == []
