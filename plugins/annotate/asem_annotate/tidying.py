"""The clean-up and dilation of an organelle, on annotated labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy.typing as npt

from asem_core.geometry import VoxelSize
from asem_core.labels import make_plan
from asem_core.organelles import find_organelle
from asem_core.registry import Registry, make_registry, resolve
from asem_core.specs import OrganelleSpec


def tidy(
    labels: npt.NDArray[Any],
    organelle: OrganelleSpec | str | Path,
    *,
    voxel_size: VoxelSize,
    dilate: int | None = None,
    registry: Registry | None = None,
) -> npt.NDArray[Any]:
    """``labels`` after the organelle's rules, as `asem_core.prepare_labels` applies them to a file.

    Parameters
    ----------
    labels
        ``(z, y, x)``, integers or bool; 0 is background.
    organelle
        Whose rules and numbers.
    dilate
        Width in voxels of 5 nm instead of the organelle's; 0 where the membrane was annotated too.

    Examples
    --------
    >>> import numpy as np
    >>> crumbs = np.zeros((9, 9, 9), np.uint8)
    >>> crumbs[:4, :4, :4] = crumbs[8, 8, 8] = 1
    >>> int(tidy(crumbs, "mito", voxel_size=VoxelSize((5, 5, 5)), dilate=0).sum())
    64
    """
    registry = registry or make_registry()
    plan = make_plan(find_organelle(organelle, registry), registry, dilate=dilate)
    for spec, params in plan.rules:
        labels = resolve(spec.fn)(labels, voxel_size=voxel_size, params=params)
    return labels
