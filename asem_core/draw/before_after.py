"""A picture of a volume before and after a change of its grey levels, both on the full grey scale."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from asem_core.draw.figure import WIDE, Panel, compose
from asem_core.draw.paint import Picture, display_shape, grey
from asem_core.draw.planes import Plane, read_plane
from asem_core.draw.png import save_png
from asem_core.geometry import AXES, Box
from asem_core.grid.place import Placed
from asem_core.preprocessing.levels import to_grey_range
from asem_core.volume.volume import Volume

PANEL_HEIGHT = 600
PANEL_WIDTH = {True: 1200, False: 700}
"""Pixels; wide planes are stacked."""


def draw_before_after(before: Volume, after: Volume, picture: Path, *, title: str, roi: Box, axis: int = 0) -> None:
    """Draw the middle plane of ``roi`` in both volumes, as a PNG.

    Parameters
    ----------
    before
        uint8, uint16 or float in [0, 1]; black is 0, white the most that its dtype holds.
    after
        The part ``roi`` of it after the change; a dtype other than uint8 is drawn between its own percentiles.
    picture
        File to write, see `asem_core.draw.png`.
    title
        What was done.
    axis
        0 draws a z section, 1 a y plane, 2 an x plane.
    """
    plane = Plane(axis=axis, index=(roi.start[axis] + roi.stop[axis]) // 2, region=roi)
    pixels = read_plane(Placed(volume=before, start=(0, 0, 0), by="shape"), plane)
    changed = read_plane(Placed(volume=after, start=roi.start, by="shape"), plane)
    (height, width), (height_nm, width_nm) = pixels.shape, plane.pixel_nm(before.voxel_size)
    wide = width * width_nm > WIDE * height * height_nm
    shape, nm_per_pixel = display_shape(
        (height, width), (height_nm, width_nm), max_height=PANEL_HEIGHT, max_width=PANEL_WIDTH[wide]
    )
    full: Picture = grey(to_grey_range(pixels), shape, black_white=(0, 255))
    result = grey(changed, shape, black_white=(0, 255) if changed.dtype == np.uint8 else None)
    sheet = compose(
        [Panel(caption="before", picture=full), Panel(caption="after", picture=result)],
        title=title,
        subtitle=f"plane {AXES[axis]} = {plane.index}",
        legend=(),
        nm_per_pixel=nm_per_pixel,
    )
    save_png(sheet, picture, inputs=(before, after))
