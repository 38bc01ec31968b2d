"""Draws annotate.png: strokes in one section, the cut that they make, and the same cut between marked sections.

python draw_annotate.py VOLUME SEEDS.zarr CUT.zarr PICTURE [--organelle mito]
"""

from __future__ import annotations

import argparse

import numpy as np
import numpy.typing as npt

from asem_core import Box, open_labels, open_volume
from asem_core.draw import RED, Colour, LegendEntry, Panel, compose, display_shape, grey, organelle_colour, outline
from asem_core.draw.paint import Picture, fill, resize_mask
from asem_core.volume import Volume

_SIDE = 420
"""Pixels of a panel."""


def draw(volume: str, seeds: str, cut: str, picture: str, organelle: str) -> None:
    """Compose the three panels."""
    raw, marked, labels = open_volume(volume), open_volume(seeds), open_labels(cut, organelle)
    strokes = marked.read(marked.box)
    marked_in = np.flatnonzero((strokes == 2).any(axis=(1, 2)))
    section = int(marked_in[len(marked_in) // 2])
    between = section + int(np.diff(marked_in).min()) // 2
    colour: Colour = organelle_colour(organelle)
    shape, nm_per_pixel = display_shape(raw.shape[1:], raw.voxel_size.zyx[1:], max_height=_SIDE, max_width=_SIDE)

    def plane(of: Volume, z: int) -> npt.NDArray[np.generic]:
        return np.asarray(of.read(Box((z, 0, 0), (z + 1, *of.shape[1:])))[0])

    def found(z: int) -> Picture:
        return outline(grey(plane(raw, z), shape), resize_mask(plane(labels, z) != 0, shape), colour)

    painted = grey(plane(raw, section), shape)
    for value, shade in ((1, RED), (2, colour)):
        painted = fill(painted, resize_mask(strokes[section] == value, shape), shade, opacity=0.9)
    panels = [
        Panel(caption=f"strokes, section {section}", picture=painted),
        Panel(caption="the cut there", picture=found(section)),
        Panel(caption=f"and in section {between}, unmarked", picture=found(between)),
    ]
    legend = [LegendEntry(text="background", colour=RED), LegendEntry(text=organelle, colour=colour)]
    subtitle = f"simulated cell, voxels of {raw.voxel_size}"
    compose(panels, title="Labels from a few strokes", subtitle=subtitle, legend=legend,
            nm_per_pixel=nm_per_pixel).save(picture, optimize=True)  # fmt: skip


def main() -> None:
    """Draw what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("volume", "seeds", "cut", "picture"):
        parser.add_argument(name)
    parser.add_argument("--organelle", default="mito")
    draw(**vars(parser.parse_args()))


if __name__ == "__main__":
    main()
