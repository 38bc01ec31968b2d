"""Volumes: open, check, stage, convert. Importing this package reads no image library; opening a volume does.

===============  ==============================================================================
``volume``       `Volume`: lazy voxels with their size and place; ``lazy``: as xarray; ``window``: a box of one
``opening``      `open_volume`, `open_labels`; ``address``: paths and URLs; ``layout``: labels inside a file
``source``       what a reader gives; ``formats``: the readers and writers
``stated``       what a file says of size, place and axes, and what is made of it; ``units``, ``axes``: parts of that
``kind``         labels or probabilities
``facts``        what `asem info` says; ``check``: values that no later step could use
``staging``      plane-wise sources as chunks, slab by slab; ``pyramid``: halving images and labels
``output``       complete or absent, replaced only on request; ``provenance``: how it was made
``places``       what is done to a disk or a bucket; ``lease``: who writes in a bucket; ``s3_session``: its requests end
``convert``      a volume into another format
===============  ==============================================================================
"""

from typing import TYPE_CHECKING

from asem_core.lazy import lazy_names
from asem_core.volume.opening import as_volume, open_labels, open_volume
from asem_core.volume.provenance import provenance
from asem_core.volume.source import Source
from asem_core.volume.stated import Lengths, Stated
from asem_core.volume.volume import LazyArray, Volume
from asem_core.volume.window import window

if TYPE_CHECKING:
    from asem_core.volume.address import Location, absolute, is_remote, locate, read_bytes, remembering
    from asem_core.volume.check import WRITE_ANEW, check_grey, check_values, graded, settled_range
    from asem_core.volume.container import with_levels
    from asem_core.volume.contents import is_as_written, record_contents
    from asem_core.volume.facts import describe
    from asem_core.volume.formats.ome_write import (
        FOLDERS,
        IMAGE,
        ArrayPlan,
        OmeOutput,
        OmePlan,
        build_pyramid,
        create_ome_zarr,
    )
    from asem_core.volume.formats.zarr_node import is_label_image, pyramid_of
    from asem_core.volume.grey import GreyRange, measure_grey, scattered_boxes
    from asem_core.volume.kind import check_is_labels, holds_probabilities, image_of_labels, kind_of
    from asem_core.volume.layout import label_names
    from asem_core.volume.output import Replaceable, check_destination, check_folder, complete_or_absent, held
    from asem_core.volume.provenance import maker
    from asem_core.volume.staging import slabs_of, staged_bytes

__all__ = [
    "FOLDERS", "IMAGE", "WRITE_ANEW", "ArrayPlan", "GreyRange", "LazyArray", "Lengths", "Location", "OmeOutput",
    "OmePlan", "Replaceable", "Source", "Stated", "Volume", "absolute", "as_volume", "build_pyramid",
    "check_destination", "check_folder", "check_grey", "check_is_labels", "check_values", "complete_or_absent",
    "create_ome_zarr", "describe", "graded", "held", "holds_probabilities", "image_of_labels", "is_as_written",
    "is_label_image", "is_remote", "kind_of", "label_names", "locate", "maker", "measure_grey", "open_labels",
    "open_volume", "provenance", "pyramid_of", "read_bytes", "record_contents", "remembering", "scattered_boxes",
    "settled_range", "slabs_of", "staged_bytes", "window", "with_levels",
]  # fmt: skip
__getattr__, __dir__ = lazy_names(__name__)
