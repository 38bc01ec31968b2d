"""What an exclusion zone must do: give a bool mask that its halo decides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from asem_core.geometry import Box, Triple, VoxelSize
from asem_core.labels.zone import Mask, Zone
from asem_core.registry import resolve
from asem_core.specs import ExclusionZoneSpec
from asem_core.testing.check import Check, in_turn
from asem_core.testing.samples import BLOCKS, GRIDS, differing, random_labels, tried_params
from asem_core.testing.stages import halo_problems


def zone_checks(spec: ExclusionZoneSpec, *, uses: Sequence[Mapping[str, Any]] = ()) -> Iterator[Check]:
    """The checks of an exclusion zone, on random organelles of fine and coarse grids.

    Parameters
    ----------
    uses
        Parameters that organelles give it; it is tried with its defaults besides.
    """
    checks = {"halo is voxels": _halo, "a bool mask": _mask, "by blocks as on the whole": _by_blocks}
    subject = f"exclusion zone {spec.name!r}"
    made = (Check(subject=subject, name=name, find=partial(_each, find, spec, uses)) for name, find in checks.items())
    yield from in_turn(made, base=2)


def _each(find: Any, spec: ExclusionZoneSpec, uses: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for params in tried_params(spec, uses):
        zone = Zone(spec=spec, params=params)
        for seed, voxel_size in enumerate(GRIDS):
            problem = next(find(zone, random_labels(seed) != 0, voxel_size), None)
            if problem is not None:
                yield f"{problem} (voxels of {voxel_size}, {zone.params})"
                return


def _mask(zone: Zone, inside: Mask, voxel_size: VoxelSize) -> Iterator[str]:
    zone.excluded(inside.copy(), voxel_size=voxel_size)
    yield from ()


def _halo(zone: Zone, _: Mask, voxel_size: VoxelSize) -> Iterator[str]:
    if zone.spec.halo is not None:
        yield from halo_problems(zone.spec.halo, resolve(zone.spec.halo)(voxel_size, zone.params))


def _by_blocks(zone: Zone, inside: Mask, voxel_size: VoxelSize) -> Iterator[str]:
    whole = _excluded(zone, inside, voxel_size, inside.shape)
    for block in BLOCKS:
        if said := differing(_excluded(zone, inside, voxel_size, block), whole):
            yield (
                f"by blocks of {block} {zone.spec.fn} gives something else than on the whole: {said}; "
                "state the halo that it needs (docs/hooks.md)"
            )


def _excluded(zone: Zone, inside: Mask, voxel_size: VoxelSize, block: Triple) -> Mask:
    """As the engine does it: outside the volume there is no organelle."""
    halo = zone.halo(voxel_size)
    padded = np.pad(inside, [(h, h) for h in halo])
    found = np.zeros_like(inside)
    for box in Box.of_shape(inside.shape).tiles(block):
        around = box.grow(halo).shift(halo)
        excluded = zone.excluded(padded[around.slices].copy(), voxel_size=voxel_size)
        found[box.slices] = excluded[tuple(slice(h, h + n) for h, n in zip(halo, box.shape, strict=True))]
    return found
