"""Speed and memory of every verb at two sizes eight-fold apart, beside SciPy and scikit-image on the whole volume.

    python tests/benchmarks/verbs.py [--sides 256 512] [--rows TEXT ...] [--json FILE]

Every command runs in a process of its own. Speed is voxels for every second of the processor, all threads added, which
other work on the machine changes less than the time on the clock; it is taken from the difference of the two sizes, so
that starting and imports do not count. Memory that is bounded by the block size does not grow with the volume. The last
two columns are of the same task on the larger volume in memory, by library functions that give the same or a like
result: nothing is read, written or checked there.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from _process import measure, report, run_asem

SEED = 5
ROWS: dict[str, list[str]] = {
    "convert": ["convert", "{raw}", "{out}"],
    "convert --resample 10,10,10": ["convert", "{raw}", "{out}", "--resample", "10,10,10"],
    "preprocess --stage clahe": ["preprocess", "{raw}", "-o", "{out}", "--stage", "clahe"],
    "mask": ["mask", "{raw}", "-o", "{out}"],
    "labels prepare (mito)": ["labels", "prepare", "{labels}", "--organelle", "mito", "-o", "{out}"],
    "evaluate (mito)": ["evaluate", "{predicted}", "{labels}", "--organelle", "mito"],
    "evaluate --objects (mito)": ["evaluate", "{predicted}", "{labels}", "--organelle", "mito", "--objects"],
    "instances (mito)": ["instances", "{labels}", "--organelle", "mito", "-o", "{out}"],
    "analyze objects": ["analyze", "objects", "{labels}", "-o", "{out}"],
}


def convert(raw: npt.NDArray[Any], labels: npt.NDArray[Any]) -> None:
    """A pyramid."""
    from skimage.transform import downscale_local_mean

    while max(raw.shape) > 128:
        raw = downscale_local_mean(raw, (2, 2, 2)).astype(np.uint8)


def resample(raw: npt.NDArray[Any], labels: npt.NDArray[Any]) -> None:
    """The mean of every eight voxels, and a pyramid."""
    from skimage.transform import downscale_local_mean

    convert(downscale_local_mean(raw, (2, 2, 2)).astype(np.uint8), labels)


def clahe(raw: npt.NDArray[Any], labels: npt.NDArray[Any]) -> None:
    """With the same window."""
    from skimage.exposure import equalize_adapthist

    equalize_adapthist(raw, kernel_size=128, clip_limit=0.02)


def prepare(raw: npt.NDArray[Any], labels: npt.NDArray[Any]) -> None:
    """Small objects removed, one voxel of dilation."""
    from scipy import ndimage

    found, count = ndimage.label(labels)
    kept = np.bincount(found.ravel(), minlength=count + 1) >= 27
    kept[0] = False
    ndimage.binary_dilation(kept[found])


def evaluate(raw: npt.NDArray[Any], labels: npt.NDArray[Any]) -> None:
    """The zone of four voxels to both sides, and counts."""
    from scipy import ndimage

    inside, predicted = labels != 0, np.roll(labels, 2, axis=0) != 0
    cross = ndimage.generate_binary_structure(3, 1)
    zone = ndimage.binary_dilation(inside, cross, 4) & ~ndimage.binary_erosion(inside, cross, 4)
    for scored in (~zone, np.ones_like(zone)):
        for kind in (inside & predicted, predicted & ~inside, inside & ~predicted):
            np.count_nonzero(kind & scored)


def instances(raw: npt.NDArray[Any], labels: npt.NDArray[Any]) -> None:
    """A watershed of the distance from the outside, from its maxima."""
    from scipy import ndimage
    from skimage.segmentation import watershed

    distance = ndimage.distance_transform_edt(labels)
    seeds, _ = ndimage.label((ndimage.maximum_filter(distance, 7) == distance) & (labels != 0))
    watershed(-distance, seeds, mask=labels != 0)


def objects(raw: npt.NDArray[Any], labels: npt.NDArray[Any]) -> None:
    """Components with size and place; no surfaces."""
    from scipy import ndimage
    from skimage.measure import regionprops_table

    regionprops_table(ndimage.label(labels)[0], properties=("label", "area", "bbox", "centroid"))


WHOLE: dict[str, Callable[[npt.NDArray[Any], npt.NDArray[Any]], None]] = {
    "convert": convert,
    "convert --resample 10,10,10": resample,
    "preprocess --stage clahe": clahe,
    "labels prepare (mito)": prepare,
    "evaluate (mito)": evaluate,
    "instances (mito)": instances,
    "analyze objects": objects,
}


def make(folder: Path, side: int) -> None:
    """At 5 nm blobs of cell and resin ``raw.zarr``, some 1,000 objects per 10^8 voxels ``labels.zarr``, and the same
    two voxels aside, ``predicted.zarr``."""
    from scipy import ndimage

    from asem_core.geometry import Box, VoxelSize
    from asem_core.volume.formats.ome_write import ArrayPlan, build_pyramid, create_ome_zarr

    noise = ndimage.gaussian_filter(np.random.default_rng(SEED).normal(size=(96,) * 3), 4, mode="wrap")
    tile = np.clip(170 + 40 * noise / noise.std(), 0, 255).astype(np.uint8)
    labels = (tile < 110).astype(np.uint8)
    for name, values in (("raw", tile), ("labels", labels), ("predicted", np.roll(labels, 2, axis=0))):
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
        for box in Box.of_shape(plan.shape).tiles(96):
            out.image[box.slices] = values[Box.of_shape(box.shape).slices]
        build_pyramid(out)


def run_row(row: str, folder: Path) -> dict[str, Any]:
    """One row at one size."""
    out = folder / "out.zarr"
    places = {name: folder / f"{name}.zarr" for name in ("raw", "labels", "predicted")}
    found = measure(__file__, "--run", *(word.format(**places, out=out) for word in ROWS[row]))
    for path in (out, out.with_name("out.zarr.journal.jsonl")):
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    return found


def run_whole(row: str, folder: Path) -> None:
    """The same by library functions, in this process, on arrays that are read beforehand."""
    import zarr

    raw, labels = (np.asarray(zarr.open_array(folder / f"{name}.zarr" / "0")[:]) for name in ("raw", "labels"))
    WHOLE[row](raw[:32, :64, :64], labels[:32, :64, :64])  # imports
    report(lambda: WHOLE[row](raw, labels))


def main() -> None:
    """Run every row at both sizes and print the table."""
    if sys.argv[1:2] == ["--run"]:
        run_asem(sys.argv[2:])
        return
    if sys.argv[1:2] == ["--whole"]:
        run_whole(sys.argv[2], Path(sys.argv[3]))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sides", type=int, nargs=2, default=(256, 512), metavar="N", help="voxels per axis")
    parser.add_argument("--rows", nargs="*", default=[""], help="only rows whose names hold one of these")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    args = parser.parse_args()
    small, large = args.sides
    print(f"| command | million voxels/s and core | peak MB, {small}^3 | peak MB, {large}^3 | whole volume | peak MB |")
    print("|---|---|---|---|---|---|")
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        for side in args.sides:
            make(Path(name) / str(side), side)
        for row in (row for row in ROWS if any(part in row for part in args.rows)):
            pair = [run_row(row, Path(name) / str(side)) for side in args.sides]
            speed = (large**3 - small**3) / (pair[1]["cpu_seconds"] - pair[0]["cpu_seconds"]) / 1e6
            peaks = " | ".join(f"{each['peak_bytes'] / 1e6:.0f}" for each in pair)
            whole = measure(__file__, "--whole", row, str(Path(name) / str(large))) if row in WHOLE else None
            beside = (
                "| |" if whole is None
                else f"| {large**3 / whole['cpu_seconds'] / 1e6:.1f} | {whole['peak_bytes'] / 1e6:.0f} |"
            )  # fmt: skip
            print(f"| `{row}` | {speed:.1f} | {peaks} {beside}", flush=True)
            found[row] = {"sides": args.sides, "runs": pair, "whole": whole}
    if args.json:
        args.json.write_text(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
