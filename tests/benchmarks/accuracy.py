"""Scores of the zoo's models on volumes that they were not trained on, by the commands that a user types.

    python tests/benchmarks/accuracy.py [--data FOLDER] [--folder KEEP] [--json FOLDER] [--only NAME ...]

- mito on the validation part of the EPFL hippocampus (x 0..287; x 320..1023 was trained on), cut out first, so that
  not even the context of a tile comes from the training part. FOLDER holds ``epfl_hippocampus``; by default it is
  $ASEM_DATA or ../shared/data. Left out, with a note, where the volume is not there.
- er and mito on the naive simulated cells, of which nothing was trained on or chosen by.

It prints a Markdown table; ``--json`` also writes what `asem evaluate --json` printed, one file for each row.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
EPFL = "epfl"
EPFL_VALIDATION = ("--voxel-size", "5,5,5", "--roi", "0:165,0:768,0:288", "--overwrite")
NAIVE = ("cf-3", "cf-6", "hpfs-21", "hpfs-22")
ORGANELLES = ("er", "mito")


def asem(*words: object) -> str:
    """Run one ``asem`` command, shown as typed; its output."""
    command = [str(Path(sys.executable).parent / "asem"), *map(str, words)]
    print("$ asem", *words, file=sys.stderr)
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if run.returncode:
        sys.exit(run.returncode)
    return run.stdout


def score(raw: Path, truth: Path, organelle: str, found: Path) -> dict[str, Any]:
    """Segment and evaluate; what `asem evaluate --json` prints."""
    print(asem("segment", raw, "--organelle", organelle, "-o", found, "--overwrite"), end="", file=sys.stderr)
    pictures = ("--figures", f"{found}_pictures", "--raw", raw)
    scores: dict[str, Any] = json.loads(asem("evaluate", found, truth, "--organelle", organelle, *pictures, "--json"))
    return scores


def epfl(data: Path, folder: Path) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Real tissue."""
    source = data / "epfl_hippocampus"
    if not source.is_dir():
        print(f"{source} is not there: its row is left out (--data)", file=sys.stderr)
        return
    raw, truth = folder / "epfl_raw.zarr", folder / "epfl_truth.zarr"
    asem("convert", source / "raw", raw, *EPFL_VALIDATION)
    asem("convert", source / "mito", truth, "--organelle", "mito", *EPFL_VALIDATION)
    yield "mito", "EPFL hippocampus, x 0..287, 5 nm", score(raw, truth, "mito", folder / "epfl_mito.zarr")


def naive(cell: str, folder: Path) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """A simulated cell."""
    volume = folder / f"{cell}.zarr"
    asem("simulate", volume, "--preset", cell, "--part", "evaluation", "--overwrite")
    for organelle in ORGANELLES:
        where = f"simulated cell {cell}, naive, 10 nm"
        yield organelle, where, score(volume, volume, organelle, folder / f"{cell}_{organelle}.zarr")


def rows(data: Path, folder: Path, only: list[str]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(organelle, volume, scores), one by one."""
    if EPFL in only:
        yield from epfl(data, folder)
    for cell in NAIVE:
        if cell in only:
            yield from naive(cell, folder)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("ASEM_DATA", ROOT.parent / "shared" / "data")))
    parser.add_argument("--folder", type=Path, help="keep volumes and pictures here")
    parser.add_argument("--json", type=Path, metavar="FOLDER", help="also write each row's scores here")
    parser.add_argument("--only", nargs="+", default=[EPFL, *NAIVE], choices=[EPFL, *NAIVE], help="these volumes")
    args = parser.parse_args()
    print("| organelle | volume | zone | precision | recall | F1 | IoU |\n|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        folder = args.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        for organelle, volume, scores in rows(args.data, folder, args.only):
            for name, zone in (("with_zone", "with"), ("without_zone", "without")):
                values = " | ".join(f"{scores[name][key]:.3f}" for key in ("precision", "recall", "f1", "iou"))
                print(f"| {organelle} | {volume} | {zone} | {values} |", flush=True)
            if args.json:
                args.json.mkdir(parents=True, exist_ok=True)
                file = args.json / f"{organelle}_{volume.split(',')[0].replace(' ', '_')}.json"
                file.write_text(json.dumps(scores, indent=2))


if __name__ == "__main__":
    main()
