"""What every output says of how it was made, under `asem_core.volume.formats.ome_write.PROVENANCE`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from asem_core.geometry import Box
from asem_core.volume.address import locate
from asem_core.volume.formats import zarr_node
from asem_core.volume.formats.ome import PROVENANCE
from asem_core.volume.volume import Volume

_DEEPEST = 3
"""Folders between a level of a label image and the image that holds the provenance."""


def provenance(made_by: str, source: Volume, *, part: Box | None = None, **more: Any) -> dict[str, Any]:
    """Command, version, source and section number of an output on the grid of ``source``; JSON types.

    Parameters
    ----------
    made_by
        The command, such as ``"asem mask"``.
    source
        What the output was made from.
    part
        The voxels of ``source`` that it holds; by default all.
    more
        What this command adds; a value named as one of ours replaces it.
    """
    from importlib_metadata import version

    box = part or source.box
    return {
        "made_by": made_by, "asem_core": version("asem-core"), "source": dict(source.identity),
        "source_shape": list(source.shape), "roi": str(box),
        "first_section": source.first_section + box.start[0], "notes": list(source.notes),
        # An OME-Zarr states a position in any case: this says that it means nothing.
        **({} if source.placed or box != source.box else {"placed": False}), **more,
    }  # fmt: skip


def maker(volume: Volume) -> dict[str, Any]:
    """Which command of ours made the OME-Zarr that ``volume`` lies in, of which version, with which model.

    Returns
    -------
    dict
        ``made_by``, ``asem_core``, and of predictions ``model`` (``id``, ``version``, ``sha256``). Empty where nothing
        is said.
    """
    found = _found(volume)
    model = found.get("settings", {}).get("model")
    return {key: found[key] for key in _MADE if key in found} | ({"model": model} if model else {})


def source_of(volume: Volume) -> Mapping[str, Any] | None:
    """Identity of the image that the OME-Zarr was made from in which ``volume`` lies (``uri``, ``digest``); None where
    nothing is said."""
    source = _found(volume).get("source")
    return source if isinstance(source, Mapping) and "uri" in source else None


_MADE = ("made_by", "asem_core")


def _found(volume: Volume) -> Mapping[str, Any]:
    node = locate(str(volume.identity.get("uri", volume.uri)))
    for _ in range(_DEEPEST + 1):
        found = zarr_node.attributes(node).get(PROVENANCE)
        if isinstance(found, Mapping) and found.keys() >= set(_MADE):
            return found
        node = node.parent
    return {}
