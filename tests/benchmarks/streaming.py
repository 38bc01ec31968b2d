"""Memory and waiting of a training whose volume does not fit: a cube of noise with labels in a temporary folder.

    python tests/benchmarks/streaming.py [--edge 1000] [--iterations 30] [--base 8] [--side 64] [--batch 2]
                                         [--ratio 1] [--memory] [--folder FOLDER]

Prints the peak of resident memory, the seconds of an iteration, and the share of them that steps waited for blocks.
With --ratio 2 the volume's voxels are half as long as the model's; --memory holds the volume, for comparison.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import zarr
from _process import peak_bytes

from asem_core.geometry import Box
from asem_core.progress import silent
from asem_core.training import memory, train
from asem_core.training.recipe import Recipe, structure_recipe

_CHUNK = 128
_VOXEL_NM = 10.0


def write_cube(folder: Path, edge: int) -> None:
    """Noise, and labels: a sixteenth of the volume in rods of 32 voxels, through all of it along z."""
    raw, labels = (
        zarr.create_array(folder / name, shape=(edge,) * 3, chunks=(_CHUNK,) * 3, dtype=np.uint8)
        for name in ("raw", "labels")
    )
    for array in (raw, labels):
        array.attrs["resolution"] = [_VOXEL_NM] * 3
    rng = np.random.default_rng(0)
    y, x = (np.arange(edge) // 32 % 4 == 0 for _ in range(2))
    rods = (y[:, None] & x[None]).astype(np.uint8)
    for box in Box.of_shape((edge,) * 3).tiles((_CHUNK, edge, edge)):
        truth = np.broadcast_to(rods, box.shape)
        labels[box.slices] = truth
        raw[box.slices] = rng.integers(0, 192, box.shape, np.uint8) + np.uint8(64) * truth


def recipe(args: argparse.Namespace) -> Recipe:
    """One phase of padded blocks."""
    values = {
        "organelle": "mito", "voxel_size_nm": [_VOXEL_NM * args.ratio] * 3, "base": args.base, "batch": args.batch,
        "training": [{"raw": "raw", "labels": "labels"}], "normalise": True, "loss": "cross_entropy_dice",
        "phases": [{"iterations": args.iterations, "side": args.side, "padded": True, "rate": [1e-3, 1e-3]}],
    }  # fmt: skip
    return structure_recipe(values, where="benchmark")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--edge", type=int, default=1000)
    parser.add_argument("--iterations", type=int, default=30)
    parser.add_argument("--base", type=int, default=8)
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--ratio", type=float, default=1.0)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--folder", type=Path, help="where the temporary folder is made")
    args = parser.parse_args()
    memory.HELD = 1e9 if args.memory else 0.0
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        began = time.perf_counter()
        write_cube(Path(folder), args.edge)
        print(f"{args.edge}^3 voxels written in {time.perf_counter() - began:.0f} s, {peak_bytes() / 1e9:.2f} GB peak")
        began = time.perf_counter()
        train(recipe(args), Path(folder) / "run", data_folder=folder, device="cpu", progress=silent)
        seconds = time.perf_counter() - began
        lines = [json.loads(line) for line in (Path(folder) / "run" / "log.jsonl").read_text().splitlines()]
    last = lines[-1]
    print(
        f"base {args.base}, {args.batch} x {args.side}^3: {last['seconds'] / len(lines):.2f} s an iteration, "
        f"{last['waited'] / last['seconds']:.1%} waiting for blocks ({lines[0]['waited']:.2f} s of it for the first), "
        f"{seconds - last['seconds']:.0f} s before and after, {peak_bytes() / 1e9:.2f} GB peak"
    )


if __name__ == "__main__":
    main()
