"""What is seen in a window, and where."""

from __future__ import annotations

from typing import Any

from asem_core.geometry import Box, FloatTriple
from asem_core.volume import Volume

_AROUND = 128
"""Voxels on every side of the middle of the view."""
_CANVAS = 700
"""Pixels that a part is made to fill, about."""


def look_at(viewer: Any, centre_nm: FloatTriple, *, width_nm: float | None = None) -> None:
    """Show a place, and where ``width_nm`` is given, as much round it."""
    camera = _camera(viewer)
    viewer.dims.point = (*viewer.dims.point[:-3], *centre_nm)
    camera.center = tuple(centre_nm[axis - viewer.dims.ndim] for axis in _shown(viewer))
    if width_nm is not None:
        camera.zoom = _CANVAS / width_nm


def box_of_view(viewer: Any, volume: Volume) -> Box:
    """The voxels of ``volume`` round the middle of what is seen."""
    centre, shown = list(viewer.dims.point[-3:]), _shown(viewer)
    for axis, world in zip(shown, _camera(viewer).center[-len(shown) :], strict=True):
        centre[axis - viewer.dims.ndim] = world
    start = []
    for at, edge, step, n in zip(centre, volume.lower_edge_nm, volume.voxel_size.zyx, volume.shape, strict=True):
        start.append(max(0, min(round((at - edge) / step) - _AROUND, n - 2 * _AROUND)))
    return Box(start, [min(a + 2 * _AROUND, n) for a, n in zip(start, volume.shape, strict=True)])


def _shown(viewer: Any) -> tuple[int, ...]:
    """The axes of the picture, of the three of a volume."""
    return tuple(axis for axis in viewer.dims.displayed if axis >= viewer.dims.ndim - 3)


def _camera(viewer: Any) -> Any:
    """Of the viewer until napari 0.8, of its scene from 0.9 on."""
    return (viewer.scene if hasattr(viewer, "scene") else viewer).camera
