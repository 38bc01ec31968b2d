"""Zarr hierarchies on disk, told apart by their metadata files alone: nothing here imports zarr."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from asem_core.errors import VolumeError

Kind = Literal["array", "group"]

METADATA_FILES = ("zarr.json", ".zarray", ".zgroup", ".zattrs")


def kind(path: Path) -> Kind | None:
    """Whether the folder ``path`` is a Zarr array or group of format 2 or 3, or neither."""
    if (path / "zarr.json").is_file():
        node = _read(path / "zarr.json").get("node_type")
        return node if node in ("array", "group") else None
    if (path / ".zarray").is_file():
        return "array"
    if (path / ".zgroup").is_file() or (path / ".zattrs").is_file():
        return "group"
    return None


def attributes(path: Path) -> Mapping[str, Any]:
    """User attributes of the node ``path``; empty where there are none."""
    if (path / "zarr.json").is_file():
        found = _read(path / "zarr.json").get("attributes", {})
        return found if isinstance(found, Mapping) else {}
    return _read(path / ".zattrs") if (path / ".zattrs").is_file() else {}


def multiscale(path: Path) -> Mapping[str, Any] | None:
    """Attributes that carry ``multiscales`` (those under ``ome`` for OME-Zarr 0.5), or None: no OME-Zarr image."""
    found = attributes(path)
    ome = found.get("ome")
    for candidate in (ome, found):
        if isinstance(candidate, Mapping) and candidate.get("multiscales"):
            return candidate
    return None


def pyramid_of(path: Path) -> Path | None:
    """The OME-Zarr image that the array ``path`` is a level of, or None."""
    if kind(path) != "array" or kind(path.parent) != "group":
        return None
    levels = _levels(multiscale(path.parent) or {})
    return path.parent if path.name in levels else None


def is_label_image(path: Path) -> bool:
    """Whether the OME-Zarr image ``path`` says that it holds labels: by metadata, reduction by mode, or its place."""
    found = multiscale(path) or {}
    return "image-label" in found or path.parent.name == "labels" or _first(found).get("type") == "mode"


def _first(found: Mapping[str, Any]) -> Mapping[str, Any]:
    multiscales = found.get("multiscales")
    first = multiscales[0] if isinstance(multiscales, list) and multiscales else {}
    return first if isinstance(first, Mapping) else {}


def _levels(found: Mapping[str, Any]) -> list[Any]:
    datasets = _first(found).get("datasets", [])
    return [entry.get("path") for entry in datasets if isinstance(entry, Mapping)] if isinstance(datasets, list) else []


def children(path: Path) -> list[str]:
    """Names of the arrays and groups directly in ``path``, sorted."""
    if not path.is_dir():
        return []
    return sorted(child.name for child in path.iterdir() if child.is_dir() and kind(child))


def metadata_bytes(path: Path) -> bytes:
    """The raw metadata of the node ``path``, for digests."""
    files = [path / name for name in METADATA_FILES]
    return b"\0".join(file.read_bytes() for file in files if file.is_file())


def _read(path: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise VolumeError(f"{path}: cannot read the Zarr metadata: {exc}") from exc
    if not isinstance(found, Mapping):
        raise VolumeError(f"{path}: expected a JSON object, found {type(found).__name__}")
    return found
