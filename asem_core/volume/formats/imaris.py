"""Reader of Imaris (``.ims``), which is HDF5: the finest level of a file with one channel and one time point.

Attributes are lists of characters. ``ExtMin0`` and ``ExtMax0`` bound the image along x, ``1`` y, ``2`` z, in ``Unit``,
else in micrometres. Data are padded to whole blocks; ``ImageSizeX`` of a channel says where the image ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from asem_core.errors import VolumeError
from asem_core.volume.address import stamp
from asem_core.volume.formats.hdf5 import IMARIS, PADDED, Hdf5Array
from asem_core.volume.formats.tensors import from_zero
from asem_core.volume.source import Source, unchunked
from asem_core.volume.stated import Lengths, Stated

_LEVEL = "DataSet/ResolutionLevel 0"


def accepts(uri: str) -> bool:
    """Whether ``uri`` is a file with the suffix of Imaris."""
    path = Path(uri)
    return path.suffix.lower() == IMARIS and path.is_file()


def open_imaris(uri: str) -> Source:
    """Open the image; the padding around it is left out."""
    import h5py

    path = Path(uri)
    try:
        with h5py.File(path, "r") as file:
            channel = _only(_only(file.get(_LEVEL), "TimePoint", uri), "Channel", uri)
            data = channel.get("Data")
            if not isinstance(data, h5py.Dataset) or data.ndim != 3:
                raise VolumeError(f"{uri}: no image at {channel.name}/Data; export it again from Imaris")
            shape = _shape(channel.attrs, data.shape)
            return Source(
                array=_Cut(Hdf5Array(path, data), shape or data.shape),
                stated=_stated(file, shape),
                chunks=data.chunks or unchunked(data.shape),
                digest=f"{stamp(path)} {data.name}",
                notes=() if shape else (PADDED,),
            )
    except OSError as exc:
        raise VolumeError(f"{path}: damaged Imaris file, or another program holds it: {exc}") from exc


class _Cut:
    """The image without its padding."""

    def __init__(self, array: Hdf5Array, shape: tuple[int, ...]) -> None:
        self._array = array
        self.shape, self.dtype = shape, array.dtype

    def __getitem__(self, key: Any) -> npt.NDArray[Any]:
        asked = key if isinstance(key, tuple) else (key,)
        return self._array[from_zero((*asked, *[slice(None)] * (3 - len(asked))), self.shape)]


def _only(group: Any, kind: str, uri: str) -> Any:
    """The one ``kind`` in ``group``, such as ``Channel 0``."""
    names = [name for name in group or () if name.startswith(f"{kind} ")]
    if not names:
        raise VolumeError(f"{uri}: no {kind} in {_LEVEL}: no file of Imaris 5.5 or later; export it again from Imaris")
    if len(names) > 1:
        raise VolumeError(
            f"{uri}: expected one channel and one time point, found {len(names)} ({', '.join(sorted(names)[:3])}); "
            f"give the one to segment: {uri}/{_LEVEL}/TimePoint 0/Channel 0/Data"
        )
    return group[names[0]]


def _shape(attributes: Mapping[str, Any], stored: tuple[int, ...]) -> tuple[int, ...] | None:
    """Of the image (z, y, x), where it says so and fits into what is stored."""
    said = [_text(attributes.get(f"ImageSize{axis}")) for axis in "ZYX"]
    if not all(length.isdecimal() for length in said):
        return None
    shape = tuple(int(length) for length in said)
    return shape if all(0 < length <= most for length, most in zip(shape, stored, strict=True)) else None


def _stated(file: Any, shape: tuple[int, ...] | None) -> Stated:
    image = file.get("DataSetInfo/Image")
    attributes = {} if image is None else image.attrs
    names = [f"Ext{end}{axis}" for end in ("Min", "Max") for axis in "210"]
    said = [_text(attributes.get(name)) for name in names]
    if not any(said):
        return Stated()
    if shape is None:
        return Stated(unclear=("its extent is there, but not how many voxels that is (ImageSizeX)",))
    try:
        bounds = np.array(said, np.float64).reshape(2, 3)
    except ValueError:
        return Stated(unclear=(f"its extent (ExtMin, ExtMax; z,y,x) is {', '.join(said)}",))
    units, where = _text(attributes.get("Unit")) or "um", "the extent of its image by its shape"
    size = Lengths(values=list((bounds[1] - bounds[0]) / shape), units=units, axes="zyx", where=where)
    edge = Lengths(values=bounds[0].tolist(), units=units, axes="zyx", where="ExtMin of its image (z,y,x)")
    return Stated(size=size, edge=edge)


def _text(value: Any) -> str:
    """An attribute, which is a list of characters; empty where there is none."""
    if value is None:
        return ""
    parts = [each.decode("utf-8", "replace") if isinstance(each, bytes) else str(each) for each in np.ravel(value)]
    return "".join(parts).strip().strip("\0")
