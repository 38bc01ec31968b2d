"""Paints seeds as a person would, in some sections of a volume of which everything is known.

    python strokes.py VOLUME SEEDS.zarr [--organelle mito] [--every 8] [--width 3]

Through every object of a section, and through background, goes one stroke along its middle; thin objects are drawn as
wide as they are. What lies near an outline is left out, as a person would.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from skimage.morphology import skeletonize

from asem_core import convert, open_labels, open_volume
from asem_core.volume import Volume

BACKGROUND, OBJECT = 1, 2
_EDGE = 2
"""Voxels from an outline that are not painted, where there is room."""


def stroke(region: npt.NDArray[np.bool_], width: int) -> npt.NDArray[np.bool_]:
    """Along the middle of ``region`` ``(y, x)``, ``width`` voxels wide, well inside of it."""
    depth = ndimage.distance_transform_edt(np.pad(region, 1))[1:-1, 1:-1]
    line = skeletonize(region) & (depth > min(_EDGE, depth.max() - 1))
    wide: npt.NDArray[np.bool_] = ndimage.binary_dilation(line, iterations=width // 2) if line.any() else line
    return wide & (depth > min(_EDGE, depth.max() - 1))


def paint(truth: npt.NDArray[np.bool_], *, every: int, width: int) -> npt.NDArray[np.uint8]:
    """Seeds ``(z, y, x)`` in every so many sections of ``truth``."""
    seeds = np.zeros(truth.shape, np.uint8)
    for section in range(every // 2, len(truth), every):
        seeds[section][stroke(~truth[section], width)] = BACKGROUND
        seeds[section][stroke(truth[section], width)] = OBJECT
    return seeds


def main() -> None:
    """Paint what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("volume", type=Path)
    parser.add_argument("seeds", type=Path)
    parser.add_argument("--organelle", default="mito")
    parser.add_argument("--every", type=int, default=8, help="sections")
    parser.add_argument("--width", type=int, default=3, help="voxels of a stroke")
    args = parser.parse_args()
    raw, labels = open_volume(args.volume), open_labels(args.volume, args.organelle)
    seeds = paint(labels.read(labels.box) != 0, every=args.every, width=args.width)
    volume = Volume(array=seeds, voxel_size=raw.voxel_size, lower_edge_nm=raw.lower_edge_nm, uri=str(args.volume),
                    format="memory", chunks=raw.chunks)  # fmt: skip
    convert(volume, args.seeds, labels=True)


if __name__ == "__main__":
    main()
