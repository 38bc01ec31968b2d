"""Volumes: open, check, stage, convert. Importing this package reads no image library; opening a volume does."""

from asem_core.volume.opening import open_labels, open_volume
from asem_core.volume.source import Source
from asem_core.volume.volume import LazyArray, Volume

__all__ = ["LazyArray", "Source", "Volume", "open_labels", "open_volume"]
