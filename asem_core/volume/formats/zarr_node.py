"""Zarr hierarchies, local or remote, told apart by their metadata files alone: nothing here imports zarr."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from asem_core.volume.address import Location, names_in, read_bytes, read_json

Kind = Literal["array", "group"]

METADATA_FILES = ("zarr.json", ".zarray", ".zgroup", ".zattrs")


def kind(path: Location) -> Kind | None:
    """Whether the folder ``path`` is a Zarr array or group of format 2 or 3, or neither."""
    version3 = read_json(path / "zarr.json")
    if version3 is not None:
        node = version3.get("node_type")
        return node if node in ("array", "group") else None
    if read_bytes(path / ".zarray") is not None:
        return "array"
    return "group" if any(read_bytes(path / name) is not None for name in (".zgroup", ".zattrs")) else None


def attributes(path: Location) -> Mapping[str, Any]:
    """User attributes of the node ``path``; empty where there are none."""
    version3 = read_json(path / "zarr.json")
    if version3 is not None:
        found = version3.get("attributes", {})
        return found if isinstance(found, Mapping) else {}
    return read_json(path / ".zattrs") or {}


def dimension_names(path: Location) -> list[str] | None:
    """Names that Zarr 3 gives to the axes of the array ``path``; None where it gives none."""
    names = (read_json(path / "zarr.json") or {}).get("dimension_names")
    return [str(name) for name in names] if isinstance(names, list) and any(names) else None


def multiscale(path: Location) -> Mapping[str, Any] | None:
    """Attributes that carry ``multiscales`` (those under ``ome`` for OME-Zarr 0.5), or None: no OME-Zarr image."""
    found = attributes(path)
    ome = found.get("ome")
    for candidate in (ome, found):
        if isinstance(candidate, Mapping) and candidate.get("multiscales"):
            return candidate
    return None


def pyramid_of(path: Location) -> Location | None:
    """The OME-Zarr image that the array ``path`` is a level of, or None. Levels may lie in groups of the image."""
    if kind(path) != "array":
        return None
    image = path.parent
    for _ in range(_DEEPEST):
        if kind(image) != "group":
            return None
        if str(path) in [str(image / level) for level in levels(image)]:
            return image
        image = image.parent
    return None


_DEEPEST = 3
"""Groups above an array in which an image is looked for that has it as a level."""


def is_label_image(path: Location) -> bool:
    """Whether the OME-Zarr image ``path`` says that it holds labels: by metadata, reduction by mode, or its place."""
    found = multiscale(path) or {}
    return "image-label" in found or path.parent.name == "labels" or reduction(path) == "mode"


def reduction(image: Location) -> str | None:
    """How the OME-Zarr image ``image`` says that its levels were made, such as ``"mode"``; None where it does not."""
    found = _first(multiscale(image) or {}).get("type")
    return found if isinstance(found, str) else None


def _first(found: Mapping[str, Any]) -> Mapping[str, Any]:
    multiscales = found.get("multiscales")
    first = multiscales[0] if isinstance(multiscales, list) and multiscales else {}
    return first if isinstance(first, Mapping) else {}


def levels(image: Location) -> list[str]:
    """Paths of the levels of the OME-Zarr image ``image``, the finest first; none where there is no image."""
    datasets = _first(multiscale(image) or {}).get("datasets", [])
    entries = datasets if isinstance(datasets, list) else []
    return [entry["path"] for entry in entries if isinstance(entry, Mapping) and isinstance(entry.get("path"), str)]


def children(path: Location) -> list[str]:
    """Names of the arrays and groups directly in ``path``, sorted: listed, or as an OME-Zarr states its ``labels``."""
    if isinstance(path, Path):
        return [name for name in names_in(path) if (path / name).is_dir() and kind(path / name)]
    stated = {**attributes(path), **attributes(path).get("ome", {})}.get("labels")
    names = {str(name) for name in stated} if isinstance(stated, list) else set()
    return sorted(name for name in names.union(names_in(path)) if kind(path / name))


def metadata_bytes(path: Location) -> bytes:
    """The raw metadata of the node ``path``, for digests."""
    found = (read_bytes(path / name) for name in METADATA_FILES)
    return b"\0".join(content for content in found if content is not None)
