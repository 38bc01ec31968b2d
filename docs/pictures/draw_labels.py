"""Draws labels.png: one plane of simulated labels before and after `asem labels prepare`, and its exclusion zone.

asem simulate cell.zarr --shape 120,160,160 --seed 7
asem labels prepare cell.zarr --organelle mito -o truth.zarr
python docs/pictures/draw_labels.py cell.zarr truth.zarr docs/pictures/labels.png
"""

from __future__ import annotations

import sys

from asem_core.draw.figure import LegendEntry, Panel, compose
from asem_core.draw.paint import Colour, display_shape, fill, grey, outline, resize_mask
from asem_core.geometry import Box
from asem_core.volume import open_labels, open_volume

LABEL: Colour = (86, 180, 233)
ZONE: Colour = (230, 159, 0)


def draw(cell: str, truth: str, picture: str) -> None:
    raw, drawn, after = open_volume(cell), open_labels(cell, "mito"), open_labels(truth, "mito")
    mask = open_volume(f"{truth}/labels/metric_mask")
    height = width = 100
    truth_there = drawn.read(drawn.box) != 0
    z = int(truth_there.sum(axis=(1, 2)).argmax())  # the section and, in it, the corner with most labels
    corners = [(y, x) for y in (0, raw.shape[1] - height) for x in (0, raw.shape[2] - width)]
    y, x = max(corners, key=lambda c: int(truth_there[z, c[0] : c[0] + height, c[1] : c[1] + width].sum()))
    plane = Box((z, y, x), (z + 1, y + height, x + width))
    shape, nm_per_pixel = display_shape((height, width), raw.voxel_size.zyx[1:], max_height=360, max_width=360)
    background = grey(raw.read(plane)[0], shape)
    before, prepared = (resize_mask(labels.read(plane)[0] != 0, shape) for labels in (drawn, after))
    zone = resize_mask(mask.read(plane)[0] == 0, shape)
    panels = [
        Panel(caption="as drawn", picture=fill(background, before, LABEL, opacity=0.6)),
        Panel(caption="cleaned and dilated", picture=fill(background, prepared, LABEL, opacity=0.6)),
        Panel(
            caption="what is not scored",
            picture=outline(fill(background, zone, ZONE, opacity=0.6), prepared, (255, 255, 255)),
        ),
    ]
    legend = [LegendEntry(text="labels", colour=LABEL), LegendEntry(text="exclusion zone", colour=ZONE),
              LegendEntry(text="outline of the prepared labels", colour=(255, 255, 255), outlined=True)]  # fmt: skip
    subtitle = f"simulated cell, voxels of {raw.voxel_size}, section {z}"
    compose(panels, title="Preparation of ground truth", subtitle=subtitle, legend=legend,
            nm_per_pixel=nm_per_pixel).save(picture, optimize=True)  # fmt: skip


if __name__ == "__main__":
    draw(*sys.argv[1:])
