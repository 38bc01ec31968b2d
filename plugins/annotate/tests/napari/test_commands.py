"""The widgets that run commands of ASEM in a process of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

from asem_core import convert, open_volume
from asem_core.volume import Volume

from ..cells import VOXELS, make_cell
from ..toy import write_toy

GREY, TRUTH = make_cell()
Wait = Callable[[Callable[[], bool]], None]
Picture = Callable[[str], None]


def widget(viewer: Any, name: str) -> Any:
    return viewer.window.add_plugin_dock_widget("asem-annotate", name)[1]


def run(command: Any, wait: Wait) -> None:
    command.run_button.changed.emit(True)
    wait(lambda: not command.running and command.run_button.enabled)


def write(path: Path, values: np.ndarray) -> Path:
    """Labels in the place of the image of `cell`."""
    volume = Volume(array=values, voxel_size=VOXELS, lower_edge_nm=(100, 200, 300), uri="memory", format="memory",
                    chunks=(16, 16, 16))  # fmt: skip
    convert(volume, path, labels=True)
    return path


def said() -> str:
    from napari.utils.notifications import notification_manager

    return str(notification_manager.records[-1].message)


def test_a_row_of_the_table_is_shown(viewer: Any, tmp_path: Path, wait: Wait, picture: Picture) -> None:
    bodies = np.where(TRUTH == 0, 0, TRUTH - 1).astype(np.uint32)
    path = write(tmp_path / "bodies.zarr", bodies)
    (layer,) = viewer.open(str(path), plugin="asem-annotate")
    measure = widget(viewer, "Measure")
    assert measure.objects.value == str(path)
    run(measure, wait)
    assert [row["object"] for row in measure.rows] == [1, 2]
    assert (tmp_path / "bodies_objects" / "objects.csv").is_file()
    assert measure.table.shape == (2, 5)
    measure.table.native.selectRow(1)
    z, y, x = np.argwhere(bodies == 2).mean(axis=0) * 10 + (105, 205, 305)
    assert abs(viewer.dims.point[0] - z) <= 5
    assert layer.selected_label == 2
    centre = (viewer.scene if hasattr(viewer, "scene") else viewer).camera.center
    assert np.allclose(centre[-2:], (y, x), atol=0.1)
    picture("measured")


def test_errors_are_a_layer(viewer: Any, tmp_path: Path, wait: Wait, picture: Picture) -> None:
    truth = TRUTH == 2
    found = np.roll(truth, 2, axis=1)
    evaluate = widget(viewer, "Evaluate")
    evaluate.prediction.value = str(write(tmp_path / "found.zarr", found.astype(np.uint32)))
    evaluate.truth.value = str(write(tmp_path / "truth.zarr", truth.astype(np.uint32)))
    run(evaluate, wait)
    exact = 2 * (found & truth).sum() / (found.sum() + truth.sum())
    assert f"without: F1 {exact:.4f}" in evaluate.said.value
    picture("evaluated")
    layer = viewer.layers["mito errors"]
    expected = np.where(found & truth, 1, np.where(found, 2, np.where(truth, 3, 0)))
    assert np.array_equal(np.asarray(layer.data), expected)
    assert tuple(layer.translate) == (105, 205, 305)


def test_a_model_segments_and_the_result_is_opened(viewer: Any, cell: Path, wait: Wait, picture: Picture) -> None:
    viewer.open(str(cell), plugin="asem-annotate")
    segment = widget(viewer, "Segment")
    assert segment.volume.value == str(cell)
    segment.roi.value, segment.memory.value = "0:24,0:40,0:44", "2GB"
    run(segment, wait)
    picture("segmented")
    assert [layer.name for layer in viewer.layers] == ["cell", "mito probability", "mito"]
    assert viewer.layers["mito"].data.shape == (24, 40, 44)
    assert open_volume(cell.with_name("cell_mito.zarr")).lower_edge_nm == (100, 200, 300)


def test_stopped(viewer: Any, cell: Path, wait: Wait) -> None:
    segment = widget(viewer, "Segment")
    segment.volume.value = str(cell)
    segment.run()
    wait(lambda: "tile" in segment.said.value or not segment.running)  # it has begun, and heeds signals
    segment.stop_button.changed.emit(True)
    wait(lambda: not segment.running and segment.run_button.enabled)
    assert "stopped by SIGTERM" in said()
    assert not viewer.layers


def test_what_goes_wrong_is_said_in_a_line(viewer: Any, cell: Path, wait: Wait) -> None:
    finetune = widget(viewer, "Fine-tune")
    finetune.volume.value = ""
    finetune.run()
    assert said() == "Volume: say which"
    assert not finetune.running
    finetune.volume.value, finetune.drawn.value = str(cell), str(cell.with_name("nothing.zarr"))
    run(finetune, wait)
    assert "nothing.zarr: there is no such file or folder" in said()
    assert not Path(finetune.output.value).exists()


def test_the_words_of_fine_tuning(viewer: Any, cell: Path) -> None:
    finetune = widget(viewer, "Fine-tune")
    finetune.volume.value, finetune.drawn.value, finetune.output.value = str(cell), "right.zarr/labels/training", "run"
    common = ["finetune", str(cell), "right.zarr/labels/training", "--organelle", "mito", "-o", "run"]
    assert finetune.words() == [*common, "--minutes", "20.0", "--unlabelled", "0"]
    finetune.strokes.value, finetune.iterations.value, finetune.model.value = False, "1", "mito-10nm"
    assert finetune.words() == [*common, "--iterations", "1", "--model", "mito-10nm"]


def test_fine_tuned_in_one_iteration(viewer: Any, tmp_path: Path, wait: Wait, picture: Picture) -> None:
    """In a process of its own to its end, from a network that knows nothing: progress is seen, and what came of it."""
    rng = np.random.default_rng(5)
    blobs = ndimage.gaussian_filter(rng.normal(size=(50, 100, 130)), 6) > 0.02
    grey = np.clip(np.where(blobs, 90, 170) + rng.normal(size=blobs.shape) * 15, 0, 255).astype(np.uint8)
    strokes = np.zeros(blobs.shape, np.uint8)
    strokes[::5] = 1 + blobs[::5]
    for name, values in (("raw", grey), ("strokes", strokes)):
        volume = Volume(array=values, voxel_size=VOXELS, uri="memory", format="memory", chunks=(16, 64, 64))
        convert(volume, tmp_path / f"{name}.zarr", labels=name == "strokes")
    finetune = widget(viewer, "Fine-tune")
    finetune.volume.value, finetune.drawn.value = str(tmp_path / "raw.zarr"), str(tmp_path / "strokes.zarr")
    finetune.model.value, finetune.iterations.value = str(write_toy(tmp_path / "toy")), "1"
    finetune.output.value = str(tmp_path / "run")
    seen: set[tuple[int, int]] = set()

    def ended() -> bool:
        seen.add((finetune.bar.value, finetune.bar.max))
        return not finetune.running and finetune.run_button.enabled

    finetune.run_button.changed.emit(True)
    assert finetune.stop_button.enabled
    wait(ended)
    assert not finetune.stop_button.enabled
    picture("7 fine-tuned")
    assert any(total > 0 and done == total for done, total in seen), seen
    assert "toy-10nm" in finetune.said.value, finetune.said.value
    assert "fine-tuned" in finetune.said.value
    assert (tmp_path / "run" / "selection.json").is_file()
