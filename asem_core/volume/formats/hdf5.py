"""Reader of HDF5: ``file.h5/path/of/the/data/set``, or a file with one 3D data set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from asem_core.errors import GeometryError, VolumeError
from asem_core.geometry import FloatTriple, VoxelSize, triple
from asem_core.volume.address import stamp
from asem_core.volume.formats.zarr_array import leading_ones
from asem_core.volume.source import Source, unchunked

if TYPE_CHECKING:
    import h5py

_SIGNATURE = b"\x89HDF\r\n\x1a\n"


class Hdf5Array:
    """A data set of an HDF5 file, leading axes of length 1 dropped; opened anew for every read."""

    def __init__(self, file: Path, data: h5py.Dataset) -> None:
        self._file, self._name = file, data.name
        self._skip = leading_ones(data.shape)
        self.shape: tuple[int, ...] = data.shape[self._skip :]
        self.dtype: np.dtype[Any] = data.dtype

    def __getitem__(self, key: Any) -> npt.NDArray[Any]:
        import h5py

        rest = key if isinstance(key, tuple) else (key,)
        try:
            with h5py.File(self._file, "r") as opened:
                return np.asarray(opened[self._name][(0,) * self._skip + rest])
        except (OSError, KeyError) as exc:
            raise VolumeError(f"{self._file}{self._name}: cannot be read: {exc}") from exc


def accepts(uri: str) -> bool:
    """Whether ``uri`` is an HDF5 file or a path inside one."""
    return _file(Path(uri)) is not None


def open_hdf5(uri: str) -> Source:
    """Open the data set. Attributes, z, y, x: ``element_size_um``, or ``resolution`` and ``offset`` in nm."""
    import h5py

    file = _file(Path(uri))
    if file is None:
        raise VolumeError(f"{uri}: no HDF5 file")
    try:
        with h5py.File(file, "r") as opened:
            data = _dataset(opened, Path(uri).relative_to(file).as_posix(), uri)
            array = Hdf5Array(file, data)
            return Source(
                array=array,
                voxel_size=_voxel_size(data, uri),
                lower_edge_nm=_numbers(data, "offset", uri),
                chunks=data.chunks[-len(array.shape) :] if data.chunks else unchunked(array.shape),
                digest=f"{stamp(file)} {data.name}",
            )
    except OSError as exc:
        raise VolumeError(f"{file}: damaged HDF5 file: {exc}") from exc


def _file(path: Path) -> Path | None:
    for candidate in (path, *path.parents):
        if candidate.is_file():
            with candidate.open("rb") as opened:
                return candidate if opened.read(len(_SIGNATURE)) == _SIGNATURE else None
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
        if isinstance(item, h5py.Dataset) and len(item.shape) - leading_ones(item.shape) == 3:
            found.append(item)

    group.visititems(visit)
    return found


def _listed(group: h5py.Group) -> str:
    return ", ".join(item.name.lstrip("/") for item in _images(group)) or "none"


def _voxel_size(data: h5py.Dataset, uri: str) -> VoxelSize | None:
    micrometres, nanometres = _numbers(data, "element_size_um", uri), _numbers(data, "resolution", uri)
    size = nanometres if micrometres is None else triple([value * 1000 for value in micrometres])
    try:
        return None if size is None else VoxelSize(size)
    except GeometryError as exc:
        raise VolumeError(f"{uri}: {exc}") from exc


def _numbers(data: h5py.Dataset, name: str, uri: str) -> FloatTriple | None:
    if name not in data.attrs:
        return None
    try:
        return triple([float(value) for value in data.attrs[name]])
    except (TypeError, ValueError, GeometryError):
        raise VolumeError(f"{uri}: attribute {name!r} must be three numbers, found {data.attrs[name]!r}") from None
