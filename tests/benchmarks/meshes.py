"""Seconds, of the clock and of the processor, and memory of `asem mesh` on every organelle of a simulated cell.

    python tests/benchmarks/meshes.py [CELL] [--organelles mito er golgi ...]

CELL is an OME-Zarr that `asem simulate` made; without it one is simulated. Objects are the connected components of each
label, or its ids. Every organelle is a process of its own. In memory are blocks of 128 voxels, and of whole objects one
per core.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd
from _process import measure, report

ORGANELLES = ("mito", "er", "golgi", "lysosome", "lipid", "pore", "ccp", "caveola")
SIMULATE = (str(Path(sys.executable).with_name("asem")), "simulate", "--preset", "cf-3", "--part", "evaluation")


def run(labels: Path, output: Path) -> None:
    """One measurement, reported."""
    from asem_mesh import make_meshes

    report(lambda: make_meshes(labels, output, kind="labels"))


def main() -> None:
    """Print the table."""
    if sys.argv[1:2] == ["--run"]:
        run(Path(sys.argv[2]), Path(sys.argv[3]))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cell", type=Path, nargs="?")
    parser.add_argument("--organelles", nargs="+", default=ORGANELLES)
    given = parser.parse_args()
    print("| organelle | objects | triangles | peak MB | s | CPU s | CPU s / 1,000 objects |")
    print("|---|---|---|---|---|---|---|")
    objects = seconds = clock = 0.0
    with tempfile.TemporaryDirectory() as name:
        cell = given.cell or Path(name) / "cell.zarr"
        if given.cell is None:
            subprocess.run([*SIMULATE, str(cell)], check=True, capture_output=True)
        for organelle in given.organelles:
            output = Path(name) / organelle
            found = measure(__file__, "--run", str(cell / "labels" / organelle), str(output))
            table = pd.read_csv(output / "meshes.csv")
            objects, seconds = objects + len(table), seconds + found["cpu_seconds"]
            clock += found["seconds"]
            print(
                f"| {organelle} | {len(table):,} | {table.mesh_triangles.sum():,} | {found['peak_bytes'] / 1e6:.0f} "
                f"| {found['seconds']:.1f} | {found['cpu_seconds']:.1f} "
                f"| {1000 * found['cpu_seconds'] / max(len(table), 1):.0f} |",
                flush=True,
            )
    print(f"| all | {objects:,.0f} | | | {clock:.1f} | {seconds:.1f} | {1000 * seconds / max(objects, 1):.0f} |")


if __name__ == "__main__":
    main()
