"""`asem annotate cut` by blocks beside the same cut at once, of a part of EPFL: memory, processor time, what differs.

    python tests/benchmarks/large_cut.py [--data FOLDER] [--work FOLDER] [--roi 0:165,0:768,288:1024]

By default the part that models are trained on. It is small enough for a cut at once; `asem annotate cut` cuts only what
is larger by blocks, so that limit is lowered for them. Seeds as in annotate.py, in every 20th section. Each cut is a
process of its own.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from _process import measure, report
from annotate import EPFL, ROOT, dice, make_seeds, show
from asem_annotate import cut, scene
from attrs import evolve

from asem_core import Box, Volume, convert, open_labels, open_volume

PART = "0:165,0:768,288:1024"
EVERY = 20
BY_BLOCKS, AT_ONCE = "by blocks", "at once"


def write(data: Path, work: Path, part: Box) -> None:
    """Image, truth and seeds of ``part``, where they are not there yet."""
    for name in ("raw", "mito"):
        place = work / f"{name}.zarr"
        if not place.exists():
            convert(data / "epfl_hippocampus" / name, place, voxel_size=EPFL, roi=part, labels=name == "mito")
    if not (work / "seeds.zarr").exists():
        truth = read(work / "mito.zarr")
        seeds = make_seeds(truth != 0, range(EVERY // 2, len(truth), EVERY))
        volume = evolve(open_volume(work / "mito.zarr"), array=seeds, uri="seeds", format="memory", identity={})
        convert(volume, work / "seeds.zarr", labels=True)


def read(volume: str | Path | Volume) -> np.ndarray:
    """All voxels of labels."""
    opened = volume if isinstance(volume, Volume) else open_volume(volume)
    return opened.read(opened.box)


def run(work: Path, how: str) -> None:
    """One cut, reported."""
    if how == BY_BLOCKS:
        scene.LARGEST = 0
    report(
        lambda: cut(work / "raw.zarr", work / "seeds.zarr", output=output(work, how), organelle="mito", overwrite=True)
    )


def output(work: Path, how: str) -> Path:
    """Where a cut goes."""
    return work / f"{how.replace(' ', '_')}.zarr"


def compare(work: Path) -> list[dict[str, Any]]:
    """A row for each way to cut."""
    truth, rows, labels = read(work / "mito.zarr") != 0, [], {}
    for how in (BY_BLOCKS, AT_ONCE):
        shutil.rmtree(work / "seeds.zarr.prepared", ignore_errors=True)
        found = measure(__file__, "--run", str(work), how)
        labels[how] = read(open_labels(output(work, how), "mito")) != 0
        rows.append({
            "cut": how, "million voxels": f"{truth.size / 1e6:.1f}", "cpu s": round(found["cpu_seconds"]),
            "cpu s / million voxels": found["cpu_seconds"] / truth.size * 1e6,
            "peak GB": found["peak_bytes"] / 1e9, "Dice": dice(labels[how], truth),
        })  # fmt: skip
        print(rows[-1], file=sys.stderr, flush=True)
    differ = (labels[BY_BLOCKS] != labels[AT_ONCE]).mean() * 1e6
    return [{**row, "differ, of a million voxels": f"{differ:.1f}"} for row in rows]


def main() -> None:
    """Print the table, where there are data."""
    if sys.argv[1:2] == ["--run"]:
        run(Path(sys.argv[2]), sys.argv[3])
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = Path(os.environ.get("ASEM_DATA", ROOT.parent / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=data, help="folder with epfl_hippocampus")
    parser.add_argument("--work", type=Path, help="keep volumes and cuts here")
    parser.add_argument("--roi", type=Box.parse, default=Box.parse(PART), help="part of it, 512^3 voxels at most")
    args = parser.parse_args()
    if not (args.data / "epfl_hippocampus" / "raw").is_dir():
        return
    with tempfile.TemporaryDirectory() as scratch:
        work = args.work or Path(scratch)
        work.mkdir(parents=True, exist_ok=True)
        write(args.data, work, args.roi)
        show(f"mito, {args.roi}, seeds in every {EVERY}th section", compare(work))


if __name__ == "__main__":
    main()
