"""Volumes: open, check, stage, convert. Importing this package reads no image library; opening a volume does.

===============  ==============================================================================
``volume``       `Volume`: lazy voxels with their size and place; ``lazy``: as xarray; ``window``: a box of one
``opening``      `open_volume`, `open_labels`; ``address``: paths and URLs; ``layout``: labels inside a file
``source``       what a reader gives; ``formats``: the readers and writers
``describe``     what `asem info` says; ``check``: values that no later step could use
``staging``      plane-wise sources as chunks, slab by slab; ``pyramid``: halving images and labels
``output``       complete or absent, replaced only on request; ``provenance``: how it was made
``convert``      a volume into another format
===============  ==============================================================================
"""

from asem_core.volume.opening import open_labels, open_volume
from asem_core.volume.source import Source
from asem_core.volume.volume import LazyArray, Volume

__all__ = ["LazyArray", "Source", "Volume", "open_labels", "open_volume"]
