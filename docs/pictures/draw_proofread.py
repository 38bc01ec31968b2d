"""Draws proofread.png: two mitochondria that became one object, in the widget *Proofread*, a place picked in each.

asem simulate cell.zarr --shape 100,200,200 --seed 7
xvfb-run -s "-screen 0 1600x1000x24" python docs/pictures/draw_proofread.py cell.zarr docs/pictures/proofread.png
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import napari
import numpy as np
from PIL import Image
from qtpy.QtWidgets import QApplication
from scipy import ndimage

from asem_core.volume import IMAGE, ArrayPlan, Volume, create_ome_zarr, open_labels, open_volume

THICKER = 3
"""Voxels by which objects are thickened, until some that lie near one another touch."""
LEVELS = 128
"""Colours of the picture: what a page needs."""


def draw(cell: str, picture: str) -> None:
    raw, labels = open_volume(cell), open_labels(cell, "mito")
    truth = labels.read(labels.box)
    fused, _ = ndimage.label(ndimage.binary_dilation(truth > 0, iterations=THICKER))
    with TemporaryDirectory() as folder:
        place = Path(folder) / "mito.zarr"
        write(place, raw, fused.astype(np.uint32))
        viewer = napari.Viewer(title="ASEM")
        viewer.window.resize(1400, 860)
        _, desk = viewer.window.add_plugin_dock_widget("asem-annotate", "Proofread")
        desk.source.value = str(place)
        desk.begin()
        wait(desk, lambda: desk.review is not None)
        number, places = apart(fused, truth)
        desk.review.look_at([row.id for row in desk.review.rows].index(number))
        desk.objects.show(desk.review.row)
        for voxel in places:
            desk.objects.pick(desk.objects.label.data_to_world(voxel), more=voxel != places[0])
        viewer.dims.set_point(0, desk.objects.label.data_to_world(places[0])[0])
        desk.source.value, desk.tools.output.value = "mito.zarr", "mito_proofread.zarr"
        wait(desk, lambda: True)
        shown = Image.fromarray(viewer.screenshot(canvas_only=False, flash=False)[..., :3])
        shown.quantize(LEVELS).save(picture, optimize=True)
        viewer.close()


def write(place: Path, raw: Volume, objects: np.ndarray) -> None:
    """What `asem segment --instances` would have made, with the image in the place of probabilities."""
    image = ArrayPlan(shape=raw.shape, dtype=raw.dtype, chunk=(64, 64, 64))
    made = create_ome_zarr(
        place, image=image, labels={"mito_instances": ArrayPlan(shape=raw.shape, dtype="uint32", chunk=(64, 64, 64))},
        voxel_size=raw.voxel_size, lower_edge_nm=raw.lower_edge_nm, provenance={"made_by": "draw_proofread.py"},
    )  # fmt: skip
    made.levels[IMAGE][0][...] = raw.read(raw.box)
    made.levels["mito_instances"][0][...] = objects


def apart(fused: np.ndarray, truth: np.ndarray) -> tuple[int, list[tuple[int, int, int]]]:
    """An object that two mitochondria became, and the middle of either in the section where both are large."""
    most, section, number, pair = 0, 0, 0, np.zeros(2, truth.dtype)
    for z in range(len(truth)):
        for fusion in np.unique(fused[z][truth[z] > 0]):
            ids, counts = np.unique(truth[z][(fused[z] == fusion) & (truth[z] > 0)], return_counts=True)
            order = np.argsort(-counts)[:2]
            if len(order) == 2 and counts[order[1]] > most:
                most, section, number, pair = int(counts[order[1]]), z, int(fusion), ids[order]
    depths = [ndimage.distance_transform_edt(np.pad(truth[section] == each, 1))[1:-1, 1:-1] for each in pair]
    middles = [np.unravel_index(int(depth.argmax()), depth.shape) for depth in depths]
    return number, [(section, int(y), int(x)) for y, x in middles]


def wait(desk: Any, so: Callable[[], bool]) -> None:
    """Let the window work for a second at least."""
    began = time.monotonic()
    while desk.running.busy or not so() or time.monotonic() - began < 1:
        QApplication.processEvents()
        time.sleep(0.01)


if __name__ == "__main__":
    draw(*sys.argv[1:])
