"""Draws mask.png: a simulated cell beside empty resin, before and after CLAHE, and its mask.

asem simulate tissue.zarr --shape 100,160,160 --seed 7
python docs/pictures/draw_mask.py tissue.zarr docs/pictures/mask.png
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from asem_core.draw.figure import LegendEntry, Panel, compose
from asem_core.draw.mask import INSIDE_EDGE, OUTSIDE
from asem_core.draw.paint import display_shape, fill, grey, outline, resize_mask
from asem_core.geometry import AXES
from asem_core.volume import Volume, open_volume
from asem_core.volume.formats.ome_write import ArrayPlan, build_pyramid, create_ome_zarr


def put_beside_resin(tissue: Volume, path: Path) -> None:
    """Write ``tissue`` with bright resin where a large ball, the cell, ends."""
    raw = tissue.read(tissue.box)
    z, y, x = np.ogrid[: raw.shape[0], : raw.shape[1], : raw.shape[2]]
    resin = (z - 50) ** 2 + (y - 150) ** 2 + (x - 60) ** 2 > 110**2
    raw[resin] = np.random.default_rng(0).normal(232, 7, int(resin.sum())).clip(0, 255).astype(np.uint8)
    plan = ArrayPlan(shape=tissue.shape, dtype="uint8", chunk=(64, 64, 64))
    out = create_ome_zarr(
        path, image=plan, labels={}, voxel_size=tissue.voxel_size, lower_edge_nm=tissue.lower_edge_nm, provenance={}
    )
    out.image[...] = raw
    build_pyramid(out)


def draw(tissue: str, picture: str) -> None:
    """Run the commands, draw the middle z section."""
    with tempfile.TemporaryDirectory() as name:
        cell, equal, mask = (Path(name) / f"{which}.zarr" for which in ("cell", "equal", "mask"))
        put_beside_resin(open_volume(tissue), cell)
        subprocess.run(["asem", "preprocess", cell, "-o", equal, "--stage", "clahe"], check=True)
        subprocess.run(["asem", "mask", cell, "-o", mask, "--high", "215"], check=True)
        raw = open_volume(cell)
        middle = raw.shape[0] // 2
        planes = [volume.read(volume.box)[middle] for volume in (raw, open_volume(equal), open_volume(mask))]
        size = raw.voxel_size
    height, width = planes[0].shape
    shape, nm_per_pixel = display_shape((height, width), size.zyx[1:], max_height=320, max_width=320)
    before, after = (grey(plane, shape) for plane in planes[:2])
    inside = resize_mask(planes[2] != 0, shape)
    masked = outline(fill(before, ~inside, OUTSIDE, opacity=0.35), inside, INSIDE_EDGE)
    sheet = compose(
        [
            Panel(caption="as acquired", picture=before),
            Panel(caption="asem preprocess --stage clahe", picture=after),
            Panel(caption="asem mask --high 215", picture=masked),
        ],
        title="Normalisation and cell mask",
        subtitle=f"simulated cell and resin, voxels of {size}, plane {AXES[0]} = {middle}",
        legend=[
            LegendEntry(text="outside", colour=OUTSIDE),
            LegendEntry(text="outline of the mask", colour=INSIDE_EDGE, outlined=True),
        ],
        nm_per_pixel=nm_per_pixel,
    )
    sheet.quantize(128, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(picture, optimize=True)


if __name__ == "__main__":
    draw(*sys.argv[1:])
