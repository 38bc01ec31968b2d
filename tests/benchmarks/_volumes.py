"""Volumes that benchmarks segment, and what a segmentation of them is worth."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from asem_core.geometry import Box, Triple, VoxelSize

SEED = 5
DATA = Path(os.environ.get("ASEM_DATA", Path(__file__).parents[3] / "shared" / "data"))
"""Where ``epfl_hippocampus`` is."""
EPFL = Box.parse("0:165,0:768,0:288")
"""The part of it that our models were not trained on."""
SMALL = Box.parse("56:104,619:747,113:241")
"""With mitochondria, for a dry run."""
MODEL, COMPACT = "mito-10nm", "mito-compact-10nm"
"""The second has a quarter of the arithmetic."""


def noise(path: Path, shape: Triple, *, voxel_nm: float) -> Path:
    """An OME-Zarr of ``shape``; what is there is taken."""
    from asem_core.volume.formats.ome_write import ArrayPlan, create_ome_zarr

    if path.exists():
        return path
    part = path.with_name(f"part_of_{path.name}")
    shutil.rmtree(part, ignore_errors=True)
    out = create_ome_zarr(
        part,
        image=ArrayPlan(shape=shape, dtype=np.dtype(np.uint8), chunk=(64, 64, 64)),
        labels={},
        voxel_size=VoxelSize((voxel_nm,) * 3),
        lower_edge_nm=(0.0, 0.0, 0.0),
        provenance={},
    )
    rng = np.random.default_rng(SEED)
    for slab in Box.of_shape(shape).tiles((64, *shape[1:])):
        out.image[slab.slices] = rng.integers(60, 200, slab.shape, np.uint8)
    return part.rename(path)


def epfl(folder: Path, *, data: Path, roi: Box = EPFL) -> tuple[Path, Path] | None:
    """Raw and labels of real tissue, cut out, so that not even context comes from elsewhere; None without ``data``.

    What is there is taken.
    """
    from asem_core import convert

    raw, labels, source = folder / "epfl_raw.zarr", folder / "epfl_labels.zarr", data / "epfl_hippocampus"
    if not source.is_dir():
        return None
    convert(source / "raw", raw, voxel_size=(5.0, 5.0, 5.0), roi=roi)
    convert(source / "mito", labels, organelle="mito", voxel_size=(5.0, 5.0, 5.0), roi=roi)
    return raw, labels


def simulated(path: Path, shape: Triple, *, voxel_nm: float, preset: str = "tissue") -> Path:
    """An OME-Zarr with image and labels; what is there and whole is taken."""
    from asem_dataset_simulated import Request, simulate_to

    if path.exists():
        return path
    part = path.with_name(f"part_of_{path.name}")
    shutil.rmtree(part, ignore_errors=True)
    request = Request(preset=preset, shape=shape, voxel_size=VoxelSize((voxel_nm,) * 3), seed=2026)
    simulate_to(part, request, overwrite=True)
    return part.rename(path)


def score(raw: Path, labels: Path, output: Path, *, model: str = MODEL, **chosen: Any) -> dict[str, Any]:
    """F1 of ``model`` with and without the zone, and speed; ``chosen`` goes to `asem_core.segment`."""
    from asem_core import evaluate, segment

    made = segment(raw, output, organelle="mito", model=model, overwrite=True, **chosen)
    scores = evaluate(output, labels, organelle="mito").scores
    return {
        "f1_with_zone": scores.with_zone.f1,
        "f1_without_zone": scores.without_zone.f1,
        "seconds": made.seconds,
        "voxels": made.voxels,
        "runtime": f"{made.runtime} {made.precision}",
        "tile": list(made.tile),
    }
