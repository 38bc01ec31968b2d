"""Scores of the mitochondria model on real tissue that it was not trained on, by the commands that a user types.

    python tests/benchmarks/accuracy.py [--data FOLDER] [--folder KEEP] [--json FILE]

The validation part of the EPFL hippocampus (x 0..287; x 320..1023 was trained on) is first cut out, so that not even
the context of a tile comes from the training part. FOLDER holds ``epfl_hippocampus``; by default it is $ASEM_DATA or
../shared/data.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
VALIDATION = "0:165,0:768,0:288"


def asem(*words: object) -> str:
    """Run one ``asem`` command, shown as typed; its output."""
    command = [str(Path(sys.executable).parent / "asem"), *map(str, words)]
    print("$ asem", *words, file=sys.stderr)
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if run.returncode:
        sys.exit(run.returncode)
    return run.stdout


def validate(data: Path, folder: Path) -> dict[str, dict[str, float]]:
    """Cut, segment and score; the scores as `asem evaluate --json` prints them."""
    epfl, at = data / "epfl_hippocampus", ("--voxel-size", "5,5,5", "--roi", VALIDATION, "--overwrite")
    raw, truth, found = folder / "raw.zarr", folder / "truth.zarr", folder / "mito.zarr"
    asem("convert", epfl / "raw", raw, *at)
    asem("convert", epfl / "mito", truth, "--organelle", "mito", *at)
    print(asem("segment", raw, "--organelle", "mito", "-o", found, "--overwrite"), end="", file=sys.stderr)
    pictures = ("--figures", folder / "pictures", "--raw", raw)
    scores: dict[str, dict[str, float]] = json.loads(
        asem("evaluate", found, truth, "--organelle", "mito", *pictures, "--json")
    )
    return scores


def main() -> None:
    """Print a table of both scores."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("ASEM_DATA", ROOT.parent / "shared" / "data")))
    parser.add_argument("--folder", type=Path, help="keep volumes and pictures here")
    parser.add_argument("--json", type=Path, help="also write what asem evaluate printed")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = args.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        scores = validate(args.data, folder)
    print(f"{'EPFL, x 0..287, 5 nm':22} {'precision':>9} {'recall':>7} {'F1':>6} {'IoU':>6}")
    for name in ("with_zone", "without_zone"):
        s = scores[name]
        print(f"{name:22} {s['precision']:9.3f} {s['recall']:7.3f} {s['f1']:6.3f} {s['iou']:6.3f}")
    if args.json:
        args.json.write_text(json.dumps(scores, indent=2))


if __name__ == "__main__":
    main()
