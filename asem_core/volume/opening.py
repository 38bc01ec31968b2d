"""Opening volumes: which reader, which voxel size, and whether what was found is a 3D image at all."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import numpy as np

from asem_core.errors import AsemError, VolumeError
from asem_core.geometry import VoxelSize
from asem_core.volume import layout
from asem_core.volume.address import absolute, remembering
from asem_core.volume.axes import Axes, arranged
from asem_core.volume.identity import array_digest
from asem_core.volume.source import Source, Stored
from asem_core.volume.stated import choose_voxel_size, settle
from asem_core.volume.unfinished import refuse_unfinished, unfinished_note
from asem_core.volume.volume import LazyArray, Volume

if TYPE_CHECKING:
    from asem_core.registry import Names, Registry
    from asem_core.specs import ReaderSpec

log = logging.getLogger(__name__)

_SAME_VOXEL = 1e-3
"""Voxel sizes that agree within this fraction are one voxel size written with different precision."""


def as_volume(
    given: Volume | str | Path,
    *,
    labels: str | None = None,
    registry: Registry | None = None,
    voxel_size: VoxelSize | Sequence[float] | None = None,
    only_if_unstated: bool = False,
    allow_unfinished: bool = False,
) -> Volume:
    """``given``, opened if it is not a volume yet.

    Parameters
    ----------
    given
        A volume, or an address. A volume stays as it is; only its bytes come in the machine's order, and what has no
        identity is given one: the digest of an array in memory, and for another, which is not read for it, one that no
        volume had before.
    labels
        The organelle whose labels are meant (`open_labels`); None: an image (`open_volume`).
    registry, voxel_size, allow_unfinished
        As in `open_volume`.
    only_if_unstated
        For several inputs with one ``voxel_size``: it is for those that do not state theirs, and must not hide that
        two of them disagree. A note says where it is not used.

    Raises
    ------
    VolumeError, UnfinishedError
        As `open_volume` and `open_labels`.
    """
    if isinstance(given, Volume):
        return _checked(given)

    def opened(size: VoxelSize | None) -> Volume:
        if labels is None:
            return open_volume(given, registry=registry, voxel_size=size, allow_unfinished=allow_unfinished)
        return open_labels(given, labels, registry=registry, voxel_size=size, allow_unfinished=allow_unfinished)

    size = None if voxel_size is None else VoxelSize.of(voxel_size)
    if size is None or not only_if_unstated:
        return opened(size)
    try:
        volume = opened(None)
    except VolumeError:
        return opened(size)
    if volume.voxel_size.matches(size, tolerance=_SAME_VOXEL):
        return volume
    note = f"{given} states voxels of {volume.voxel_size}: --voxel-size {size} is not used for it"
    return attrs.evolve(volume, notes=(*volume.notes, note))


def open_volume(
    uri: str | Path,
    *,
    registry: Registry | None = None,
    voxel_size: VoxelSize | Sequence[float] | None = None,
    allow_unfinished: bool = False,
) -> Volume:
    """Open a 3D image without reading it.

    Parameters
    ----------
    uri
        A folder of TIFF sections, a multi-page TIFF, a Zarr or N5 array, an OME-Zarr image, a precomputed volume, an
        HDF5 data set, a file of MRC, Imaris, NIfTI, NRRD or NumPy, or the root of a container: then its image is opened
        (level 0 of an OME-Zarr, ``volumes/raw`` of the published layout). Zarr, N5 and precomputed volumes may also lie
        at ``http(s)://`` and ``s3://``, Zarr at ``gs://`` and ``az://``.
    registry
        Where readers come from; by default everything installed.
    voxel_size
        Voxel size in nm, or its three numbers (z, y, x).
        Needed where the data does not say; where it does, this one wins and a note says so.
    allow_unfinished
        Open it also where it is part of an output that is not whole: for looking, not for measuring.

    Raises
    ------
    UnfinishedError
        It is part of an output that is not whole; the message names the command that finishes it.
    VolumeError
        Nothing there, no or several readers, not a 3D gray image, or an unknown voxel size.

    Examples
    --------
    >>> print(open_volume("sections/", voxel_size=(5, 5, 5)))  # doctest: +SKIP
    """
    if registry is None:
        from asem_core.registry import make_registry

        registry = make_registry()
    address = absolute(uri)
    try:
        with remembering():
            if not allow_unfinished:
                refuse_unfinished(address)
            unfinished = unfinished_note(address) if allow_unfinished else None
            spec = _pick_reader(address, registry.readers)
            source = _open(spec, address)
    except OSError as exc:
        raise VolumeError(f"{address}: cannot be read: {exc.strerror or exc}") from exc
    found = settle(source.stated, source.array, chunks=source.chunks, uri=address)
    _check_image(found.array, address)
    given = None if voxel_size is None else VoxelSize.of(voxel_size)
    size, notes = choose_voxel_size(found, given, agree=_SAME_VOXEL, uri=address)
    return Volume(
        array=found.array,
        voxel_size=size,
        lower_edge_nm=found.lower_edge_nm or (0.0, 0.0, 0.0),
        states_place=found.lower_edge_nm is not None,
        uri=address,
        format=spec.name,
        chunks=found.chunks,
        identity={
            "uri": address,
            "format": spec.name,
            "shape": list(found.array.shape),
            "dtype": str(found.array.dtype),
            "digest": source.digest,
        },
        notes=source.notes + found.notes + notes + ((unfinished,) if unfinished else ()),
        first_section=source.first_section,
    )


def open_labels(
    uri: str | Path,
    organelle: str,
    *,
    registry: Registry | None = None,
    voxel_size: VoxelSize | Sequence[float] | None = None,
    allow_unfinished: bool = False,
) -> Volume:
    """Open the labels of ``organelle``.

    Parameters
    ----------
    uri
        An OME-Zarr image (``labels/<organelle>`` is opened), a container in the published layout
        (``volumes/labels/<organelle>``), or the label image itself: TIFF, a Zarr array, a level of an OME-Zarr, or an
        OME-Zarr that says that it is one.
    organelle
        Name of the label image inside a container.
    registry, voxel_size, allow_unfinished
        As in `open_volume`.

    Raises
    ------
    VolumeError
        As `open_volume`; also when the container has no such labels (the message lists those it has), or when the
        image is not of integers.
    """
    with remembering():
        address = layout.find_labels(absolute(uri), organelle)
        volume = open_volume(address, registry=registry, voxel_size=voxel_size, allow_unfinished=allow_unfinished)
    if volume.dtype.kind not in "uib":
        raise VolumeError(f"{address}: labels are integers, found {volume.dtype}; threshold a probability map first")
    return volume


def _pick_reader(uri: str, readers: Names[ReaderSpec]) -> ReaderSpec:
    from asem_core.registry import resolve, said_of

    accepting = [spec for spec in readers.values() if resolve(spec.accepts)(uri)]
    if len(accepting) == 1:
        return accepting[0]
    if accepting:
        names = " and ".join(spec.name for spec in accepting)
        raise VolumeError(f"{uri}: the readers {names} both accept it; give the path of the array inside")
    raise VolumeError(f"{uri}: {layout.describe_path(uri)}{said_of(readers.broken)}")


def _open(spec: ReaderSpec, uri: str) -> Source:
    from asem_core.registry import resolve

    _check_requirements(spec, uri)
    try:
        source = resolve(spec.open)(uri)
    except (AsemError, OSError):
        raise
    except Exception as exc:  # damaged headers make the libraries that read them raise whatever they like
        log.info("where it happened", exc_info=True)
        problem = " ".join(f"{type(exc).__name__}: {exc}".split())
        raise VolumeError(f"{uri}: damaged, or not understood by the reader {spec.name}: {problem}") from exc
    if not isinstance(source, Source):
        raise VolumeError(f"{uri}: the reader {spec.name} returned {type(source).__name__}, expected a Source")
    return attrs.evolve(source, array=Stored(source.array, reader=spec.open, uri=uri, digest=source.digest))


def _check_requirements(spec: ReaderSpec, uri: str) -> None:
    from importlib.util import find_spec

    for requirement in spec.requires:
        package, _, distribution = (part.strip() for part in requirement.partition(":"))
        if find_spec(package) is None:
            raise VolumeError(f"{uri}: reading {spec.name} needs {package}: pip install '{distribution or package}'")


def _checked(volume: Volume) -> Volume:
    """A volume that no reader opened, as one that is opened would be."""
    _check_image(volume.array, volume.uri)
    array = arranged(volume.array, Axes((0, 1, 2), 3))
    if volume.identity and array is volume.array:
        return volume
    return attrs.evolve(volume, array=array, identity=volume.identity or {"digest": array_digest(volume.array)})


def _check_image(array: LazyArray, uri: str) -> None:
    if 0 in array.shape:
        raise VolumeError(f"{uri}: the volume is empty, its shape is {array.shape}")
    if np.dtype(array.dtype).kind not in "uifb":
        raise VolumeError(
            f"{uri}: expected integers, floats or booleans, found {array.dtype}; convert it to uint8 first"
        )
