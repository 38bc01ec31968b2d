"""A label with every kind of mistake that proofreading corrects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from asem_core import VoxelSize
from asem_core.volume import IMAGE, ArrayPlan, create_ome_zarr

SHAPE = (32, 40, 150)
SIZE = VoxelSize((10.0, 8.0, 8.0))
EDGE = (100.0, 0.0, 40.0)
FUSED, LEFT, RIGHT, CRUMB, CUT = 1, 2, 3, 4, 5
"""Two bodies that are one object; one body that is two; what is none; what a face cuts."""
POINTS = (15, 14, 20), (15, 14, 46)
"""A voxel in either body of `FUSED`."""


def _ball(centre: tuple[int, int, int], radius: float) -> np.ndarray:
    grid = np.indices(SHAPE).T
    return radius**2 >= ((grid - centre) ** 2).sum(-1).T


def draw() -> np.ndarray:
    """The ids ``(z, y, x)`` uint32."""
    ids = np.zeros(SHAPE, np.uint32)
    ids[_ball(POINTS[0], 12) | _ball(POINTS[1], 12)] = FUSED
    ids[13:18, 13:16, 30:37] = FUSED
    ids[10:22, 12:26, 75:95], ids[10:22, 12:26, 95:120] = LEFT, RIGHT
    ids[2:4, 30:33, 70:73] = CRUMB
    ids[5:14, 20:35, 138:150] = CUT
    return ids


def probabilities(ids: np.ndarray) -> np.ndarray:
    """Of what is drawn: sure but for the crumb, uint8."""
    return np.select([ids == CRUMB, ids > 0], [150, 240], 20).astype(np.uint8)


def write_drawn(path: Path, ids: np.ndarray, *, edge: Any = EDGE, made_by: str = "asem segment") -> Path:
    """An OME-Zarr as `asem segment --instances` makes it: probabilities and ``labels/mito_instances``."""
    plan = ArrayPlan(shape=ids.shape, dtype="uint8", chunk=(16, 16, 16))
    made = create_ome_zarr(
        path,
        image=plan,
        labels={"mito_instances": ArrayPlan(shape=ids.shape, dtype="uint32", chunk=(16, 16, 16))},
        voxel_size=SIZE,
        lower_edge_nm=edge,
        provenance={"made_by": made_by, "asem_core": "0"},
    )
    whole = (slice(None),) * 3
    made.levels[IMAGE][0][whole] = probabilities(ids)
    made.levels["mito_instances"][0][whole] = ids
    return path
