"""Time and peak memory of simulating a cube of a cell: all organelles, image and labels, written as OME-Zarr.

    python tests/benchmarks/simulate.py [--side 1000] [--voxel-nm 5] [--preset cf] [--folder DIR]

Seconds are those on the clock; CPU seconds, all threads added, change less with other work on the machine.
The volume is deleted afterwards.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path


def main() -> None:
    """Simulate once and print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=1000, help="voxels per axis")
    parser.add_argument("--voxel-nm", type=float, default=5.0)
    parser.add_argument("--preset", default="cf", help="of asem simulate: cf, hpfs")
    parser.add_argument("--folder", help="where the volume goes meanwhile")
    args = parser.parse_args()
    from asem_dataset_simulated import Request, simulate_to

    from asem_core.geometry import VoxelSize

    request = Request(preset=args.preset, shape=(args.side,) * 3, voxel_size=VoxelSize((args.voxel_nm,) * 3), seed=1)
    began, began_cpu = time.perf_counter(), time.process_time()
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        path = Path(folder) / "cell.zarr"
        counts = simulate_to(path, request)
        seconds, cpu = time.perf_counter() - began, time.process_time() - began_cpu
        stored = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    figures = {
        "side": args.side, "voxel_nm": args.voxel_nm, "preset": args.preset, "seconds": round(seconds),
        "cpu_seconds": round(cpu), "voxels_per_s": round(args.side**3 / seconds),
        "voxels_per_cpu_s": round(args.side**3 / cpu), "stored_bytes": stored,
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, "objects": counts,
    }  # fmt: skip
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
