"""What stages are tried on: small random labels and grey values, fine and coarse grids; and with which parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from asem_core.geometry import Triple, VoxelSize
from asem_core.params import HasParams, make_params
from asem_core.registry import resolve
from asem_core.testing.check import NotChecked
from asem_core.volume.volume import Volume

SHAPE: Triple = (22, 25, 27)
GRIDS = (VoxelSize((5.0, 5.0, 5.0)), VoxelSize((12.0, 6.0, 4.0)))
STORED = {"uint8": 1.0, "uint16": 257.0, "float32": 1 / 255}
"""Types of the images that stages are given, and what a level of 255 is in each."""
BLOCKS: tuple[Triple, ...] = ((7, 9, 11), (22, 4, 13))
"""That no side of `SHAPE` is a multiple of, and flat ones."""


def random_labels(seed: int = 0, *, shape: Triple = SHAPE, dtype: str = "uint16") -> npt.NDArray[Any]:
    """Labels ``(z, y, x)``: blobs of several ids that touch and are cut by the faces, single voxels, holes.

    >>> ids = np.unique(random_labels())
    >>> int(ids[0]), len(ids) > 3
    (0, True)
    """
    rng = np.random.default_rng(seed)
    smooth = ndimage.gaussian_filter(rng.normal(size=shape), 2.0)
    inside = smooth > np.quantile(smooth, 0.65)
    crumbs = rng.random(shape)
    inside = (inside | (crumbs < 0.01)) & (crumbs < 0.99)
    parts = (np.indices(shape) // np.reshape([9, 11, 8], (3, 1, 1, 1)) * np.reshape([1, 3, 9], (3, 1, 1, 1))).sum(0)
    labels: npt.NDArray[Any] = np.where(inside, parts % 7 + 1, 0).astype(dtype)
    return labels


def random_grey(seed: int = 0, *, shape: Triple = SHAPE, dtype: str = "uint8") -> npt.NDArray[Any]:
    """Smooth grey values ``(z, y, x)`` over the whole range of a type that volumes are stored in, of `STORED`."""
    smooth = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=shape), 1.0)
    return stored_as(dtype, np.interp(smooth, (smooth.min(), smooth.max()), (0, 255)))


def stored_as(dtype: npt.DTypeLike, grey: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Levels ``grey`` of 0..255 as a volume of ``dtype`` stores them.

    >>> [stored_as(dtype, np.array([255.0])).item() for dtype in STORED]
    [255, 65535, 1.0]
    """
    stored: npt.NDArray[Any] = (grey * STORED[str(dtype)]).astype(dtype)
    return stored


def as_volume(array: npt.NDArray[Any], voxel_size: VoxelSize, **more: Any) -> Volume:
    """``array`` as a volume in memory, stored in chunks; what it gives may be written to and changes nothing."""
    identity = {"uri": "memory", "sum": int(array.sum())}
    return Volume(
        array=_Copied(array),
        voxel_size=voxel_size,
        uri="memory",
        format="memory",
        chunks=(8, 8, 8),
        identity=identity,
        **more,
    )


class _Copied:
    """A `LazyArray` of what lies in memory."""

    def __init__(self, array: npt.NDArray[Any]) -> None:
        self._array = array
        self.shape: tuple[int, ...] = array.shape
        self.dtype: np.dtype[Any] = array.dtype

    def __getitem__(self, key: Any) -> npt.NDArray[Any]:
        return np.array(self._array[key])


def tried_params(stage: HasParams, uses: Sequence[Mapping[str, Any]]) -> list[Any]:
    """The parameters that ``stage`` is tried with: its defaults, where all have one, and those of its ``uses``.

    Raises
    ------
    NotChecked
        There are none.
    PluginError
        A use gives it a parameter that it does not take.
    """
    required = [field.name for field in attrs.fields(resolve(stage.params)) if field.default is attrs.NOTHING]
    values: list[Mapping[str, Any]] = [*([] if required else [{}]), *uses]
    if not values:
        raise NotChecked(f"nothing says what {', '.join(required)} is: give it a default, or use it in an organelle")
    return [make_params(stage, each) for each in values]


def differing(found: npt.NDArray[Any], expected: npt.NDArray[Any]) -> str:
    """How many voxels differ, and where the first is; empty where none is. NaN equals NaN."""
    same = (found == expected) | ((found != found) & (expected != expected))
    if same.all():
        return ""
    first = ",".join(str(int(i)) for i in np.argwhere(~same)[0])
    return f"{int((~same).sum()):,} of {same.size:,} voxels differ, the first at {first} (z,y,x)"
