"""Draws simulated.png: sections of the two presets with and without their truth, beside a real section.

python docs/pictures/draw_simulated.py FLYEM docs/pictures/simulated.png

FLYEM: a volume of 10 nm voxels, training sample 2 of FlyEM's medulla (CC BY), of which one section is shown.
"""

from __future__ import annotations

import sys

from asem_dataset_simulated.cell.draw import Window, render_cell
from asem_dataset_simulated.cell.named import centred, find_cell
from PIL import Image

from asem_core.draw.figure import LegendEntry, Panel, compose
from asem_core.draw.paint import Colour, fill, grey, resize_mask
from asem_core.geometry import Box, VoxelSize
from asem_core.volume import open_volume

VOXEL_NM = 10.0
VOXELS, PIXELS = 240, 336
TRUTH: dict[str, Colour] = {
    "er": (86, 180, 233), "envelope": (0, 158, 115), "mito": (230, 159, 0), "golgi": (240, 228, 66),
    "pore": (220, 38, 127), "ccp": (213, 94, 0), "lysosome": (204, 121, 167), "lipid": (150, 110, 60),
}  # fmt: skip
"""A later one hides an earlier one."""


def simulated(name: str, shown: set[str]) -> list[Panel]:
    """The middle section of a named cell's part with the Golgi, and its truth; ``shown`` learns what is there."""
    cell, shape, size = find_cell(name), (1, VOXELS, VOXELS), (VOXEL_NM,) * 3
    origin = centred(cell.spec, shape, VoxelSize(size), middle=cell.parts["golgi"].middle)
    view = Window(spec=cell.spec, shape=shape, voxel_size_nm=size, origin_nm=origin).view()
    drawn = render_cell(view, Box.of_shape(shape))
    picture = grey(drawn["image"][0], (PIXELS, PIXELS), black_white=(0, 255))
    truth = picture.copy()
    for organelle, colour in TRUTH.items():
        mask = resize_mask(drawn[organelle][0] > 0, (PIXELS, PIXELS))
        truth[mask] = fill(picture, mask, colour, opacity=0.55)[mask]
        shown |= {organelle} if mask.any() else set()
    fixation = cell.spec.fixation
    return [Panel(caption=f"{fixation}, {name}", picture=picture), Panel(caption=f"{fixation}, truth", picture=truth)]


def draw(flyem: str, picture: str) -> None:
    """Panels side by side, all at one scale and one grey scale."""
    real = open_volume(flyem, voxel_size=VoxelSize((VOXEL_NM,) * 3))
    section = grey(
        real.read(Box((125, 5, 5), (126, 5 + VOXELS, 5 + VOXELS)))[0], (PIXELS, PIXELS), black_white=(0, 255)
    )
    shown: set[str] = set()
    sheet = compose(
        [
            *simulated("cf-1", shown),
            *simulated("hpfs-19", shown),
            Panel(caption="real: fly medulla", picture=section),
        ],
        title="Simulated cells, and a real FIB-SEM section",
        subtitle="voxels of 10 nm, grey values as stored; real section: FlyEM / Janelia, CC BY",
        legend=[LegendEntry(text=name, colour=colour) for name, colour in TRUTH.items() if name in shown],
        nm_per_pixel=VOXEL_NM * VOXELS / PIXELS,
    )
    sheet.quantize(160, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(picture, optimize=True)


if __name__ == "__main__":
    draw(*sys.argv[1:])
