"""Whether a volume holds labels or probabilities, and where the organelle is in either."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from asem_core.errors import VolumeError
from asem_core.volume.address import locate
from asem_core.volume.formats import zarr_node
from asem_core.volume.formats.ome import PROVENANCE
from asem_core.volume.layout import OME_LABELS, PUBLISHED_LABELS
from asem_core.volume.volume import Volume

Kind = Literal["labels", "probabilities"]


def kind_of(volume: Volume) -> Kind:
    """Floats are probabilities, integers wider than a byte labels; of bytes, where the volume lies must tell.

    Raises
    ------
    VolumeError
        uint8 that is neither part of an OME-Zarr (an image is probabilities, a label image labels) nor below
        ``volumes/labels``.
    """
    if volume.dtype.kind == "f":
        return "probabilities"
    if volume.dtype != np.uint8:
        return "labels"
    place = locate(volume.uri)
    image = zarr_node.pyramid_of(place) or place
    if f"/{PUBLISHED_LABELS}/" in volume.uri or zarr_node.is_label_image(image):
        return "labels"
    if zarr_node.multiscale(image) is not None:
        return "probabilities"
    raise VolumeError(
        f"{volume.uri} holds uint8, which may be labels or probabilities (0..255): say --kind labels or "
        "--kind probabilities"
    )


def image_of_labels(labels: Volume) -> str | None:
    """The address of the OME-Zarr image that ``labels``, or what it is a level of, is a label image of; else None."""
    place = locate(labels.uri)
    node = zarr_node.pyramid_of(place) or place
    if node.parent.name != OME_LABELS or zarr_node.multiscale(node) is None:
        return None
    image = node.parent.parent
    return None if zarr_node.multiscale(image) is None else str(image)


def holds_probabilities(image: str) -> bool:
    """Whether the OME-Zarr image at the address ``image`` says that ASEM made it a probability map."""
    stated = zarr_node.attributes(locate(image)).get(PROVENANCE)
    return isinstance(stated, Mapping) and (
        stated.get("made_by") == "asem segment" or stated.get("kind") == "probabilities"
    )


def foreground(values: npt.NDArray[Any], *, kind: Kind, threshold: float) -> npt.NDArray[np.bool_]:
    """Where labels are not 0, or probabilities (of integers the largest value is 1) at least ``threshold``.

    >>> foreground(np.array([127, 128], np.uint8), kind="probabilities", threshold=0.5).tolist()
    [False, True]
    """
    if kind == "labels":
        return np.asarray(values != 0)
    scale = np.iinfo(values.dtype).max if values.dtype.kind == "u" else 1
    return np.asarray(values >= threshold * scale)
