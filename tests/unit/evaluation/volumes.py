"""Volumes in memory, and what reading them was asked for."""

from __future__ import annotations

import numpy as np

from asem_core.geometry import VoxelSize
from asem_core.volume.volume import Volume


def volume(array, *, voxel_size=(5, 5, 5), at=(0, 0, 0), name="memory", planewise=False):
    chunks = (1, *array.shape[1:]) if planewise else (64, 64, 64)
    return Volume(
        array=array,
        voxel_size=VoxelSize(voxel_size),
        lower_edge_nm=tuple(map(float, at)),
        uri=name,
        format="memory",
        chunks=chunks,
        identity={"digest": name},
    )


class Counting:
    """An array that notes which z indices were read, and the largest piece."""

    def __init__(self, array):
        self.array, self.shape, self.dtype = array, array.shape, array.dtype
        self.planes, self.largest = [], 0

    def __getitem__(self, key):
        piece = self.array[key]
        self.planes.extend(range(*key[0].indices(self.shape[0])))
        self.largest = max(self.largest, piece.size)
        return piece


def blobs(shape, seed, *, share=0.4):
    from scipy import ndimage

    smooth = ndimage.gaussian_filter(np.random.default_rng(seed).random(shape), 1.5)
    return (smooth > np.quantile(smooth, 1 - share)).astype(np.uint8)
