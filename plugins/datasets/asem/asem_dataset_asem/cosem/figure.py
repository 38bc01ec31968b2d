"""The picture that shows whether ground truth lies on raw: outlines in three orthogonal planes, with raw around."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from asem_core.draw import (
    CANDIDATES,
    Colour,
    LegendEntry,
    Panel,
    Picture,
    Plane,
    compose,
    display_shape,
    grey,
    outline,
    read_plane,
    resize_mask,
    save_png,
)
from asem_core.geometry import AXES, Box
from asem_core.grid import Placed
from asem_core.registry import Registry
from asem_core.volume import Volume, open_labels
from asem_dataset_asem.cosem.importing import ANNOTATED, Imported

LABELS: Colour = (86, 180, 233)
KNOWN: Colour = (230, 159, 0)
PANEL = 640
"""Pixels of the longest side of a panel."""


def draw_import(
    imported: Imported, raw: Volume, picture: Path, *, organelle: str, registry: Registry | None = None
) -> None:
    """Draw the outlines of the organelle and of what was annotated on raw.

    Parameters
    ----------
    imported
        What `import_crop` made.
    raw
        The whole image: a quarter of the crop's size is shown around it.
    picture
        PNG file to write, see `asem_core.draw.png`.
    """
    frame = Placed(volume=raw, start=(0, 0, 0), by="shape")
    labels, known = (
        Placed(volume=open_labels(imported.path, name, registry=registry), start=imported.box.start, by="position")
        for name in (organelle, ANNOTATED)
    )
    region = imported.box.grow(max(imported.box.shape) // 4).intersect(raw.box)
    planes = [_fullest(axis, imported.box, labels, region) for axis in range(3)]
    scale = max(_nm_per_pixel(plane, raw) for plane in planes)
    panels = [_panel(plane, frame, labels, known, scale) for plane in planes]
    size = [max(panel.picture.shape[axis] for panel in panels) for axis in (0, 1)]
    share = imported.organelle_voxels / max(1, imported.annotated_voxels)
    sheet = compose(
        [Panel(caption=panel.caption, picture=_on_paper(panel.picture, size)) for panel in panels],
        title=f"{organelle}: ground truth on raw",
        subtitle=f"voxels {imported.box} (z, y, x) of raw; {organelle} in {share:.1%} of what is annotated",
        legend=[
            LegendEntry(text=organelle, colour=LABELS, outlined=True),
            LegendEntry(text="annotated", colour=KNOWN, outlined=True),
        ],
        nm_per_pixel=scale,
    )
    save_png(sheet, picture, inputs=(raw, imported.path))


def _fullest(axis: int, box: Box, labels: Placed, region: Box) -> Plane:
    """The plane across ``axis`` with most of the organelle, of nine spread ones and the middle."""
    start, length = box.start[axis], box.shape[axis]
    spread = [start + (2 * k + 1) * length // (2 * CANDIDATES) for k in range(CANDIDATES)]
    planes = [Plane(axis=axis, index=index, region=region) for index in (start + length // 2, *spread)]
    return max(planes, key=lambda plane: int(np.count_nonzero(read_plane(labels, plane))))


def _nm_per_pixel(plane: Plane, raw: Volume) -> float:
    height, width = (n for axis, n in enumerate(plane.region.shape) if axis != plane.axis)
    return display_shape((height, width), plane.pixel_nm(raw.voxel_size), max_height=PANEL, max_width=PANEL)[1]


def _panel(plane: Plane, raw: Placed, labels: Placed, known: Placed, scale: float) -> Panel:
    pixels = read_plane(raw, plane)
    height_nm, width_nm = plane.pixel_nm(raw.volume.voxel_size)
    shape = (max(1, round(pixels.shape[0] * height_nm / scale)), max(1, round(pixels.shape[1] * width_nm / scale)))
    painted = grey(pixels, shape)
    for source, colour in ((known, KNOWN), (labels, LABELS)):
        painted = outline(painted, resize_mask(read_plane(source, plane) != 0, shape), colour)
    down, across = (axis for number, axis in enumerate(AXES) if number != plane.axis)
    return Panel(caption=f"{AXES[plane.axis]} = {plane.index} (down {down}, across {across})", picture=painted)


def _on_paper(picture: Picture, size: list[int]) -> Picture:
    """``picture`` at the upper left of white paper of ``size``."""
    paper = np.full((*size, 3), 255, np.uint8)
    paper[: picture.shape[0], : picture.shape[1]] = picture
    return paper
