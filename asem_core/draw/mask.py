"""A picture of the mask: the middle plane of every axis, what lies outside tinted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from asem_core.draw.figure import PAPER, LegendEntry, Panel, compose
from asem_core.draw.paint import Colour, display_shape, fill, grey, outline, resize_mask
from asem_core.draw.planes import Plane, read_plane
from asem_core.draw.png import save_png
from asem_core.geometry import AXES
from asem_core.grid.place import Placed
from asem_core.volume.volume import Volume

OUTSIDE: Colour = (230, 159, 0)
INSIDE_EDGE: Colour = (86, 180, 233)


def draw_mask(raw: Volume, mask: Volume, picture: Path) -> None:
    """Write a PNG with three planes of ``raw``, one below the other, each beside itself with ``mask`` drawn in.

    Parameters
    ----------
    raw, mask
        ``(z, y, x)``, of one shape; non-zero is inside.
    picture
        See `asem_core.draw.png`.
    """
    middle = [n // 2 for n in raw.shape]
    sheets = [_sheet(raw, mask, Plane(axis=axis, index=middle[axis], region=raw.box)) for axis in range(3)]
    whole = Image.new("RGB", (max(s.width for s in sheets), sum(s.height for s in sheets)), PAPER)
    top = 0
    for sheet in sheets:
        whole.paste(sheet, (0, top))
        top += sheet.height
    save_png(whole, picture, inputs=(raw, mask))


def _sheet(raw: Volume, mask: Volume, plane: Plane) -> Image.Image:
    grey_levels, inside = (
        read_plane(Placed(volume=volume, start=(0, 0, 0), by="shape"), plane) for volume in (raw, mask)
    )
    inside = inside != 0
    shape, nm_per_pixel = display_shape(
        (inside.shape[0], inside.shape[1]), plane.pixel_nm(raw.voxel_size), max_height=500, max_width=700
    )
    picture, shown = grey(grey_levels, shape), resize_mask(inside, shape)
    painted = outline(fill(picture, ~shown, OUTSIDE, opacity=0.35), shown, INSIDE_EDGE)
    return compose(
        [Panel(caption="raw", picture=picture), Panel(caption="cell mask", picture=painted)],
        title=f"cell mask: plane {AXES[plane.axis]} = {plane.index}",
        subtitle=f"{np.mean(inside):.1%} of this plane is inside",
        legend=[
            LegendEntry(text="outside", colour=OUTSIDE),
            LegendEntry(text="outline of the mask", colour=INSIDE_EDGE, outlined=True),
        ],
        nm_per_pixel=nm_per_pixel,
    )
