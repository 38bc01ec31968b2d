"""Graph-cut annotation: how good, how fast, how much memory.

    python tests/benchmarks/annotate.py [--data FOLDER] [--prediction mito.zarr] [--cells FOLDER] [--json FILE]

Mitochondria on parts of the EPFL volume that no model is trained on (x 0..287), 160 x 224 x 224 voxels of 5 nm: seeds
are 10 % of the eroded object and 5 % of the eroded background in a few sections, drawn with seed 0. ER and Golgi on
simulated cells, ``er.zarr`` and ``golgi.zarr`` of the folder ``--cells``, which are made where they are absent.
Corrections start from ``--prediction``, probabilities on these parts; without it that table is left out.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from asem_annotate import Prepared, Settings, boundary_costs, choose_settings, correct_labels, prepare, solve
from asem_annotate.lattice import Slic
from asem_annotate.settings import correction_settings
from asem_annotate.supervoxels import supervoxels
from scipy import ndimage

from asem_core import Box, VoxelSize, open_labels, open_volume
from asem_core.grid import cut

ROOT = Path(__file__).parents[2]
EPFL = VoxelSize((5, 5, 5))
PARTS = {
    "upper": Box.parse("0:160,0:224,32:256"),
    "middle": Box.parse("0:160,272:496,32:256"),
    "lower": Box.parse("0:160,544:768,32:256"),
}
CELLS = {
    "er": "--preset cf-3 --shape 160,192,192",
    "golgi": "--preset cf-3 --shape 128,160,160 --origin 2580,2388,2532",
}
OBJECT, BACKGROUND = 0.10, 0.05
ERODED = 2
GOLGI = {"cf-1": "3916,3860,2388", "cf-2": "4540,4100,5148", "cf-6": "1708,1924,4268", "hpfs-21": "2868,2804,2508"}
"""Lower edges of such a box round the Golgi of other cells; the preset was chosen on cf-1 and cf-2, sections 64.."""
Mask = npt.NDArray[np.bool_]


def make_seeds(truth: Mask, sections: Sequence[int], *, eroded: int = ERODED) -> npt.NDArray[np.uint8]:
    """Seeds in ``sections`` of ``truth``; where erosion leaves nothing of the object, what is less eroded."""
    rng, seeds = np.random.default_rng(0), np.zeros(truth.shape, np.uint8)
    for section in sections:
        inside = truth[section]
        for _ in range(eroded):
            thinner = ndimage.binary_erosion(inside)
            inside = thinner if thinner.any() else inside
        outside = ndimage.binary_erosion(~truth[section], iterations=eroded, border_value=1)
        seeds[section][inside & (rng.random(inside.shape) < OBJECT)] = 2
        seeds[section][outside & (rng.random(inside.shape) < BACKGROUND)] = 1
    return seeds


def spread(sections: int, of: int) -> list[int]:
    """Evenly, half a step from the ends."""
    return [int((i + 0.5) * of / sections) for i in range(sections)]


def dice(found: Mask, truth: Mask) -> float:
    """Overlap of two masks."""
    return float(2 * (found & truth).sum() / (found.sum() + truth.sum()))


def timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """What ``work`` gives, its processor seconds and its seconds."""
    cpu, wall = time.process_time(), time.perf_counter()
    found = work()
    return found, time.process_time() - cpu, time.perf_counter() - wall


def best_possible(prepared: Prepared, truth: Mask) -> float:
    """Dice where every supervoxel has the label of most of its voxels."""
    return dice((prepared.mean(truth.astype(np.float64)) >= 0.5)[prepared.ids], truth)


def read_epfl(data: Path) -> dict[str, tuple[npt.NDArray[np.uint8], Mask]]:
    """Image and mitochondria of every part."""
    raw, mito = (open_volume(data / "epfl_hippocampus" / name, voxel_size=EPFL) for name in ("raw", "mito"))
    return {name: (raw.read(box), mito.read(box) != 0) for name, box in PARTS.items()}


def measure_mito(parts: dict[str, tuple[npt.NDArray[np.uint8], Mask]]) -> list[dict[str, Any]]:
    """Seeds in 4 and 8 of 160 sections."""
    rows = []
    for label, settings in {"mito": Settings(), "mito, edge 4": Settings(edge=4), "paper": choose_settings("mito",
                            preset="paper")}.items():  # fmt: skip
        for name, (grey, truth) in parts.items():
            prepared = prepare(grey, voxel_size=EPFL, settings=settings)
            scores = {
                f"{n} sections": dice(solve(prepared, make_seeds(truth, spread(n, 160)), settings=settings) == 2, truth)
                for n in (4, 8)
            }
            rows.append({"settings": label, "part": name, "object": float(truth.mean()), **scores,
                         "best possible": best_possible(prepared, truth)})  # fmt: skip
    return rows


def measure_speed(grey: npt.NDArray[np.uint8], truth: Mask) -> list[dict[str, Any]]:
    """Preparing, solving again, and SLIC beside scikit-image's."""
    from skimage.segmentation import slic

    rows = []
    seeds = make_seeds(truth, spread(8, 160))
    prepare(grey[:16, :16, :16], voxel_size=EPFL, settings=Settings())  # compiles
    for edge in (5.0, 4.0):
        settings = Settings(edge=edge)
        prepared, cpu, wall = timed(lambda s=settings: prepare(grey, voxel_size=EPFL, settings=s))
        boundary = boundary_costs(prepared, settings)
        again = [timed(lambda p=prepared, s=settings, b=boundary: solve(p, seeds, settings=s, boundary=b))
                 for _ in range(5)]  # fmt: skip
        rows.append({"what": f"prepare, edge {edge:g}: {prepared.nodes:,} supervoxels", "cpu s": cpu, "s": wall})
        rows.append({"what": f"solve again, {len(prepared.pairs):,} pairs", "cpu s": min(c for _, c, _ in again),
                     "s": min(w for _, _, w in again)})  # fmt: skip
    params = Slic(iterations=10, smooth=0)
    _, ours, wall = timed(lambda: supervoxels(grey, voxel_size=EPFL, params=params))
    rows.append({"what": "SLIC, 10 moves, ours", "cpu s": ours, "s": wall})
    _, theirs, wall = timed(
        lambda: slic(grey, n_segments=prepared.nodes // 2, compactness=0.1, max_num_iter=10, channel_axis=None)
    )
    rows.append({"what": "SLIC, 10 moves, scikit-image", "cpu s": theirs, "s": wall})
    rows.append({"what": "ratio", "cpu s": theirs / ours})
    rows.append({"what": "peak GB", "s": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9})
    return rows


def measure_correction(
    part: str, grey: npt.NDArray[np.uint8], truth: Mask, probability: npt.NDArray[np.float32], stroked: int
) -> list[dict[str, Any]]:
    """A network alone, and with strokes in ``stroked`` of 160 sections."""
    settings = correction_settings("mito")
    sections = spread(stroked, 160)
    strokes = make_seeds(truth, sections)
    prepared = prepare(grey, voxel_size=EPFL, settings=settings)
    corrected = correct_labels(prepared, probability, strokes, settings=settings).labels > 0
    alone = probability >= 0.5
    other = np.ones(160, np.bool_)
    other[sections] = False
    far = ndimage.distance_transform_edt(strokes == 0) > Settings().edge
    where = {"all": np.ones(truth.shape, np.bool_), "sections without strokes": np.broadcast_to(
             other[:, None, None], truth.shape), "more than 5 voxels from any stroke": far}  # fmt: skip
    return [
        {
            "part": part,
            "sections": stroked,
            "where": name,
            "alone": dice(alone & at, truth & at),
            "corrected": dice(corrected & at, truth & at),
        }
        for name, at in where.items()
    ]


def simulated(name: str, path: Path, *, how: str = "") -> tuple[npt.NDArray[np.uint8], Mask, VoxelSize]:
    """Image and labels of a simulated cell, made where it is absent: that of `CELLS`, or as ``how`` says."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        command = [str(Path(sys.executable).with_name("asem")), "simulate", str(path), "--voxel-size", "5"]
        subprocess.run([*command, *(how or CELLS[name]).split()], check=True)
    raw, labels = open_volume(path), open_labels(path, name)
    box = raw.box.intersect(Box((0, 0, 0), (160, 224, 224)))
    return raw.read(box), labels.read(box) != 0, raw.voxel_size


def measure_cells(folder: Path) -> list[dict[str, Any]]:
    """ER and Golgi of simulated cells, seeds in every 8th and every 16th section."""
    rows = []
    cases = [(name, name, how) for name, how in CELLS.items()]
    cases += [("golgi", f"golgi-{cell}", f"--preset {cell} --shape 128,160,160 --origin {origin}")
              for cell, origin in GOLGI.items()]  # fmt: skip
    for name, file, how in cases:
        grey, truth, voxel_size = simulated(name, folder / f"{file}.zarr", how=how)
        settings = choose_settings(name)
        prepared = prepare(grey, voxel_size=voxel_size, settings=settings)
        scores = {}
        for every in (8, 16):
            seeds = make_seeds(truth, range(every // 2, len(truth), every), eroded=1)
            scores[f"every {every}th"] = dice(solve(prepared, seeds, settings=settings) == 2, truth)
        rows.append({"cell": file, "shape": "x".join(map(str, truth.shape)), "object": float(truth.mean()), **scores,
                     "best possible": best_possible(prepared, truth)})  # fmt: skip
    return rows


def show(title: str, rows: Sequence[dict[str, Any]]) -> None:
    """Print ``rows`` as a table."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    print(f"\n{title}\n\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for row in rows:
        cells = [f"{v:.3f}" if isinstance(v := row.get(key, ""), float) else str(v) for key in columns]
        print(f"| {' | '.join(cells)} |", flush=True)


def main() -> None:
    """Measure what there is data for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = Path(os.environ.get("ASEM_DATA", ROOT.parent / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=data, help="folder with epfl_hippocampus")
    parser.add_argument("--prediction", type=Path, help="probabilities of mitochondria on it")
    parser.add_argument("--cells", type=Path, default=Path("annotate_cells"), help="folder for simulated cells")
    parser.add_argument("--only", choices=["mito", "speed", "correction", "cells"], help="one table")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    args = parser.parse_args()
    found: dict[str, list[dict[str, Any]]] = {}

    def wanted(table: str) -> bool:
        return args.only in (None, table)

    if (args.data / "epfl_hippocampus" / "raw").is_dir():
        parts = read_epfl(args.data)
        if wanted("mito"):
            found["Mitochondria, EPFL: Dice"] = measure_mito(parts)
        if wanted("speed"):
            found["8 million voxels"] = measure_speed(*parts["middle"])
        if args.prediction and wanted("correction"):
            whole = open_volume(args.data / "epfl_hippocampus" / "raw", voxel_size=EPFL)
            rows = found["Correction: Dice"] = []
            for name, box in PARTS.items():
                there = cut(open_volume(args.prediction), whole, box)
                probability = there.read(there.box).astype(np.float32) / 255
                for stroked in (8, 16):
                    rows += measure_correction(name, *parts[name], probability, stroked)
    else:
        print(f"no EPFL tables: {args.data} has no epfl_hippocampus; set ASEM_DATA to the folder that has")
    if wanted("cells"):
        found["Simulated cells, 5 nm: Dice"] = measure_cells(args.cells)
    for title, rows in found.items():
        show(title, rows)
    if args.json:
        args.json.write_text(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
