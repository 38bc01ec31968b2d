"""Memory and time of preparing and measuring at two sizes eight-fold apart, each command in a process of its own.

    python tests/benchmarks/prepare.py [--sides 320 640] [--json FILE]

Memory that is bounded by the block size does not grow with the volume; time that is linear gives no larger figure for
the larger volume. Time is processor time, all threads added, which other work on the machine changes less than the time
on the clock; the last column is what 2000^3 voxels would take at the larger volume's rate.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from _process import measure, run_asem

SEED = 5
JOB = 2000**3
ROWS: dict[str, list[str]] = {
    "convert": ["convert", "{raw}", "{out}"],
    "preprocess --stage clahe": ["preprocess", "{raw}", "-o", "{out}", "--stage", "clahe"],
    "mask": ["mask", "{raw}", "-o", "{out}"],
    "labels prepare (mito)": ["labels", "prepare", "{labels}", "--organelle", "mito", "-o", "{out}"],
    "convert --resample 10,10,10": ["convert", "{raw}", "{out}", "--resample", "10,10,10"],
    "analyze objects": ["analyze", "objects", "{labels}", "-o", "{out}"],
}


def make(folder: Path, side: int) -> None:
    """Blobs of cell and resin ``raw.zarr`` and some 1,000 objects per 10^8 voxels ``labels.zarr``, at 5 nm."""
    from scipy import ndimage

    from asem_core.geometry import Box, VoxelSize
    from asem_core.volume.formats.ome_write import ArrayPlan, build_pyramid, create_ome_zarr

    noise = ndimage.gaussian_filter(np.random.default_rng(SEED).normal(size=(96,) * 3), 4, mode="wrap")
    tile = np.clip(170 + 40 * noise / noise.std(), 0, 255).astype(np.uint8)
    for name in ("raw", "labels"):
        plan = ArrayPlan(
            shape=(side,) * 3, dtype="uint8", chunk=(64,) * 3, reduction="mean" if name == "raw" else "mode"
        )
        out = create_ome_zarr(
            folder / f"{name}.zarr",
            image=plan,
            labels={},
            voxel_size=VoxelSize((5, 5, 5)),
            lower_edge_nm=(0.0, 0.0, 0.0),
            provenance={},
        )
        values = tile if name == "raw" else (tile < 110).astype(np.uint8)
        for box in Box.of_shape(plan.shape).tiles(96):
            out.image[box.slices] = values[Box.of_shape(box.shape).slices]
        build_pyramid(out)


def run_row(row: str, folder: Path, side: int) -> dict[str, Any]:
    """One row at one size."""
    out = folder / "out.zarr"
    places = {"raw": folder / "raw.zarr", "labels": folder / "labels.zarr", "out": out}
    words = [word.format(**places) for word in ROWS[row]]
    found = measure(__file__, "--run", *words)
    shutil.rmtree(out)
    return {"side": side, "voxels_per_s": side**3 / found["seconds"], **found}


def main() -> None:
    """Run every row at both sizes and print the table."""
    if sys.argv[1:2] == ["--run"]:
        run_asem(sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sides", type=int, nargs=2, default=(320, 640), metavar="N", help="voxels per axis")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    args = parser.parse_args()
    found: dict[str, list[dict[str, Any]]] = {row: [] for row in ROWS}
    for side in args.sides:
        with tempfile.TemporaryDirectory() as name:
            make(Path(name), side)
            for row in ROWS:
                found[row].append(run_row(row, Path(name), side))
    small, large = (f"{side}^3" for side in args.sides)
    columns = [f"peak MB, {small}", f"peak MB, {large}", f"CPU s / 10^6, {small}", f"CPU s / 10^6, {large}"]
    print(f"| command | {' | '.join(columns)} | CPU min, 2000^3 |")
    print("|---|---|---|---|---|---|")
    for row, pair in found.items():
        memory = " | ".join(f"{x['peak_bytes'] / 1e6:.0f}" for x in pair)
        rates = [x["cpu_seconds"] / x["side"] ** 3 for x in pair]
        cpu = " | ".join(f"{rate * 1e6:.3f}" for rate in rates)
        print(f"| `{row}` | {memory} | {cpu} | {JOB * rates[1] / 60:.0f} |")
    if args.json:
        args.json.write_text(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
