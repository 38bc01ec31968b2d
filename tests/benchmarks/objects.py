"""Memory and time of `asem analyze objects` at two sizes eight-fold apart, in blocks of two sizes.

    python tests/benchmarks/objects.py [--sides 256 512] [--blocks 64 128]

Blobs of 0.2 um and less at 5 nm, some 120 in 10^6 voxels; the mask of one value is cut into components first. Every run
is a process of its own. Memory that is bounded by the block grows with the number of objects only. Time is processor
time.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
from _process import measure, report
from scipy import ndimage

from asem_core import VoxelSize, make_registry
from asem_core.analysis import analyze
from asem_core.geometry import Box
from asem_core.volume import ArrayPlan, create_ome_zarr

SEED, TILE = 5, 96


def write(path: Path, side: int) -> None:
    """A mask of blobs, the same tile again and again."""
    noise = ndimage.gaussian_filter(np.random.default_rng(SEED).normal(size=(TILE,) * 3), 3, mode="wrap")
    tile = (noise > 2 * noise.std()).astype(np.uint8)

    plan = ArrayPlan(shape=(side,) * 3, dtype="uint8", chunk=(64, 64, 64), reduction="mode")
    image = create_ome_zarr(
        path, image=plan, labels={}, voxel_size=VoxelSize((5.0, 5.0, 5.0)), lower_edge_nm=(0.0, 0.0, 0.0), provenance={}
    ).image
    for box in Box.of_shape(plan.shape).tiles((128, 128, 128)):
        image[box.slices] = tile[np.ix_(*(np.arange(a, b) % TILE for a, b in zip(box.start, box.stop, strict=True)))]


def run(source: Path, output: Path, block: int) -> None:
    """One measurement, reported."""
    report(
        lambda: analyze(source, output, analysis="objects", kind="labels", block=(block,) * 3, registry=make_registry())
    )


def main() -> None:
    """Print the table."""
    if sys.argv[1:2] == ["--run"]:
        run(Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sides", type=int, nargs="+", default=(256, 512), metavar="N", help="voxels per axis")
    parser.add_argument("--blocks", type=int, nargs="+", default=(64, 128), metavar="N", help="voxels per axis")
    given = parser.parse_args()
    print("| voxels | objects | block | peak MB | CPU s | CPU s / 10^6 voxels |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        for side in given.sides:
            source = Path(name) / f"{side}.zarr"
            write(source, side)
            for block in given.blocks:
                output = Path(name) / f"{side}_{block}"
                found = measure(__file__, "--run", str(source), str(output), str(block))
                rows = len((output / "objects.csv").read_text().splitlines()) - 1
                print(
                    f"| {side}^3 | {rows:,} | {block}^3 | {found['peak_bytes'] / 1e6:.0f} "
                    f"| {found['cpu_seconds']:.0f} | {found['cpu_seconds'] / side**3 * 1e6:.2f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
