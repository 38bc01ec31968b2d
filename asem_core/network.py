"""The numbers of our network, for whoever cuts tiles, writes packages or reads them; `asem_core.training.unet` is it.

::

    |<- 2 ->|<--- 47 --->|<- 3 ->|<-------- kept: 8, 16, 24 ... -------->|<- 3 ->|<--- 47 --->|<- 2 ->|
    crop     convolutions  spare                                            spare  convolutions    crop
    |<-------- RIM ------>|
    |<------------- TILE_HALO ----------->|
"""

from __future__ import annotations

LEVELS = 4
"""Of the U-Net: each but the last ends with a max-pooling by two."""
POOLING = 2 ** (LEVELS - 1)
"""Voxels per axis of the largest pooling block. What lies a multiple of it apart is pooled alike."""
CONTEXT = 94
"""Voxels by which the network's output is smaller than its input, per axis: 47 at each end."""
PACKAGE_CROP = 2
"""Voxels per side that the exported graph removes from its input before the U-Net, for equivariance."""
RIM = PACKAGE_CROP + CONTEXT // 2
"""Voxels at each face of the graph's output that are no prediction, but zero padding."""
SPARE = 3
"""Valid voxels around what a tile keeps: the halo of a two-fold upsampling."""
TILE_HALO = RIM + SPARE
"""Voxels read around what a tile keeps."""
LEAST_SIDE = POOLING + 2 * TILE_HALO
"""Smallest input of the graph that keeps anything."""
