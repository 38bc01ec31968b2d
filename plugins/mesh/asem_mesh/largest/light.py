"""Meshes of few triangles of some objects, for a page; and how far that moved their surface."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs
import numpy as np
import numpy.typing as npt

from asem_core.errors import VolumeError
from asem_core.registry import Registry
from asem_core.volume import Volume, open_volume, with_levels
from asem_mesh.simplify import reduce
from asem_mesh.smooth import smooth
from asem_mesh.surface import Frame, Mesh, find_surface, to_mesh

MOST_TRIANGLES = 4000
"""Of an object: 64 kB, of which base64 makes 86."""
_MOST_VOXELS = 16 * 10**6


@attrs.frozen(kw_only=True, eq=False)
class Light:
    """An object of few triangles."""

    number: int
    mesh: Mesh
    error_nm: float
    """How far its surface is from that of the voxels that it was made of, at most."""


def open_level(address: Path, *, registry: Registry | None = None) -> Volume:
    """The finest level of ids at ``address`` that a page needs.

    Raises
    ------
    VolumeError
        Its levels are all too large.
    """
    volume = open_volume(address, registry=registry)
    level = next((level for level in with_levels(volume, registry=registry) if level.box.size <= _MOST_VOXELS), None)
    if level is None:
        raise VolumeError(f"{address}: {volume.box.size:,} voxels are too many for a page, and it has no coarser level")
    return level


def light_meshes(level: Volume, numbers: Sequence[int]) -> Iterator[Light]:
    """The objects ``numbers`` of the ids ``level``, those that are there, with `MOST_TRIANGLES` each at most.

    Where the volume ends they are closed.
    """
    from scipy import ndimage

    ids, frame = level.read(level.box), Frame.of(level)
    wanted = np.sort(np.array(numbers, ids.dtype))
    place = np.minimum(np.searchsorted(wanted, ids), len(wanted) - 1)
    local = np.where(wanted[place] == ids, place + 1, 0)
    boxes = dict(zip(wanted.tolist(), ndimage.find_objects(local, len(wanted)), strict=True))
    for number in numbers:
        if (found := boxes[number]) is not None:
            start = [s.start for s in found]
            yield _light(number, ids[found] == number, start, level, frame)


def _light(number: int, mask: npt.NDArray[np.bool_], start: Sequence[int], level: Volume, frame: Frame) -> Light:
    piece = find_surface(np.pad(mask, 1), [first - 1 for first in start])
    rough = to_mesh(piece, voxel_size=level.voxel_size, lower_edge_nm=level.lower_edge_nm)
    volume_nm3 = float(mask.sum()) * level.voxel_size.volume_nm3
    full = smooth(rough, frame, voxel_size=level.voxel_size, volume_nm3=volume_nm3)
    found = reduce(full, frame, triangles=MOST_TRIANGLES, spacing_nm=2 * min(level.voxel_size.zyx))
    return Light(number=number, mesh=found.mesh, error_nm=found.error_nm)
