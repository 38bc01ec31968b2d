"""A picture of surfaces without a window: points on them, the nearest one in every pixel."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from asem_core.draw import Rgb
from asem_mesh.distance import middles, subdivided
from asem_mesh.surface import Mesh, Points

Picture = npt.NDArray[np.uint8]

_FINE = 2
"""Pixels of the drawing in one of the picture, on each side."""
_SPACING = 0.6
"""Of points on a surface, in pixels of the drawing: each pixel has one."""
_MARGIN = 1.06
_AMBIENT = 0.35
_LIGHT = (-0.4, 0.6, 1.0)
"""From where it comes: right, up, near."""


def draw_still(meshes: Sequence[Mesh], colours: Sequence[Rgb], *, size: tuple[int, int]) -> Picture:
    """``meshes`` in their ``colours``, seen from where x, y and z are large, z up; parallel.

    Parameters
    ----------
    size
        Width and height of the picture.

    Returns
    -------
    ndarray
        uint8 ``(y, x, 4)``: RGBA, the ground transparent.
    """
    width, height = (_FINE * side for side in size)
    view = _view()
    every = np.concatenate([_right_up_near(mesh, view) for mesh in meshes])
    low, high = every.min(axis=0), every.max(axis=0)
    across, upward = (high - low)[:2]
    nm_per_pixel = _MARGIN * max(across / width, upward / height, 1e-9)
    colour = np.zeros((height * width, 3), np.float32)
    depth = np.full(height * width, -np.inf)
    for mesh, rgb in zip(meshes, colours, strict=True):
        for points, normals in _samples(mesh, view, _SPACING * nm_per_pixel):
            column = np.floor((points[:, 0] - (low + high)[0] / 2) / nm_per_pixel + width / 2).astype(np.int64)
            row = np.floor((low + high)[1] / 2 / nm_per_pixel - points[:, 1] / nm_per_pixel + height / 2)
            pixel = np.clip(row.astype(np.int64), 0, height - 1) * width + np.clip(column, 0, width - 1)
            _put(pixel, points[:, 2], _shaded(normals, rgb), colour, depth)
    return _coarse(colour.reshape(height, width, 3), np.isfinite(depth).reshape(height, width))


def _view() -> Points:
    """Rows: to the right, up, and near, in x, y, z."""
    near = np.ones(3) / math.sqrt(3)
    right = np.array([-1.0, 1.0, 0.0]) / math.sqrt(2)
    return np.stack([right, np.cross(near, right), near])


def _right_up_near(mesh: Mesh, view: Points) -> Points:
    return np.asarray(mesh.vertices_nm[:, ::-1] @ view.T)


def _samples(mesh: Mesh, view: Points, spacing_nm: float) -> Iterator[tuple[Points, Points]]:
    """Points on the triangles that are turned here, and their normals, as the view has them."""
    places, normals = _right_up_near(mesh, view), _normals(mesh) @ view.T
    for rows, parts in subdivided(mesh, spacing_nm):
        weights, faces = middles(parts), mesh.faces[rows]
        here = faces[normals[faces].mean(axis=1)[:, 2] > 0]
        points, turned = (
            np.einsum("pk,nkd->npd", weights, values[here]).reshape(-1, 3) for values in (places, normals)
        )
        yield points, turned


def _normals(mesh: Mesh) -> Points:
    """Of every vertex, outward, x, y, z; of any length."""
    a, b, c = (corner[:, ::-1] for corner in mesh.corners_nm)
    found = np.zeros_like(mesh.vertices_nm)
    for corner in range(3):
        np.add.at(found, mesh.faces[:, corner], np.cross(b - a, c - a))
    return found


def _shaded(normals: Points, rgb: Rgb) -> npt.NDArray[np.float32]:
    light = np.array(_LIGHT) / np.linalg.norm(_LIGHT)
    length = np.maximum(np.linalg.norm(normals, axis=1), 1e-12)
    bright = _AMBIENT + (1 - _AMBIENT) * np.clip(normals @ light / length, 0, 1)
    return np.asarray(bright[:, None] * np.array(rgb), np.float32)


def _put(
    pixel: npt.NDArray[np.int64],
    near: npt.NDArray[np.float64],
    shade: npt.NDArray[np.float32],
    colour: npt.NDArray[np.float32],
    depth: npt.NDArray[np.float64],
) -> None:
    """Of the points of a pixel the nearest one, where none in ``depth`` is nearer."""
    order = np.lexsort((near, pixel))
    last = order[np.append(np.diff(pixel[order]) > 0, True)] if len(order) else order
    last = last[near[last] > depth[pixel[last]]]
    colour[pixel[last]], depth[pixel[last]] = shade[last], near[last]


def _coarse(colour: npt.NDArray[np.float32], hit: npt.NDArray[np.bool_]) -> Picture:
    """Means of `_FINE` x `_FINE` pixels; of the colour over those that are hit."""
    height, width = (side // _FINE for side in hit.shape)
    blocks = hit.reshape(height, _FINE, width, _FINE)
    count = blocks.sum(axis=(1, 3))
    total = colour.reshape(height, _FINE, width, _FINE, 3).sum(axis=(1, 3))
    rgb = total / np.maximum(count, 1)[..., None]
    alpha = 255 * count / _FINE**2
    return np.concatenate([rgb, alpha[..., None]], axis=-1).round().astype(np.uint8)
