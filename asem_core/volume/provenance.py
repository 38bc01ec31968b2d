"""What every output says of how it was made, under `asem_core.volume.ome_write.PROVENANCE`."""

from __future__ import annotations

from typing import Any

from asem_core.geometry import Box
from asem_core.volume.volume import Volume


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
        "first_section": source.first_section + box.start[0], "notes": list(source.notes), **more,
    }  # fmt: skip
