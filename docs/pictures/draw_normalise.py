"""Draws normalise.png: one plane of simulated tissue as it is, and after each normalisation.

asem simulate cell.zarr --shape 160,256,300 --seed 3
python docs/pictures/draw_normalise.py cell.zarr docs/pictures/normalise.png
"""

from __future__ import annotations

import sys

from asem_core.draw.figure import Panel, compose
from asem_core.draw.paint import grey
from asem_core.geometry import Box
from asem_core.preprocessing.stages import make_steps, measure, normalised
from asem_core.registry import make_registry
from asem_core.specs import StageRef
from asem_core.volume import open_volume

PLANE = Box((80, 100, 20), (81, 228, 148))
SIDE = 256
GREYS = 48


def draw(cell: str, picture: str) -> None:
    raw, registry = open_volume(cell), make_registry()
    panels = [Panel(caption="as it is", picture=grey(raw.read(PLANE)[0], (SIDE, SIDE), black_white=(0, 255)))]
    for name in ("percentile_rescale", "equalize_histogram", "clahe"):
        steps = make_steps([StageRef(name=name)], registry)
        plane = normalised(raw, steps, measure(raw, steps)).read(PLANE)[0]
        panels.append(Panel(caption=name, picture=grey(plane, (SIDE, SIDE), black_white=(0, 255))))
    sheet = compose(
        panels, title="Normalisation", subtitle="simulated tissue, each stage with its defaults", legend=(),
        nm_per_pixel=raw.voxel_size.zyx[1] * PLANE.shape[1] / SIDE,
    )  # fmt: skip
    sheet.quantize(GREYS).save(picture, optimize=True)


if __name__ == "__main__":
    draw(*sys.argv[1:])
