"""The definition of `asem_core.separation`, written down plainly and slowly: loops over voxels of the whole volume."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np

from asem_core.specs import Separation

STEPS = [step for step in product((-1, 0, 1), repeat=3) if any(step)]
UNITS = 64


def separated(mask: Any, voxel_nm: tuple[float, float, float], separation: Separation) -> Any:
    """The id of every voxel."""
    height = distances(mask, voxel_nm, separation.reach_nm)
    basin = ascents(height)
    return numbered(basin, objects(height, basin, voxel_nm, separation))


def distances(mask: Any, voxel_nm: tuple[float, float, float], reach_nm: float) -> dict[tuple[int, ...], int]:
    """Per voxel of the mask the height: the nearest background by trying every one."""
    edges = [round(v * UNITS) for v in voxel_nm]
    outside = [tuple(v) for v in np.argwhere(~mask).tolist()]
    most = round(reach_nm * UNITS)
    return {
        voxel: math.isqrt(min([most**2, *(sum((e * (a - b)) ** 2 for e, a, b in zip(edges, voxel, other, strict=True))
                                          for other in outside)]))
        for voxel in (tuple(v) for v in np.argwhere(mask).tolist())
    }  # fmt: skip


def beside(voxel: tuple[int, ...]) -> list[tuple[int, ...]]:
    return [tuple(a + b for a, b in zip(voxel, step, strict=True)) for step in STEPS]


def ascents(height: dict[tuple[int, ...], int]) -> dict[tuple[int, ...], tuple[int, ...]]:
    """Per voxel the peak, step by step."""

    def peak(voxel: tuple[int, ...]) -> tuple[int, ...]:
        while True:
            around = [other for other in [voxel, *beside(voxel)] if other in height]
            highest = min(around, key=lambda other: (-height[other], other))
            if highest == voxel:
                return voxel
            voxel = highest

    return {voxel: peak(voxel) for voxel in height}


def objects(height: Any, basin: Any, voxel_nm: tuple[float, float, float], separation: Separation) -> Any:
    """Sets of peaks: all pairs of voxels that touch, the highest first, each looked at once in either round."""
    touching = {}
    for voxel, own in basin.items():
        for other in (v for v in beside(voxel) if v in basin and basin[v] != own):
            pair = tuple(sorted((own, basin[other])))
            touching[pair] = max(touching.get(pair, -1), min(height[voxel], height[other]))
    order = sorted(touching, key=lambda pair: (-touching[pair], pair))
    sets = {peak: {peak} for peak in basin.values()}
    size = math.prod(voxel_nm)

    def top(peaks: Any) -> int:
        return max(height[p] for p in peaks)

    def volume(peaks: Any) -> float:
        return sum(size for own in basin.values() if own in peaks)

    def shallow(a: Any, b: Any, saddle: int) -> bool:
        lower = min(top(a), top(b))
        return lower - saddle < max(separation.persistence_nm * UNITS, separation.persistence * lower)

    def small(a: Any, b: Any, _: int) -> bool:
        return min(volume(a), volume(b)) < separation.min_volume_nm3

    for joined in (shallow, small):
        for a, b in order:
            if sets[a] is not sets[b] and joined(sets[a], sets[b], touching[a, b]):
                both = sets[a] | sets[b]
                sets.update(dict.fromkeys(both, both))
    return {peak: peaks if volume(peaks) >= separation.min_volume_nm3 else None for peak, peaks in sets.items()}


def numbered(basin: Any, sets: Any) -> Any:
    """Ids from 1 in the order of first voxels."""
    ids: dict[Any, int] = {}
    found = {}
    for voxel in sorted(basin):
        peaks = sets[basin[voxel]]
        found[voxel] = 0 if peaks is None else ids.setdefault(frozenset(peaks), len(ids) + 1)
    return found
