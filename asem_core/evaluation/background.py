"""The image that a segmentation was made from, for the background of pictures."""

from __future__ import annotations

from asem_core.errors import AsemError
from asem_core.grid.place import Placed, place, place_beside
from asem_core.registry import Registry
from asem_core.volume.opening import as_volume
from asem_core.volume.provenance import maker, source_of
from asem_core.volume.volume import Volume

_SEGMENT = "asem segment"
"""What other verbs make may come from labels."""


def raw_behind(prediction: Volume, labels: Volume, *, registry: Registry) -> tuple[Volume | None, str]:
    """The raw image of ``prediction`` as its provenance names it, and what to say about it.

    Parameters
    ----------
    prediction, labels
        ``(z, y, x)``; the image must lie on the grid of ``labels``.
    registry
        Where readers come from.

    Returns
    -------
    Volume or None
        None: nothing is said of an image, or it is not there any more, not as it was, or on another grid.
    str
        Which image it is, or why there is none.
    """
    source = source_of(prediction) if maker(prediction).get("made_by") == _SEGMENT else None
    if source is None:
        return None, f"{prediction.uri} does not say which image `{_SEGMENT}` made it from"
    try:
        raw = as_volume(str(source["uri"]), registry=registry, voxel_size=prediction.voxel_size, only_if_unstated=True)
        frame = Placed(volume=labels, start=(0, 0, 0), by="shape")
        place_beside(raw, frame, place(prediction, labels))
    except AsemError as exc:
        return None, str(exc)
    if raw.identity["digest"] != source.get("digest"):
        return None, f"{raw.uri} has changed since"
    return raw, f"{raw.uri}, from which the segmentation was made"
