"""Draws napari.png: strokes in simulated tissue in the widget *Annotate*, and what the cut made of them.

asem simulate cell.zarr --shape 96,224,224 --seed 7
xvfb-run -s "-screen 0 1600x1000x24" python docs/pictures/draw_napari.py cell.zarr docs/pictures/napari.png
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from asem_annotate.session import begin
from asem_annotate.viewer.desk import Desk
from asem_annotate.viewer.opening import window_of
from PIL import Image
from qtpy.QtWidgets import QApplication
from scipy import ndimage

from asem_core.volume import open_labels

SECTIONS = 12
"""Every how many sections something is marked."""
LEVELS = 128
"""Colours of the picture: what a page needs."""


def draw(cell: str, picture: str) -> None:
    truth = open_labels(cell, "mito")
    inside = truth.read(truth.box) != 0
    with TemporaryDirectory() as folder:
        viewer, desk = window_of(begin(cell, Path(folder) / "seeds.zarr", organelle="mito"))
        viewer.window.resize(1400, 860)
        for value, points in strokes(inside):
            desk.canvas.paint(value)
            with desk.canvas.seeds.block_history():
                for point in points:
                    desk.canvas.seeds.paint(point, value)
            QApplication.processEvents()
        desk.solve()
        wait(desk, lambda: desk.canvas.found is not None)
        desk.canvas.toggle_supervoxels()
        viewer.dims.set_point(0, desk.canvas.seeds.data_to_world((fullest(inside), 0, 0))[0])
        desk.form.path.value, desk.form.volume.value = "cell_mito_seeds.zarr", "cell.zarr"
        desk.tools.output.value = "cell_mito_cut.zarr"
        wait(desk, lambda: True)
        shown = Image.fromarray(viewer.screenshot(canvas_only=False, flash=False)[..., :3])
        shown.quantize(LEVELS).save(picture, optimize=True)
        viewer.close()


def strokes(inside: np.ndarray) -> Iterator[tuple[int, list[tuple[int, int, int]]]]:
    """Lines well inside of every object, and of the rest, in some sections."""
    for section in range(fullest(inside) % SECTIONS, len(inside), SECTIONS):
        for value, mask in ((2, inside[section]), (1, ~inside[section])):
            pieces, count = ndimage.label(ndimage.binary_erosion(mask, iterations=6))
            for piece in range(1, count + 1):
                places = np.argwhere(pieces == piece)
                step = max(1, len(places) // (12 if value == 2 else 60))
                yield value, [(section, int(y), int(x)) for y, x in places[::step]]


def fullest(inside: np.ndarray) -> int:
    """The section with most of the organelle."""
    return int(inside.sum(axis=(1, 2)).argmax())


def wait(desk: Desk, so: Callable[[], bool]) -> None:
    """Let the window work for a second at least."""
    began = time.monotonic()
    while desk.running.busy or not so() or time.monotonic() - began < 1:
        QApplication.processEvents()
        time.sleep(0.01)


if __name__ == "__main__":
    draw(*sys.argv[1:])
