"""Where images and labels lie inside containers, and what is at a path that no reader accepts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from pathlib import Path

from asem_core.errors import VolumeError
from asem_core.volume.address import Location, can_list, describe_absence, is_remote, locate, names_in, read_json
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


def label_names(uri: str) -> list[str]:
    """Names of the label images of the container ``uri``; none where it is an image itself."""
    folder = labels_folder(uri)
    return [] if folder is None or zarr_node.kind(folder) is None else zarr_node.children(folder)


def describe_path(uri: str) -> str:
    """In a few words, what is at ``uri``, which no reader accepts, and what to do: the ending of an error message."""
    path = locate(uri)
    node = zarr_node.kind(path)
    if node is None and is_remote(uri):
        return describe_absence(path)
    if node is None and not path.exists():
        return _absent(Path(uri))
    if path.is_file():
        return _unknown_file(path.name.lower())
    if node == "group":
        held = _inside(path, _is_zarr_image) or zarr_node.children(path)
        return f"a Zarr group without an image; it holds: {_some(held)}; give the path of an array"
    names = [name for name in names_in(path) if not name.startswith(".")]
    if not names:
        return "an empty folder"
    if _WEBKNOSSOS in names:
        held = [name for name in names if name != _WEBKNOSSOS]
        return (
            f"a dataset of WEBKNOSSOS; it holds: {_some(held)}; give the path of an array, such as color/1, where "
            "it is Zarr; WKW is not read: export it from WEBKNOSSOS as TIFF"
        )
    if _N5 in names:
        held = _inside(path, _is_n5_image) or [name for name in names if name != _N5]
        return f"an N5 group without an image; it holds: {_some(held)}; give the path of a data set"
    remedies = {_PICTURES: f"; {_AS_TIFF}", _DAT: f"; {_OF_JANELIA}"}
    remedy = next((said for kind, said in remedies.items() if any(name.lower().endswith(kind) for name in names)), "")
    return f"a folder without TIFF or PNG files; it holds: {_some(names)}{remedy}"


_WEBKNOSSOS, _N5 = "datasource-properties.json", "attributes.json"
_DEEPEST = 4
"""Folders in one another in which images are looked for: plates of OME-Zarr have rows, wells and fields."""


def _inside(path: Location, is_image: Callable[[Location], bool], deepest: int = _DEEPEST) -> list[str]:
    """The images in the local folder ``path``, by their paths from there."""
    found: list[str] = []
    for name in names_in(path) if isinstance(path, Path) else ():
        below = path / name
        if not below.is_dir():
            continue
        if is_image(below):
            found.append(name)
        elif deepest > 1:
            found += [f"{name}/{each}" for each in _inside(below, is_image, deepest - 1)]
    return found


def _is_zarr_image(path: Location) -> bool:
    return zarr_node.kind(path) == "array" or zarr_node.multiscale(path) is not None


def _is_n5_image(path: Location) -> bool:
    return "dimensions" in (read_json(path / _N5) or {})


_AS_TIFF = (
    "sections are read as a folder of TIFF or grey PNG: convert them, in Fiji with File > Import > Image Sequence and "
    "File > Save As > Tiff"
)
_PICTURES = (".png", ".jpg", ".jpeg", ".bmp")
_DAT = (".dat",)
_OF_JANELIA = (
    "raw sections of a FIB-SEM of Janelia, such as Merlin-6281_19-08-09_120426_0-0-0.dat, are read by the plugin "
    "asem-reader-jeiss, a folder at a time"
)
_ARCHIVES = (".zip", ".ozx", ".tar", ".gz", ".tgz", ".7z", ".rar", ".bz2", ".xz", ".zst")
_ELSEWHERE = {
    _PICTURES: _AS_TIFF,
    (".npz",): "save its array alone, with numpy.save, as .npy",
    (".czi", ".lif", ".nd2", ".dm3", ".dm4", ".vsi", ".oib", ".oir", ".lsm", ".sld"): "convert it to OME-Zarr, with "
    "bioformats2raw",
    (".xml",): "give the HDF5, N5, Zarr or TIFF that it describes",
    (".klb",): "convert it to TIFF or N5, in Fiji with BigDataViewer's KLB plugin, or in Python with pyklb",
    (".mrcs", ".st", ".ali"): "it is a stack of images, no volume: give the reconstruction (.mrc or .rec)",
    (".hdr", ".img", ".mha", ".mhd"): "convert it to NIfTI or NRRD, in Python with SimpleITK, or in 3D Slicer",
    _DAT: f"{_OF_JANELIA}; convert others to TIFF, for instance in Fiji",
    (".am", ".raw", ".vtk"): "convert it to TIFF, for instance in Fiji",
}
"""Formats that are not read, by their suffixes, and the way to one that is."""


def _unknown_file(name: str) -> str:
    for suffixes, remedy in _ELSEWHERE.items():
        if name.endswith(suffixes):
            return f"{Path(name).suffix} files are not read; {remedy}"
    if name.endswith(_ARCHIVES):
        return f"an archive ({Path(name).suffix}); unpack it and give what is in it"
    return (
        f"a file of an unknown kind ({Path(name).suffix or 'no suffix'}); a file is read that is TIFF, HDF5, Imaris, "
        "MRC (.mrc, .rec, .map), NIfTI, NRRD or NumPy's .npy"
    )


def _absent(path: Path) -> str:
    """Nothing is there: the nearest folder above that is, and what it holds."""
    above = next((parent for parent in path.parents if parent.exists()), None)
    if above is None:
        return "there is no such file or folder"
    names = [name for name in names_in(above) if not name.startswith(".")]
    near = get_close_matches(path.relative_to(above).parts[0], names, n=1)
    meant = f"; did you mean {near[0]}?" if near else f"; {above} holds: {_some(names)}" if names else ""
    return f"there is no such file or folder{meant}"


def _some(names: Sequence[str], most: int = 5) -> str:
    shown = ", ".join(names[:most]) or "nothing"
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown
