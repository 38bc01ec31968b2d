"""Outputs that are not whole say so themselves, wherever they are moved to, and are not taken for data.

The mark stands in the attributes of an OME-Zarr, beside its provenance, from before the first voxel until every block
has been verified. TIFF has no place for it: sections are written under a hidden name until they are whole, in a folder
that holds the mark as a file. What replaces an earlier output is hidden too, so that the earlier one stays until then.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from asem_core.errors import UnfinishedError, VolumeError
from asem_core.volume.address import Location, locate, read_json
from asem_core.volume.formats import zarr_node
from asem_core.volume.formats.ome import PROVENANCE
from asem_core.volume.places import read, told, write

UNFINISHED = "unfinished"
"""Under the provenance of an output: what `Unfinished` holds."""
MARK_FILE = "asem-unfinished.json"
"""The same in a folder of TIFF sections."""


@attrs.frozen(kw_only=True)
class Unfinished:
    """What an unfinished output says of itself."""

    command: str
    """What finishes it."""
    fingerprint: str
    """Of the run, see `asem_core.blocks.journal.Head`."""

    @property
    def mark(self) -> dict[str, Any]:
        """For the output; JSON types."""
        return attrs.asdict(self)


def unfinished_place(destination: Path) -> Path:
    """The hidden name under which what will be ``destination`` is written."""
    return destination.with_name(f".{destination.name}.unfinished")


def find_unfinished(path: Location) -> Unfinished | None:
    """The mark of the output that ``path`` is or lies in, through whatever links; None where there is none."""
    path = path.resolve() if isinstance(path, Path) else path
    for node in (path, *path.parents):
        try:
            if zarr_node.kind(node) is None:
                break
            provenance = zarr_node.attributes(node).get(PROVENANCE)
        except VolumeError:
            if node == path:
                raise
            break  # a server that has nothing to say of what is above
        found = _parse(provenance.get(UNFINISHED)) if isinstance(provenance, Mapping) else None
        if found is not None:
            return found
    if not isinstance(path, Path):
        return None
    return _parse(read_json((path if path.is_dir() else path.parent) / MARK_FILE))


def refuse_unfinished(uri: str) -> None:
    """Refuse a volume that is part of an unfinished output.

    Raises
    ------
    UnfinishedError
        The message names the command that finishes it.
    """
    note = unfinished_note(uri)
    if note is not None:
        raise UnfinishedError(f"{note} (or look at it as it is with --allow-unfinished)")


def unfinished_note(uri: str) -> str | None:
    """That the volume ``uri`` is part of an unfinished output, and how to finish it; None where it is whole."""
    found = find_unfinished(locate(uri))
    if found is None:
        return None
    return f"{uri} is unfinished: its run was stopped or failed, or goes on; finish it with: {found.command}"


def mark_finished(path: Location) -> None:
    """Take the mark away from the OME-Zarr ``path``, which is whole."""
    _change(path, None)


def mark_unfinished(path: Location, mark: Unfinished) -> None:
    """Mark the OME-Zarr ``path``, which is about to be written, repaired or removed."""
    _change(path, mark)


def _change(path: Location, mark: Unfinished | None) -> None:
    import zarr

    from asem_core.volume.formats.zarr_array import store_at

    with told(path):
        if not isinstance(path, Path) and read(path / ".zattrs") is not None and read(path / ".zgroup") is None:
            write(path / ".zgroup", b'{"zarr_format": 2}')  # a kill came between the two
        root = zarr.open_group(store_at(path), mode="r+")
        found = root.attrs.get(PROVENANCE)
        provenance = dict(found) if isinstance(found, Mapping) else {}
        if provenance.pop(UNFINISHED, None) != (mark and mark.mark):
            root.attrs[PROVENANCE] = {**provenance, **({} if mark is None else {UNFINISHED: mark.mark})}


def _parse(mark: object) -> Unfinished | None:
    if not isinstance(mark, Mapping):
        return None
    return Unfinished(command=str(mark.get("command", "")), fingerprint=str(mark.get("fingerprint", "")))
