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
from asem_core.volume.grey import sample_boxes
from asem_core.volume.layout import OME_LABELS, PUBLISHED_LABELS
from asem_core.volume.volume import Volume

Kind = Literal["labels", "probabilities"]
_MOST_UNEQUAL = 0.5
"""Share of neighbouring voxels, neither of them 0 or the largest value, that hold different ones. Measured: 0.9 and
more in EM of 8 bits; in labels only surfaces where two objects touch count, however small the objects are."""
_FEW_VALUES = 8
"""Up to as many, an image is taken for labels, whatever it looks like."""


def kind_of(volume: Volume, *, option: str = "--kind ") -> Kind:
    """Floats are probabilities, integers wider than a byte labels; of bytes, where the volume lies must tell.

    Parameters
    ----------
    option
        How the user says it, for the message.

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
        f"{volume.uri} holds uint8, which may be labels or probabilities (0..255): say {option}labels or "
        f"{option}probabilities"
    )


def stated_kind(volume: Volume, kind: Kind | None, *, option: str = "--kind ") -> Kind:
    """``kind`` as the user says it, where ``volume`` can hold that; `kind_of` where nothing is said.

    Raises
    ------
    VolumeError
        Its values cannot be what is said: floats are no labels, and only unsigned integers of 8 or 16 bits are
        probabilities as well. Also see `kind_of`.
    """
    if kind is None:
        return kind_of(volume, option=option)
    if volume.dtype not in (np.uint8, np.uint16) and kind != kind_of(volume):
        raise VolumeError(f"{volume.uri} holds {volume.dtype}, which is {kind_of(volume)}: leave {option}{kind} out")
    return kind


def check_is_labels(volume: Volume, *, role: str = "labels") -> None:
    """Look at a sample of what is to be labels, called ``role`` in messages.

    Raises
    ------
    VolumeError
        Real numbers; a grey image or a probability map: neighbouring voxels differ nearly everywhere, but for where a
        network is sure.
    """
    if volume.dtype.kind not in "iub":
        raise VolumeError(
            f"{volume.uri} holds {volume.dtype}, but {role} must be whole numbers, 0 for background; "
            "threshold probabilities or convert the volume first"
        )
    if volume.dtype == np.bool_:
        return
    values, pairs, unequal = set[int](), 0, 0
    sure = np.iinfo(volume.dtype).max
    for box in sample_boxes(volume):
        block = volume.read(box)
        if len(values) <= _FEW_VALUES:
            values.update(np.unique(block)[: _FEW_VALUES + 1].tolist())
        counted = (block != 0) & (block != sure)
        inside = counted[:, :, 1:] & counted[:, :, :-1]
        pairs += int(np.count_nonzero(inside))
        unequal += int(np.count_nonzero(inside & (block[:, :, 1:] != block[:, :, :-1])))
    if len(values) > _FEW_VALUES and unequal > _MOST_UNEQUAL * pairs:
        raise VolumeError(
            f"{volume.uri}: {unequal / pairs:.0%} of neighbouring voxels differ: {role} are 0 and ids of objects, this "
            "looks like a grey image or a probability map; give the labels, or a level of them"
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
