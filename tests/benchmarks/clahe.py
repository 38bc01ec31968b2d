"""CLAHE: voxels a second beside scikit-image on one block, and memory at two sizes that differ by 8.

Run: python tests/benchmarks/clahe.py [--side 256]
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from skimage.exposure import equalize_adapthist

from asem_core import Volume, VoxelSize
from asem_core.blocks.executors import map_blocks
from asem_core.plugins import make_manager
from asem_core.preprocessing.stages import make_steps, measure, normalised
from asem_core.preprocessing.whole import BLOCK, preprocess
from asem_core.registry import Registry
from asem_core.specs import StageRef
from asem_core.volume import open_volume

STEPS = make_steps([StageRef(name="clahe")], Registry(make_manager([])))


def texture(side: int) -> npt.NDArray[np.uint8]:
    """Smooth noise over the full range, ``(side, side, side)``."""
    tile = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(96,) * 3), 1.5, mode="wrap")
    block = np.clip(128 + 45 * tile / tile.std(), 0, 255).astype(np.uint8)
    return np.tile(block, (-(-side // 96),) * 3)[:side, :side, :side]


def against_skimage(side: int) -> None:
    """The same block in memory through both, one after the other."""
    raw = texture(side)
    volume = Volume(array=raw, voxel_size=VoxelSize((5, 5, 5)), uri="memory", format="memory", chunks=(128, 128, 128))
    marks = [now()]
    stats = measure(volume, STEPS)
    marks.append(now())
    result = normalised(volume, STEPS, stats)
    map_blocks(lambda box: int(result.read(box)[0, 0, 0]), list(volume.box.tiles(BLOCK)), sweep="clahe")
    marks.append(now())
    equalize_adapthist(raw, kernel_size=128, clip_limit=0.02)
    marks.append(now())
    measured, ours, theirs = marks[1] - marks[0], marks[2] - marks[0], marks[3] - marks[2]
    print(f"block {raw.shape} uint8, kernel 128, {os.cpu_count()} cores: M voxels a second, and a second of CPU")
    rows = {"tile mappings": measured, "interpolation": ours - measured, "both": ours, "scikit-image": theirs}
    for name, seconds in rows.items():
        print(f"  {name:<15}{raw.size / seconds[0] / 1e6:8.2f}{raw.size / seconds[1] / 1e6:8.2f}")
    print(f"  {'ratio':<15}{theirs[0] / ours[0]:8.1f}{theirs[1] / ours[1]:8.1f}")


def now() -> npt.NDArray[np.float64]:
    """Seconds on the wall and of CPU (all threads): the second says more where other work shares the machine."""
    return np.array([time.perf_counter(), time.process_time()])


def peak_mib() -> float:
    """Most resident memory that this process had; ``ru_maxrss`` would count the parent's, too. Linux only."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def on_disk(side: int, folder: str) -> None:
    """``asem preprocess`` from Zarr to OME-Zarr; prints speed and peak memory of this process."""
    source, target = Path(folder) / f"{side}.zarr", Path(folder) / f"{side}_out.zarr"
    before = peak_mib()
    started = now()
    preprocess(open_volume(source), target, stages=["clahe"])
    rates = side**3 / (now() - started) / 1e6
    print(f"  {side}^3  {rates[0]:6.1f}{rates[1]:8.1f}   peak {peak_mib():.0f} MiB, at the start {before:.0f} MiB")


def main() -> None:
    """Print both tables."""
    import zarr

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=256, help="of the block beside scikit-image; 0 leaves that out")
    if side := parser.parse_args().side:
        against_skimage(side)
    print("disk to disk, pyramid included, each size in a process of its own: M voxels a second, and a second of CPU")
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        for side in (256, 512):
            array = zarr.create_array(
                Path(folder) / f"{side}.zarr", shape=(side,) * 3, chunks=(64,) * 3, dtype="uint8", zarr_format=2
            )
            array.attrs["resolution"] = [5, 5, 5]
            array[:] = texture(side)
            process = context.Process(target=on_disk, args=(side, folder))
            process.start()
            process.join()


if __name__ == "__main__":
    main()
