"""Whether a volume holds labels or probabilities, and where the organelle is in either."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from asem_core.errors import VolumeError
from asem_core.volume.address import locate
from asem_core.volume.formats import zarr_node
from asem_core.volume.layout import PUBLISHED_LABELS
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


def foreground(values: npt.NDArray[Any], *, kind: Kind, threshold: float) -> npt.NDArray[np.bool_]:
    """Where labels are not 0, or probabilities (of integers the largest value is 1) at least ``threshold``.

    >>> foreground(np.array([127, 128], np.uint8), kind="probabilities", threshold=0.5).tolist()
    [False, True]
    """
    if kind == "labels":
        return np.asarray(values != 0)
    scale = np.iinfo(values.dtype).max if values.dtype.kind == "u" else 1
    return np.asarray(values >= threshold * scale)
