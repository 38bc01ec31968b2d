"""Scores of the zoo's models on volumes that they were not trained on, by the commands that a user types.

    python tests/benchmarks/accuracy.py [--data FOLDER] [--folder KEEP] [--json FOLDER] [--only NAME ...]
                                        [--organelles NAME ...] [--model PACKAGE]

- mito on the validation part of the EPFL hippocampus (x 0..287; x 320..1023 was trained on), cut out first, so that
  not even the context of a tile comes from the training part. FOLDER holds ``epfl_hippocampus``; by default it is
  $ASEM_DATA or ../shared/data. Left out, with a note, where the volume is not there.
- every model on the parts of the naive simulated cells that hold its organelle, and those of the ER and of
  mitochondria on crowded ones too; nothing was trained on them.

It prints a Markdown table of voxels, and one of objects for what is counted: nuclear pores, pits and vesicles. There
predicted specks below 100 and 1600 voxels of 5 nm are dropped, and objects that a face cuts are ignored. 1600 is half
of the smallest whole pit or vesicle in the cells that were trained on (401 voxels of 10 nm). Half of that of pores,
400, would drop 2 of 53 pores found on the parts that validated, with 2 of 5 false ones: 100 keeps them.
``--json`` also writes what `asem evaluate --json` printed, one file for each volume.
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
CROWDED = ("cf-crowded-5", "cf-crowded-6", "hpfs-crowded-5", "hpfs-crowded-6")
VOLUMES = (EPFL, *NAIVE, *CROWDED)
WINDOWS = (
    ("evaluation", 10, ("er", "mito")),
    ("golgi", 10, ("golgi", "pore", "ccp")),
    ("coverslip", 10, ("ccp",)),
    ("nucleus", 16, ("nucleus",)),
)
"""Parts of the naive cells, nm per voxel, and what is scored there: of the crowded ones the first part only."""
COUNTED = {"ccp": 1600, "pore": 100}
"""What is counted too, and the least voxels of 5 nm of a predicted object."""
ORGANELLES = ("mito", "er", "golgi", "pore", "ccp")
WITHOUT_MODEL = ("nucleus",)
"""For --model only."""
Row = tuple[str, str, dict[str, Any]]
"""Organelle, volume, scores."""


def asem(*words: object) -> str:
    """Run one ``asem`` command, shown as typed; its output."""
    command = [str(Path(sys.executable).parent / "asem"), *map(str, words)]
    print("$ asem", *words, file=sys.stderr)
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if run.returncode:
        sys.exit(run.returncode)
    return run.stdout


def score(raw: Path, truth: Path, organelle: str, found: Path, model: str | None) -> dict[str, Any]:
    """Segment and evaluate; what `asem evaluate --json` prints."""
    chosen = ("--model", model) if model else ()
    print(asem("segment", raw, "--organelle", organelle, *chosen, "-o", found, "--overwrite"), end="", file=sys.stderr)
    more: tuple[object, ...] = ("--figures", f"{found}_pictures", "--raw", raw)
    if organelle in COUNTED:
        more += ("--objects", "--min-voxels", COUNTED[organelle], "--ignore-border")
    scores: dict[str, Any] = json.loads(asem("evaluate", found, truth, "--organelle", organelle, *more, "--json"))
    return scores


def epfl(data: Path, folder: Path, model: str | None) -> Iterator[Row]:
    """Real tissue."""
    source = data / "epfl_hippocampus"
    if not source.is_dir():
        print(f"{source} is not there: its row is left out (--data)", file=sys.stderr)
        return
    raw, truth = folder / "epfl_raw.zarr", folder / "epfl_truth.zarr"
    asem("convert", source / "raw", raw, *EPFL_VALIDATION)
    asem("convert", source / "mito", truth, "--organelle", "mito", *EPFL_VALIDATION)
    yield "mito", "EPFL hippocampus, x 0..287, 5 nm", score(raw, truth, "mito", folder / "epfl_mito.zarr", model)


def naive(cell: str, organelles: list[str], folder: Path, model: str | None) -> Iterator[Row]:
    """A simulated cell."""
    for part, nm, held in WINDOWS[:1] if cell in CROWDED else WINDOWS:
        volume = folder / f"{cell}-{part}-{nm}nm.zarr"
        for organelle in (name for name in held if name in organelles):
            if not volume.exists():
                asem("simulate", volume, "--preset", cell, "--part", part, "--voxel-size", nm)
            found = folder / f"{cell}-{part}-{nm}nm_{organelle}.zarr"
            yield organelle, f"{cell}, {part}, {nm} nm", score(volume, volume, organelle, found, model)


def rows(args: argparse.Namespace, folder: Path) -> Iterator[Row]:
    """One by one."""
    if EPFL in args.only and "mito" in args.organelles:
        yield from epfl(args.data, folder, args.model)
    for cell in (*NAIVE, *CROWDED):
        if cell in args.only:
            yield from naive(cell, args.organelles, folder, args.model)


def of_voxels(organelle: str, volume: str, scores: dict[str, Any]) -> Iterator[str]:
    """Lines of the table of voxels."""
    for name, zone in (("with_zone", "with"), ("without_zone", "without")):
        values = " | ".join(f"{scores[name][key]:.3f}" for key in ("precision", "recall", "f1", "iou"))
        yield f"| {organelle} | {volume} | {zone} | {values} |"


def of_objects(organelle: str, volume: str, scores: dict[str, Any]) -> Iterator[str]:
    """Lines of the table of objects."""
    if "objects" in scores:
        by_iou, any_overlap = scores["objects"]["at_iou"], scores["objects"]["any_overlap"]
        values = " | ".join(f"{side[key]:.3f}" for side in (by_iou, any_overlap) for key in ("precision", "recall"))
        yield f"| {organelle} | {volume} | {by_iou['tp'] + by_iou['fn']} | {values} |"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("ASEM_DATA", ROOT.parent / "shared" / "data")))
    parser.add_argument("--folder", type=Path, help="keep volumes and pictures here; volumes that are there are used")
    parser.add_argument("--json", type=Path, metavar="FOLDER", help="also write the scores of each volume here")
    parser.add_argument("--only", nargs="+", default=VOLUMES, choices=VOLUMES, help="these volumes")
    parser.add_argument("--organelles", nargs="+", default=list(ORGANELLES),
                        choices=(*ORGANELLES, *WITHOUT_MODEL))  # fmt: skip
    parser.add_argument("--model", help="not the plugin's default: id or package, for one of --organelles")
    args = parser.parse_args()
    if args.model and len(args.organelles) > 1:
        parser.error("--model is of one organelle: give --organelles NAME too")
    print("| organelle | volume | zone | precision | recall | F1 | IoU |\n|---|---|---|---|---|---|---|")
    objects = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = args.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        for organelle, volume, scores in rows(args, folder):
            print(*of_voxels(organelle, volume, scores), sep="\n", flush=True)
            objects += of_objects(organelle, volume, scores)
            if args.json:
                args.json.mkdir(parents=True, exist_ok=True)
                file = args.json / f"{organelle}_{volume.replace(', ', '_').replace(' ', '_')}.json"
                file.write_text(json.dumps(scores, indent=2))
    if objects:
        print(
            "\n| organelle | volume | true objects | IoU >= 0.5: precision | recall | any overlap: precision | recall |"
        )
        print("|---|---|---|---|---|---|---|", *objects, sep="\n")


if __name__ == "__main__":
    main()
