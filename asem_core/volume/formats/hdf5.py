"""Reader of HDF5: ``file.h5/path/of/the/data/set``, or a file with one 3D data set.

Voxels that cannot be read, since another file holds them or a filter is missing, are refused when the file is opened:
HDF5 gives zeros for the former.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from asem_core.errors import VolumeError
from asem_core.volume.address import stamp
from asem_core.volume.source import Source, unchunked
from asem_core.volume.stated import Lengths, Stated

if TYPE_CHECKING:
    import h5py

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
IMARIS = ".ims"
_MATLAB = 512
"""Bytes of text before the signature, in files of MATLAB 7.3."""
_BIG_DATA_VIEWER = re.compile(r"/t\d{5}/s\d{2}/\d+/cells")
_SIZES = ("element_size_um", "resolution", "voxel_size")
"""Attributes that state the voxel size, by priority; the first is in micrometres, whatever ``units`` says."""
PADDED = "Imaris pads its data to whole blocks; what it shows ends earlier: cut the rest off (asem convert --roi)"


class Hdf5Array:
    """A data set of an HDF5 file; opened anew for every read."""

    def __init__(self, file: Path, data: h5py.Dataset) -> None:
        self._file, self._name = file, data.name
        self.shape: tuple[int, ...] = data.shape
        self.dtype: np.dtype[Any] = data.dtype

    def __getitem__(self, key: Any) -> npt.NDArray[Any]:
        import h5py

        try:
            with h5py.File(self._file, "r") as opened:
                return np.asarray(opened[self._name][key])
        except (OSError, KeyError) as exc:
            raise VolumeError(f"{self._file}{self._name}: cannot be read: {exc}") from exc


def accepts(uri: str) -> bool:
    """Whether ``uri`` is an HDF5 file or a path inside one; a file of Imaris as a whole has a reader of its own."""
    path = Path(uri)
    return path.suffix.lower() != IMARIS and _file(path) is not None


def open_hdf5(uri: str) -> Source:
    """Open the data set, with what its attributes state: see `_stated`."""
    import h5py

    file = _file(Path(uri))
    if file is None:
        raise VolumeError(f"{uri}: no HDF5 file")
    try:
        with h5py.File(file, "r") as opened:
            data = _dataset(opened, Path(uri).relative_to(file).as_posix(), uri)
            _check_parts(file, data)
            _check_filters(file, data)
            array = Hdf5Array(file, data)
            return Source(
                array=array,
                stated=_stated(data),
                chunks=data.chunks or unchunked(array.shape),
                digest=" ".join([*(str(stamp(file.parent / name)) for name in (file.name, *_parts(data))), data.name]),
                notes=_notes(file, data),
            )
    except OSError as exc:
        if "unable to lock file" in str(exc):
            raise VolumeError(
                f"{file}: another program holds it open; close it there, or where none does, as on some network disks, "
                "set HDF5_USE_FILE_LOCKING=FALSE in the environment"
            ) from exc
        raise VolumeError(f"{file}: damaged HDF5 file: {exc}") from exc


def _file(path: Path) -> Path | None:
    for candidate in (path, *path.parents):
        if candidate.is_file():
            with candidate.open("rb") as opened:
                head = opened.read(_MATLAB + len(_SIGNATURE))
            return candidate if _SIGNATURE in (head[: len(_SIGNATURE)], head[_MATLAB:]) else None
    return None


def _dataset(file: h5py.File, name: str, uri: str) -> h5py.Dataset:
    import h5py

    found = file.get(name) if name != "." else None
    if isinstance(found, h5py.Dataset):
        return found
    if found is None and name != ".":
        raise VolumeError(f"{uri}: no data set {name!r}; it has: {_listed(file)}")
    group = file if found is None else found
    images = _images(group)
    if len(images) != 1:
        raise VolumeError(f"{uri}: expected one 3D data set, found {_listed(group)}; name one: FILE.h5/NAME")
    return images[0]


def _images(group: h5py.Group) -> list[h5py.Dataset]:
    import h5py

    found: list[h5py.Dataset] = []

    def visit(_: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and _is_image(item.shape):
            found.append(item)

    group.visititems(visit)
    return found


def _is_image(shape: Sequence[int] | None) -> bool:
    """Whether it has three axes beside those of length 1."""
    return shape is not None and len(shape) >= 3 and sum(length != 1 for length in shape) <= 3


def _listed(group: h5py.Group) -> str:
    return ", ".join(item.name.lstrip("/") for item in _images(group)) or "none"


def _parts(data: h5py.Dataset) -> list[str]:
    """The other files that hold voxels of a virtual data set, but for those that a pattern names."""
    names = dict.fromkeys(source.file_name for source in data.virtual_sources()) if data.is_virtual else ()
    return [name for name in names if "%" not in name and name != "."]


def _check_parts(file: Path, data: h5py.Dataset) -> None:
    """Refuse a virtual data set of which a file is not there."""
    names = _parts(data)
    missing = [name for name in names if not (file.parent / name).is_file()]
    if missing:
        raise VolumeError(
            f"{file}{data.name}: its voxels lie in {len(names)} files, of which {missing[0]} is not there; put all of "
            "them where they were, relative to this file"
        )


def _check_filters(file: Path, data: h5py.Dataset) -> None:
    """Refuse voxels that were compressed by a filter that is not here; those of hdf5plugin are, where it is."""
    import h5py

    made = data.id.get_create_plist()
    filters = [made.get_filter(number) for number in range(made.get_nfilters())]
    if all(h5py.h5z.filter_avail(found[0]) for found in filters):
        return
    with suppress(ImportError):
        import_module("hdf5plugin")
    for code, _, _, name in filters:
        if not h5py.h5z.filter_avail(code):
            called = f" ({name.decode('utf-8', 'replace')})" if name else ""
            raise VolumeError(
                f"{file}{data.name}: its voxels are compressed by filter {code}{called}, which is not installed: pip "
                "install hdf5plugin, or write the data set with gzip"
            )


def _stated(data: h5py.Dataset) -> Stated:
    """From attributes of ``data``: the size by `_SIZES`, ``offset`` of the lower edge, axes by `_axes`.

    A size that stands on the group is that of ``data`` if no other image lies there.
    """
    size, above = _size_of(data), _size_of(data.parent)
    holder: h5py.HLObject = data
    unclear: tuple[str, ...] = ()
    if size is None and above is not None:
        images = len(_images(data.parent))
        if images == 1:
            holder, size = data.parent, above
        else:
            unclear = (
                f"attribute {above!r} stands on {data.parent.name}, which holds {images} images: of which is it?",
            )
    units = holder.attrs.get("units", holder.attrs.get("unit", "nm"))
    placed = data if "offset" in data.attrs else holder
    return Stated(
        axes=_axes(data),
        size=None if size is None else _lengths(holder, size, "um" if size == _SIZES[0] else units),
        edge=_lengths(placed, "offset", units) if "offset" in placed.attrs else None,
        unsigned=_is_big_data_viewer(data),
        unclear=unclear,
    )


def _size_of(node: h5py.HLObject) -> str | None:
    """Which attribute of ``node`` states a voxel size."""
    return next((name for name in _SIZES if name in node.attrs), None)


def _lengths(node: h5py.HLObject, name: str, units: Any) -> Lengths:
    return Lengths(values=_attribute(node, name), units=units, where=f"attribute {name!r}")


def _axes(data: h5py.Dataset) -> Sequence[object] | None:
    """Names of the axes: ilastik's ``axistags`` (JSON), ``axis_names``, labels or scales of dimensions."""
    tags = _attribute(data, "axistags")
    try:
        found = json.loads(tags) if isinstance(tags, str | bytes) else None
    except ValueError:
        found = None
    axes = found.get("axes") if isinstance(found, Mapping) else None
    if isinstance(axes, list) and all(isinstance(axis, Mapping) for axis in axes):
        return [axis.get("key") for axis in axes]
    named = _attribute(data, "axis_names")
    if isinstance(named, np.ndarray):
        return list(named)
    labels = [dim.label or ((dim[0].name or "").rpartition("/")[2] if len(dim) else "") for dim in data.dims]
    return labels if any(labels) else None


def _attribute(node: h5py.HLObject, name: str) -> Any:
    """As h5py reads it; None where it is not there."""
    return node.attrs.get(name)


def _is_big_data_viewer(data: h5py.Dataset) -> bool:
    return data.dtype == np.int16 and _BIG_DATA_VIEWER.fullmatch(data.name) is not None


def _notes(file: Path, data: h5py.Dataset) -> tuple[str, ...]:
    notes = []
    if _is_big_data_viewer(data):
        notes.append(
            "BigDataViewer stores uint16 as int16: read as uint16; its voxel size is in the XML file beside it"
        )
    if "DataSetInfo" in data.file:
        notes.append(PADDED)
    with file.open("rb") as opened:
        if opened.read(len(_SIGNATURE)) != _SIGNATURE:
            notes.append(
                "MATLAB counts the other way round: an array (x,y,z) there is z,y,x here; of one that is (y,x,z) "
                "there, as imread makes it, x and y are swapped here"
            )
    return tuple(notes)
