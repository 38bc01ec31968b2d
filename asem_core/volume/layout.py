"""Where images and labels lie inside containers, and what is at a path that no reader accepts."""

from __future__ import annotations

from collections.abc import Sequence

from asem_core.errors import VolumeError
from asem_core.volume.address import Location, can_list, describe_absence, is_remote, locate, names_in
from asem_core.volume.formats import zarr_node

PUBLISHED_RAW = "volumes/raw"
PUBLISHED_LABELS = "volumes/labels"
OME_LABELS = "labels"


def find_labels(uri: str, organelle: str) -> str:
    """The address of the labels of ``organelle``: inside a container, or ``uri`` itself when it is an image.

    Raises
    ------
    VolumeError
        The container has labels, but not these; the message lists them.
    """
    folder = labels_folder(uri)
    if folder is None:
        return uri
    if zarr_node.kind(folder / organelle) is None:
        names = zarr_node.children(folder)
        none = "it has none; if it is the label image, name a level: IMAGE.zarr/0"
        found = f"it has: {', '.join(names)}" if names else none if can_list(folder) else "the server lists no folders"
        raise VolumeError(f"{uri}: no labels {organelle!r} in {folder.name}/; {found}")
    return str(folder / organelle)


def labels_folder(uri: str) -> Location | None:
    """The group where the label images of the container ``uri`` belong; None where ``uri`` is an image itself."""
    root = locate(uri)
    if zarr_node.kind(root) != "group":
        return None
    if zarr_node.multiscale(root) is not None:
        return None if zarr_node.is_label_image(root) else root / OME_LABELS
    return root / PUBLISHED_LABELS


def describe_path(uri: str) -> str:
    """In a few words, what is at ``uri``: the ending of an error message."""
    path = locate(uri)
    node = zarr_node.kind(path)
    if node is None and is_remote(uri):
        return describe_absence(path)
    if node is None and not path.exists():
        return "there is no such file or folder"
    if path.is_file():
        return f"a file of an unknown kind ({path.suffix or 'no suffix'})"
    if node == "group":
        return f"a Zarr group without an image; it holds: {_some(zarr_node.children(path))}; give the path of an array"
    names = [name for name in names_in(path) if not name.startswith(".")]
    return f"a folder without TIFF files; it holds: {_some(names)}" if names else "an empty folder"


def _some(names: Sequence[str], most: int = 5) -> str:
    shown = ", ".join(names[:most]) or "nothing"
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown
