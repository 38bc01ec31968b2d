"""A thousand pores: time and memory of `asem analyze pores` on 1000^3 voxels, and on an eighth of them.

    python tests/benchmarks/pores_1000.py [--sides 500 1000] [--work FOLDER]

A nucleus fills each volume: a ball with 15 pores per um^2 at 5 nm, with blur and noise, and the true mask of its pores
(`envelope.py` of the plugin's tests draws it). Both are written by blocks, then measured by the command in a process of
its own. Time is on the clock and of the processors, all threads added; bounded memory does not grow with the volume.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import xarray as xr
from _process import measure, run_asem
from scipy.spatial import cKDTree

from asem_core import VoxelSize
from asem_core.geometry import Box, Triple
from asem_core.volume import ArrayPlan, create_ome_zarr

sys.path.insert(0, str(Path(__file__).parents[2] / "plugins" / "analyses" / "pores" / "tests"))
from envelope import Envelope

VOXEL_NM, AROUND_NM, PER_UM2, BLOCK = 5.0, 200.0, 15.1, (128, 128, 128)
SEED = 3


def nucleus(side: int) -> Envelope:
    """The ball that fills a cube of ``side`` voxels; pores on a Fibonacci lattice, moved by up to 15 nm."""
    rng = np.random.default_rng(SEED)
    radius = side * VOXEL_NM / 2 - AROUND_NM
    count = round(PER_UM2 * 4 * np.pi * (radius / 1000) ** 2)
    height = 1 - (2 * np.arange(count) + 1) / count
    turn = np.pi * (1 + 5**0.5) * np.arange(count)
    across = np.sqrt(1 - height**2)
    moved = np.c_[height, across * np.cos(turn), across * np.sin(turn)] * radius + rng.uniform(-15, 15, (count, 3))
    middle = np.full(3, side * VOXEL_NM / 2)
    centres = middle + radius * moved / np.linalg.norm(moved, axis=1, keepdims=True)
    diameters = np.clip(rng.normal(92, 13, count), 60, 130)
    return Envelope(middle_nm=middle, radius_nm=radius, centres_nm=centres, diameters_nm=diameters)


def write(envelope: Envelope, folder: Path, shape: Triple) -> None:
    """``cell.zarr``, and in it ``labels/pore``, 1 where the pores are."""
    size = np.full(3, VOXEL_NM)

    plan = ArrayPlan(shape=shape, dtype="uint8", chunk=(64, 64, 64), pyramid=False)
    output = create_ome_zarr(
        folder / "cell.zarr",
        image=plan,
        labels={"pore": plan},
        voxel_size=VoxelSize((VOXEL_NM,) * 3),
        lower_edge_nm=(0.0, 0.0, 0.0),
        provenance={},
    )
    for box in Box.of_shape(shape).tiles(BLOCK):
        rng = np.random.default_rng([SEED, *box.start])
        raw, labels = envelope.draw(np.array(box.start) * size, box.shape, voxel_nm=size, rng=rng)
        output.image[box.slices], output.labels["pore"][box.slices] = raw, labels > 0


def row(folder: Path, side: int) -> str:
    """Draw, measure, compare."""
    envelope = nucleus(side)
    cell = folder / "cell.zarr"
    if not cell.exists():
        folder.mkdir(exist_ok=True)
        write(envelope, folder, (side, side, side))
    words = ("analyze", "pores", cell / "labels" / "pore", cell, "-o", folder / "out")
    cost = measure(__file__, "--run", *map(str, words), "--overwrite")
    with xr.open_zarr(folder / "out" / "pores.zarr") as found:
        centres = np.stack([found[f"{axis}_nm"] for axis in "zyx"], axis=1)
        apart, nearest = cKDTree(centres).query(envelope.centres_nm)
        measured = found.diameter_nm.values[nearest]
    known = np.isfinite(measured) & (apart < 40)
    error = (measured - envelope.diameters_nm)[known]
    count = len(envelope.centres_nm)
    return (
        f"| {side}^3 | {known.sum()} of {count} | {cost['seconds']:.0f} | {cost['cpu_seconds']:.0f} "
        f"| {1000 * cost['cpu_seconds'] / count:.0f} | {cost['peak_bytes'] / 1e6:.0f} "
        f"| {error.mean():.2f} | {error.std():.2f} | {np.abs(error).max():.1f} |"
    )


def main() -> None:
    """Print the table."""
    if sys.argv[1:2] == ["--run"]:
        run_asem(sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sides", type=int, nargs="+", default=(500, 1000), metavar="N", help="voxels per axis")
    parser.add_argument("--work", type=Path, help="keep the volumes here")
    given = parser.parse_args()
    print("| voxels | pores measured | s | CPU s | CPU ms per pore | peak MB | bias, nm | SD, nm | largest error, nm |")
    print("|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        for side in given.sides:
            print(row((given.work or Path(scratch)) / str(side), side), flush=True)


if __name__ == "__main__":
    main()
