"""What it saves to segment several organelles in one pass: processor seconds and reading, two runs against one.

    python tests/benchmarks/one_pass.py [--side 160] [--rounds 2] [--only chunks]

Noise as chunks on the models' grid, as chunks that are twice as fine and therefore resampled, and as sections of that.
In every round both organelles alone, then both together, each command in a process of its own, with the same tile.
Seconds are those of the processor, all threads, the least of the rounds; files are openings of those of the input.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import tifffile
from _process import measure, report
from _volumes import noise

ORGANELLES = ("mito", "er")
MODEL_NM, TILE, CONTEXT = 10.0, 168, 104
"""Voxel size and tile of both models; what a tile reads beyond what it keeps."""


def make_inputs(folder: Path, side: int) -> dict[str, list[str]]:
    """Per kind of input, the words that name it; ``side``: voxels of the models' grid."""
    fine = MODEL_NM / 2
    sections = folder / "sections"
    sections.mkdir()
    rng = np.random.default_rng(5)
    for z in range(2 * side):
        section = rng.integers(60, 200, (2 * side, 2 * side), np.uint8)
        tifffile.imwrite(sections / f"s_{z:04d}.tif", section, compression="zlib")
    return {
        "chunks": [str(noise(folder / "grid.zarr", (side,) * 3, voxel_nm=MODEL_NM))],
        "resampled": [str(noise(folder / "fine.zarr", (2 * side,) * 3, voxel_nm=fine))],
        "sections": [str(sections), "--voxel-size", f"{fine:g}"],
    }


def segment(words: list[str]) -> None:
    """`report` of ``asem segment`` with ``words``, and what it opened of its input, on standard error."""
    from asem_core.cli.main import command_line

    volume, opened = words[0], [0, 0]

    def watch(event: str, about: tuple[object, ...]) -> None:
        if event == "open" and str(about[0]).startswith(volume) and not Path(str(about[0])).name.startswith("."):
            opened[0] += 1
            opened[1] += os.stat(str(about[0])).st_size

    command, registry = command_line()
    sys.addaudithook(watch)
    report(lambda: command(["segment", *words], obj=registry, standalone_mode=False))
    print("opened", *opened, file=sys.stderr)


def cost(words: list[str], organelles: tuple[str, ...]) -> np.ndarray:
    """Processor seconds, files and bytes of one command."""
    with tempfile.TemporaryDirectory() as name:
        outputs = [
            word for each in organelles for word in ("--organelle", each, "-o", str(Path(name) / f"{each}.zarr"))
        ]
        found = measure(__file__, "--child", *words, *outputs, "--tile", str(TILE))
    opened = next(line for line in found["said"].splitlines() if line.startswith("opened"))
    return np.array([found["cpu_seconds"], *map(float, opened.split()[1:])])


def main() -> None:
    """Measure and print."""
    if sys.argv[1:2] == ["--child"]:
        segment(sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=160)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only", choices=("chunks", "resampled", "sections"))
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        for kind, words in make_inputs(Path(name), args.side).items():
            if args.only not in (None, kind):
                continue
            rounds = [
                (sum(cost(words, (each,)) for each in ORGANELLES), cost(words, ORGANELLES)) for _ in range(args.rounds)
            ]
            for label, found in zip(("two runs", "one pass"), np.min(rounds, axis=0), strict=True):
                seconds, files, read = found
                print(f"{kind}, {label}: {seconds:.1f} s, {files:.0f} files, {read / 1e6:.1f} MB", flush=True)


if __name__ == "__main__":
    main()
