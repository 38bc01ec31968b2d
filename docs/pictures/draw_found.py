"""Draws found.png: what the default model of each organelle finds, from the covers of their packages.

python docs/pictures/draw_found.py docs/pictures/found.png
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from asem_core.draw import Panel, compose

ROOT = Path(__file__).parents[2]
MODELS = {
    "mito": "mitochondria", "er": "endoplasmic reticulum", "golgi": "Golgi apparatus", "pore": "a nuclear pore",
    "ccp": "a coated vesicle",
}  # fmt: skip
VOXELS, PIXELS, GAP = 200, 300, 10
"""Edge of what is shown of a section, its edge in the picture, and between the two rows."""


def panel(organelle: str, title: str) -> Panel:
    """The section above, and what is found in it below."""
    (path,) = ROOT.glob(f"plugins/organelles/{organelle}/asem_organelle_*/models/{organelle}_10nm/cover.png")
    with Image.open(path) as cover:
        side, top = cover.height, cover.height - VOXELS
        boxes = [(left, top, left + VOXELS, cover.height) for left in (0, side)]
        raw, found = [
            np.asarray(cover.convert("RGB").resize((PIXELS, PIXELS), Image.Resampling.LANCZOS, box)) for box in boxes
        ]
    return Panel(caption=title, picture=np.concatenate([raw, np.full((GAP, PIXELS, 3), 255, np.uint8), found]))


def draw(picture: str) -> None:
    """Panels side by side."""
    sheet = compose(
        [panel(organelle, title) for organelle, title in MODELS.items()],
        title="Found by the models that the plugins bring",
        subtitle="sections of simulated cells, voxels of 10 nm; below them in orange what is found",
        legend=[],
        nm_per_pixel=10 * VOXELS / PIXELS,
    )
    sheet.quantize(200, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(picture, optimize=True)


if __name__ == "__main__":
    draw(*sys.argv[1:])
