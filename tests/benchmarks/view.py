"""Seconds from `asem view` to the first picture of a volume of 10^9 voxels, and processor seconds.

    python tests/benchmarks/view.py [VOLUME]

Without VOLUME one is made up: 1000 x 1000 x 1000 voxels of noise and all coarser levels, in chunks of 64, every chunk a
link to one file. The picture is complete when neuroglancer says so. The browser is headless Chromium, which draws with
the processor; it is started before, as that of a user is. Processor seconds are of all threads and child processes.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path

import numpy as np
from asem_view.browser import BROWSERS, _photograph, _running

from asem_core.geometry import VoxelSize
from asem_core.volume import ArrayPlan, create_ome_zarr

ASEM = Path(sys.executable).with_name("asem")
_TICKS = os.sysconf("SC_CLK_TCK")
_SIZE = (1200, 900)


def make_volume(path: Path) -> Path:
    """1000 x 1000 x 1000 voxels in 4,096 chunks, and coarser levels."""
    plan = ArrayPlan(shape=(1000, 1000, 1000), dtype="uint8", chunk=(64, 64, 64))
    output = create_ome_zarr(
        path, image=plan, labels={}, voxel_size=VoxelSize((5.0, 5.0, 5.0)), lower_edge_nm=(0.0, 0.0, 0.0), provenance={}
    )
    output.image[:64, :64, :64] = np.random.default_rng(0).integers(50, 150, plan.chunk).astype(np.uint8)
    first = path / "0" / "0" / "0" / "0"
    for number, level in enumerate(output.image_levels):
        for place in product(*(range(-(-n // 64)) for n in level.shape)):
            chunk = path.joinpath(str(number), *map(str, place))
            chunk.parent.mkdir(parents=True, exist_ok=True)
            if chunk != first:
                os.link(first, chunk)
    return path


def cpu_seconds(pid: int) -> float:
    """Of the process ``pid`` and all that it started and that still run."""
    children, spent = defaultdict(list), {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            values = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended
        children[int(values[1])].append(int(folder.name))
        spent[int(folder.name)] = sum(map(int, values[11:15])) / _TICKS
    wanted, total = [pid], 0.0
    while wanted:
        each = wanted.pop()
        total += spent.get(each, 0.0)
        wanted += children[each]
    return total


@contextmanager
def serving(volume: Path) -> Iterator[tuple[str, int]]:
    """``asem view --link``: the address that it prints, and its process."""
    process = subprocess.Popen([ASEM, "view", "--link", volume], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().decode().strip(), process.pid
    finally:
        process.kill()
        process.wait()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("volume", type=Path, nargs="?")
    parser.add_argument("--picture", type=Path, help="Where the last picture goes, PNG.")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    print(f"load of the machine: {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores\n")
    print("| | seconds | CPU s, asem | CPU s, browser |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        volume = given.volume or make_volume(Path(name) / "large.zarr")
        for _ in range(given.rounds):
            with _running(BROWSERS[0], _SIZE) as tab:
                before = cpu_seconds(os.getpid())
                began = time.perf_counter()
                with serving(volume) as (address, pid):
                    printed, asem = time.perf_counter() - began, cpu_seconds(pid)
                    print(f"| `asem view`, until the address is there | {printed:.1f} | {asem:.1f} | |")
                    picture = asyncio.run(_photograph(tab, address))
                    seconds, asem = time.perf_counter() - began, cpu_seconds(pid)
                    browser = cpu_seconds(os.getpid()) - before - asem
                    print(f"| picture complete | {seconds:.1f} | {asem:.1f} | {browser:.1f} |", flush=True)
        if given.picture:
            given.picture.write_bytes(picture)


if __name__ == "__main__":
    main()
