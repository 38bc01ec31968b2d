"""What the container of a volume holds beside it: coarser levels of the same image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asem_core.geometry import VoxelSize
from asem_core.volume.address import locate, remembering
from asem_core.volume.formats import zarr_node
from asem_core.volume.opening import as_volume
from asem_core.volume.volume import Volume

if TYPE_CHECKING:
    from asem_core.registry import Registry


def with_levels(volume: Volume, *, registry: Registry | None = None) -> tuple[Volume, ...]:
    """``volume`` and the coarser levels of its OME-Zarr, the finest first; nothing is read.

    Parameters
    ----------
    volume
        An image or label image. One that is no OME-Zarr, or a level of one, has no other level.
    registry
        Where readers come from; by default everything installed.

    Examples
    --------
    >>> [level.shape for level in with_levels(open_volume("cell.zarr"))]  # doctest: +SKIP
    [(165, 768, 1024), (83, 384, 512), (42, 192, 256), (21, 96, 128)]
    """
    with remembering():
        image = locate(volume.uri)
        levels = [volume]
        for level, name in enumerate(zarr_node.levels(image)[1:], start=1):
            size = VoxelSize([step * 2**level for step in volume.voxel_size.zyx])  # where the file states none
            uri = str(image / name)
            levels.append(as_volume(uri, registry=registry, voxel_size=size, only_if_unstated=True))
        return tuple(levels)
