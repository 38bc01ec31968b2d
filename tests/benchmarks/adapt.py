"""What `asem segment --adapt` changes, by weight: F1 without exclusion zone. The table of decision 30.

    python tests/benchmarks/adapt.py [--data FOLDER] [--folder KEEP] [--only NAME ...] [--weights W ...]

Mitochondria by mito-10nm in tissue that it never saw (``cdeep3m``, 70 x 10 x 10 nm), in the validation part of the
tissue that it was trained on (``epfl``), and in naive simulated cells of either fixation (``cf-3``, ``hpfs-21``).
FOLDER holds ``cdeep3m`` and ``epfl_hippocampus``; by default it is $ASEM_DATA or ../shared/data. What is not there is
left out.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

import attrs
from accuracy import ROOT, asem

MODEL = ("--organelle", "mito", "--model", "mito-10nm")


@attrs.frozen
class Part:
    """What is scored of a volume; the adaptation is measured on all of it."""

    roi: str
    folder: str | None = None
    """In the data folder; None: a simulated cell."""
    crop: str = ""
    """What is there for the whole of the benchmark."""
    voxel_size: str = ""


PARTS = {
    "cdeep3m": Part("0:30,64:192,0:256", "cdeep3m", "0:30,0:512,0:512", "70,10,10"),
    "epfl": Part("0:165,0:256,0:288", "epfl_hippocampus", "0:165,0:768,0:288", "5,5,5"),
    "cf-3": Part("0:128,0:128,0:256"),
    "hpfs-21": Part("0:128,0:128,0:256"),
}


def volumes(name: str, part: Part, data: Path, folder: Path) -> tuple[Path, Path] | None:
    """Image and truth, made where they are not there; None where the data are not."""
    if part.folder is None:
        cell = folder / f"{name}.zarr"
        if not cell.exists():
            asem("simulate", cell, "--preset", name, "--part", "evaluation")
        return cell, cell
    if not (data / part.folder).is_dir():
        return None
    cut = ("--voxel-size", part.voxel_size, "--roi", part.crop, "--overwrite")
    raw, truth = folder / f"{name}_raw.zarr", folder / f"{name}_truth.zarr"
    asem("convert", data / part.folder / "raw", raw, *cut)
    asem("convert", data / part.folder / "mito", truth, "--organelle", "mito", *cut)
    return raw, truth


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("ASEM_DATA", ROOT.parent / "shared" / "data")))
    parser.add_argument("--folder", type=Path, help="keep volumes here")
    parser.add_argument("--only", nargs="+", default=list(PARTS), choices=PARTS)
    parser.add_argument("--weights", nargs="+", type=float, default=[0, 0.25, 0.5, 0.75, 1])
    args = parser.parse_args()
    print("| volume | weight | precision | recall | F1 |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        folder = args.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        for name in args.only:
            found = volumes(name, PARTS[name], args.data, folder)
            if found is None:
                print(f"{name} is not in {args.data}: left out", file=sys.stderr)
                continue
            raw, truth = found
            for weight in args.weights:
                out = folder / f"{name}_{weight:g}.zarr"
                asem("segment", raw, *MODEL, "--roi", PARTS[name].roi, "--adapt", weight, "-o", out, "--overwrite")
                score = json.loads(asem("evaluate", out, truth, "--organelle", "mito", "--json"))["without_zone"]
                values = " | ".join(f"{score[key]:.3f}" for key in ("precision", "recall", "f1"))
                print(f"| {name} | {weight:g} | {values} |", flush=True)


if __name__ == "__main__":
    main()
