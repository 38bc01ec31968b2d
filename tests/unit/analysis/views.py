"""Views of arrays in memory."""

from __future__ import annotations

from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np

from asem_core import VoxelSize
from asem_core.analysis import View
from asem_core.volume.volume import Volume


def view_of(
    array: Any, folder: Path, *, voxel_size=(5, 5, 5), block=(128, 128, 128), at=(0, 0, 0), others=None
) -> View:
    volume = Volume(
        array=array,
        voxel_size=VoxelSize(voxel_size),
        lower_edge_nm=at,
        uri="memory",
        format="memory",
        chunks=(32, 32, 32),
    )
    common = {"voxel_size": voxel_size, "block": block, "at": at}
    return View(
        objects=volume,
        kind="probabilities" if array.dtype == np.float32 else "labels",
        block=block,
        scratch=Path(mkdtemp(dir=folder)),
        output=Path(mkdtemp(dir=folder)),
        others={name: view_of(other, folder, **common) for name, other in (others or {}).items()},
    )


def distances(shape: Any, voxel_size: Any, centre_nm: Any) -> Any:
    """Coordinates in nm ``(3, z, y, x)`` of the voxels' centres, from ``centre_nm``."""
    axes = [(np.arange(n) + 0.5) * v - c for n, v, c in zip(shape, voxel_size, centre_nm, strict=True)]
    return np.stack(np.meshgrid(*axes, indexing="ij"))


def rotation(seed: int) -> Any:
    """A random orthogonal matrix."""
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))[0]
